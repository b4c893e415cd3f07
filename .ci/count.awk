# Adds up the test cases of a ctest -V log.
#   Criterion:      [====] Synthesis: Tested: 12 | Passing: 11 | Failing: 1 | Crashing: 1
#                   (crashed tests are among the failing ones, skipped ones are not counted there)
#                   [SKIP] suite::name: reason
#   shell scripts:  cases: 12 passed, 0 failed, 1 skipped
# A test that ended badly without having counted a failed case (a crash, a time-out, a sanitizer's
# finding) counts as one.
/Synthesis: Tested:/ {
    for (i = 1; i <= NF; i++) {
        if ($i == "Passing:") passed += $(i + 1)
        if ($i == "Failing:") { failed += $(i + 1); here += $(i + 1) }
    }
}
/\[SKIP\]/ { skipped++ }
/cases: [0-9]+ passed, / {
    for (i = 1; i <= NF; i++) {
        if ($i ~ /^passed/) passed += $(i - 1)
        if ($i ~ /^failed/) { failed += $(i - 1); here += $(i - 1) }
        if ($i ~ /^skipped/) skipped += $(i - 1)
    }
}
/^ *[0-9]+\/[0-9]+ Test +#/ {
    if ($0 ~ /\*\*\*(Failed|Timeout|Exception|Not Run)/ && here == 0) failed++
    if ($0 ~ /\*\*\*Skipped/) skipped++
    here = 0
}
END {
    if (result != 0 && failed == 0) failed = 1
    printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
}
