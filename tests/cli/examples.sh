# The Python examples, where Python has the packages: $V2S_PYTHON, else .venv/bin/python.
. "$(dirname "$0")/lib.sh"

forward=$(dirname "$maker")/network_forward
python=$(absolute "${V2S_PYTHON:-.venv/bin/python}")
why=$("$python" -c 'import numpy' 2>&1) || {
    skip "examples" "$(echo "$why" | tail -n 1)"
    finish
}
export PYTHONDONTWRITEBYTECODE=1 # nothing of it into tests/examples
"$python" tests/tools/check_examples.py "$program" "$forward" checkpoints tests/examples "$out"
exit $?
