# Sourced by the scripts beside it. Each `check` is a test case; finish prints the count that
# test.sh adds up.
#   usage of a script: sh tests/cli/NAME.sh PROGRAM MAKE_FIXTURES
# MAKE_FIXTURES is tests/tools/make_fixtures.c, built; only scripts that call `fixtures` need it.
set -u

absolute() {
    case $1 in
    /*) echo "$1" ;;
    *) echo "$PWD/$1" ;;
    esac
}

program=$(absolute "$1")
called=$(basename "$program") # how it begins its error sentences
maker=$(absolute "${2:-make_fixtures}")
media=$(absolute tests/data/media)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
out=$work/out # where programs write; `refuse` and `accept` look for what is left behind
in=$work/in   # what `fixtures` makes
mkdir "$out" "$work/tmp"
TMPDIR=$work/tmp
export TMPDIR
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

# fixtures: fills $in, or ends the script
fixtures() {
    "$maker" "$in" || {
        echo "not ok: make_fixtures failed"
        failed=$((failed + 1))
        finish
    }
}

# Lines of standard error that are neither the error, nor warnings, nor progress.
strange_lines() {
    grep -vE "^($called|warning: |tracking |rendering )" "$work/stderr" | head -n 1
}

# Temporary files that are still there.
leftovers() {
    ls "$out" | grep partial | head -n 1
    ls "$work/tmp" | head -n 1
}

# refuse NAME PATTERN ARGS...: exit 1, one sentence that matches, and not a single file in $out or
# the folder for temporary files
refuse() {
    name=$1 pattern=$2
    shift 2
    rm -rf "$out" && mkdir "$out"
    run "$@"
    sentences=$(grep -c "^$called" "$work/stderr")
    if [ "$code" -ne 1 ]; then
        not_ok "$name" "exit code $code, expected 1"
    elif [ "$sentences" -ne 1 ]; then
        not_ok "$name" "$sentences error sentences, expected one"
    elif [ -n "$(strange_lines)" ]; then
        not_ok "$name" "a strange line: $(strange_lines)"
    elif ! grep -E "^$called" "$work/stderr" | grep -Eq -- "$pattern"; then
        not_ok "$name" "the sentence does not match '$pattern'"
    elif [ -n "$(ls "$out")$(leftovers)" ]; then
        not_ok "$name" "left behind: $(ls "$out") $(leftovers)"
    else
        ok
    fi
}

# accept NAME PATTERN ARGS...: exit 0, warnings of which one matches (no warning at all where
# PATTERN is empty), no temporary file is left
accept() {
    name=$1 pattern=$2
    shift 2
    rm -rf "$out" && mkdir "$out"
    run "$@"
    if [ "$code" -ne 0 ]; then
        not_ok "$name" "exit code $code, expected 0"
    elif [ -n "$(strange_lines)" ]; then
        not_ok "$name" "a strange line: $(strange_lines)"
    elif [ -z "$pattern" ] && grep -q '^warning: ' "$work/stderr"; then
        not_ok "$name" "a warning where none is due"
    elif [ -n "$pattern" ] && ! grep '^warning: ' "$work/stderr" | grep -Eq -- "$pattern"; then
        not_ok "$name" "no warning matches '$pattern'"
    elif [ -n "$(leftovers)" ]; then
        not_ok "$name" "left behind: $(leftovers)"
    else
        ok
    fi
}

# exists NAME FILE: of the last `accept`, with something in it
exists() {
    if [ -s "$out/$2" ]; then ok; else not_ok "$1" "no $2"; fi
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
