# Exported networks in the hands of others: onnx.checker, onnxruntime (tests/tools/check_onnx.py).
# Python with the packages: $V2S_PYTHON, else .venv/bin/python (.ci/setup.sh makes it).
. "$(dirname "$0")/lib.sh"

forward=$(dirname "$maker")/network_forward
python=$(absolute "${V2S_PYTHON:-.venv/bin/python}")
why=$("$python" -c 'import numpy, onnx, onnxruntime, safetensors' 2>&1) || {
    skip "networks in onnxruntime" "$(echo "$why" | tail -n 1)"
    finish
}
"$python" tests/tools/check_onnx.py "$program" "$forward" checkpoints "$out"
exit $?
