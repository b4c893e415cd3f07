# Layers only point down: which folder may include which.
. "$(dirname "$0")/lib.sh"

# allowed FOLDER "FOLDERS...": every include of FOLDER names one of FOLDERS (or itself)
allowed() {
    pattern="$1/"
    for layer in $2; do pattern="$pattern|$layer/"; done
    bad=$(grep -nE '^#include "' -r "$1" --include='*.[ch]' --include='*.cu' |
        grep -vE "#include \"($pattern)")
    if [ -z "$bad" ]; then
        ok
    else
        not_ok "$1" "includes what lies above or beside it:
$bad"
    fi
}

allowed kernels ""
allowed nn "kernels"
allowed spatial "kernels"
allowed checkpoints "kernels"
allowed data "kernels spatial"
allowed infer "kernels nn spatial checkpoints data"
allowed train "kernels nn spatial checkpoints data infer"
finish
