# Sourced by demo.sh and test.sh: installs what is missing, builds.
# The list of packages is .ci/packages.txt; lines are Debian 12 names.

v2s_install() {
    missing=
    for package in $(cat .ci/packages.txt); do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
            missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    root=
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || {
            echo "needs root or sudo to install:$missing" >&2
            exit 1
        }
        root=sudo
    fi
    echo "installing:$missing"
    $root apt-get update -qq
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive $root apt-get install -y -qq --no-install-recommends \
        $missing >/dev/null
}

# Python packages of tests/cli/{onnx,examples,numbers}.sh, which say why they are skipped where
# these cannot be had.
# V2S_PYTHON names another interpreter that has them.
v2s_python() {
    packages='numpy scipy onnx onnxruntime safetensors'
    imports='import numpy, scipy, onnx, onnxruntime, safetensors'
    [ -z "${V2S_PYTHON:-}" ] || return 0
    .venv/bin/python -c "$imports" 2>/dev/null && return 0
    echo "installing into .venv: $packages"
    # shellcheck disable=SC2086
    { python3 -m venv .venv && .venv/bin/pip install --quiet --disable-pip-version-check \
        --timeout 20 --retries 1 $packages; } >.venv.log 2>&1 ||
        echo "not installed (.venv.log says why): tests that need Python will be skipped" >&2
}

# v2s_build FOLDER [cmake options]
v2s_build() {
    folder=$1
    shift
    cmake -S . -B "$folder" "$@" >"$folder.log" 2>&1 &&
        cmake --build "$folder" -j "$(nproc)" >>"$folder.log" 2>&1 || {
        tail -n 40 "$folder.log" >&2
        echo "the build failed; all of it is in $folder.log" >&2
        exit 1
    }
}
