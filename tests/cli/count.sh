# The last line of test.sh counts test cases (.ci/count.awk), from what ctest -V really prints.
. "$(dirname "$0")/lib.sh"

# counts NAME RESULT EXPECTED LINES...
counts() {
    what=$1 result=$2 want=$3
    shift 3
    got=$(printf '%s\n' "$@" | awk -v result="$result" -f .ci/count.awk)
    if [ "$got" = "$want" ]; then ok; else not_ok "$what" "'$got', expected '$want'"; fi
}

crit="5: [====] Synthesis: Tested:"
end="Test  #5: data/test_x ...."
counts "nothing" 0 "0 passed, 0 failed, 0 skipped"
counts "two programs" 0 "15 passed, 0 failed, 0 skipped" \
    "$crit 12 | Passing: 12 | Failing: 0 | Crashing: 0 " " 1/2 $end   Passed    0.60 sec" \
    "$crit 3 | Passing: 3 | Failing: 0 | Crashing: 0 " " 2/2 $end   Passed    0.60 sec"
counts "a crash is one failure" 8 "10 passed, 2 failed, 0 skipped" \
    "$crit 12 | Passing: 10 | Failing: 2 | Crashing: 1 " " 1/1 $end***Failed    0.60 sec"
counts "skipped tests of Criterion" 0 "1 passed, 0 failed, 2 skipped" \
    "5: [SKIP] a::b: this processor has none" "5: [SKIP] a::c: absent" \
    "$crit 1 | Passing: 1 | Failing: 0 | Crashing: 0 " " 1/1 $end   Passed    0.60 sec"
counts "a script" 0 "27 passed, 0 failed, 3 skipped" \
    "55: cases: 27 passed, 0 failed, 3 skipped" "55/55 $end   Passed    3.64 sec"
counts "a script that fails" 8 "26 passed, 1 failed, 0 skipped" \
    "55: cases: 26 passed, 1 failed, 0 skipped" "55/55 $end***Failed    3.64 sec"
counts "a sanitizer's finding without a failed case" 8 "3 passed, 1 failed, 0 skipped" \
    "$crit 3 | Passing: 3 | Failing: 0 | Crashing: 0 " \
    " 1/1 $end***Failed  Error regular expression found in output. Regex=[x]  0.60 sec"
counts "a time-out" 8 "0 passed, 1 failed, 0 skipped" " 1/1 $end***Timeout  600.60 sec"
counts "a broken program" 8 "0 passed, 1 failed, 0 skipped" " 1/1 $end***Exception: SegFault  0.1 sec"
counts "a program that was not built" 8 "0 passed, 1 failed, 0 skipped" " 1/1 $end***Not Run   0.0 sec"
counts "a program that skips itself" 0 "0 passed, 0 failed, 1 skipped" " 1/1 $end***Skipped   0.0 sec"
counts "ctest failed for another reason" 8 "0 passed, 1 failed, 0 skipped"
finish
