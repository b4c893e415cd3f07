#!/bin/sh
# Installs what is missing (Python packages of some tests into .venv), builds, runs every test; the
# last line counts test cases.
#   test.sh [FOLDER [cmake options]]     e.g.: test.sh build-asan -DV2S_SANITIZE=ON
set -eu
cd "$(dirname "$0")"
. .ci/setup.sh

folder=${1:-build}
[ $# -eq 0 ] || shift
v2s_install
v2s_python
v2s_build "$folder" -DCMAKE_BUILD_TYPE=Release "$@"

log=$folder/Testing/output.log
mkdir -p "$folder/Testing"
result=0
(cd "$folder" && ctest -V --no-tests=error) >"$log" 2>&1 || result=$?

# ctest's own verdict line by line, then what failed in this run (a second one may pass), then
# everything a failed test prints.
grep -E '^ *[0-9]+/[0-9]+ Test' "$log" || true
if [ "$result" -ne 0 ]; then
    grep -E '^[0-9]+: (\[----\] +[^ ]|\[FAIL\]|not ok:|    stderr:)' "$log" || true
    (cd "$folder" && ctest --rerun-failed --output-on-failure) || true
fi
awk -v result="$result" -f .ci/count.awk "$log"
[ "$result" -eq 0 ] # ctest says 8, this script 1
