# Sourced by the scripts beside it. Each `check` is a test case; finish prints the count that
# test.sh adds up.
#   usage of a script: sh tests/cli/NAME.sh PROGRAM
set -u
program=$1
case $program in
/*) ;;
*) program=$PWD/$program ;;
esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0
failed=0
skipped=0

ok() {
    passed=$((passed + 1))
}

# not_ok NAME WHY: shows what the program said too
not_ok() {
    failed=$((failed + 1))
    echo "not ok: $1: $2"
    sed 's/^/    stderr: /' "$work/stderr" 2>/dev/null | head -n 5
}

skip() {
    skipped=$((skipped + 1))
    echo "skipped: $1: $2"
}

# run ARGS...: exit code in $code, output in $work/stdout and $work/stderr
run() {
    code=0
    "$program" "$@" >"$work/stdout" 2>"$work/stderr" || code=$?
}

# expect NAME CODE PATTERN ARGS...: the exit code, and a line of standard error that matches
expect() {
    name=$1 want=$2 pattern=$3
    shift 3
    run "$@"
    if [ "$code" -ne "$want" ]; then
        not_ok "$name" "exit code $code, expected $want"
    elif ! grep -Eq -- "$pattern" "$work/stderr"; then
        not_ok "$name" "standard error does not match '$pattern'"
    else
        ok
    fi
}

# refuse NAME PATTERN OUTPUT ARGS...: exit 1, one sentence that matches, and neither OUTPUT nor a
# partial file is left in its folder
refuse() {
    name=$1 pattern=$2 output=$3
    shift 3
    rm -f "$output"
    run "$@"
    sentences=$(grep -c '^v2s-infer' "$work/stderr")
    if [ "$code" -ne 1 ]; then
        not_ok "$name" "exit code $code, expected 1"
    elif [ "$sentences" -ne 1 ]; then
        not_ok "$name" "$sentences error sentences, expected one"
    elif ! grep -Eq -- "$pattern" "$work/stderr"; then
        not_ok "$name" "standard error does not match '$pattern'"
    elif [ -e "$output" ] || ls "$(dirname "$output")" | grep -q partial; then
        not_ok "$name" "something is left behind"
    else
        ok
    fi
}

# number KEY: from the JSON in $work/stdout
number() {
    sed -n "s/.*\"$1\":[[:space:]]*\([-0-9.eE+]*\).*/\1/p" "$work/stdout" | head -n 1
}

# near NAME KEY VALUE TOLERANCE: a JSON number
near() {
    got=$(number "$2")
    if [ -n "$got" ] && awk "BEGIN { d = $got - ($3); exit !(d <= $4 && d >= -($4)) }"; then
        ok
    else
        not_ok "$1" "$2 is '$got', expected $3 within $4"
    fi
}

finish() {
    echo "cases: $passed passed, $failed failed, $skipped skipped"
    [ "$failed" -eq 0 ]
    exit $?
}
