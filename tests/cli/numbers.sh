# README's "Reproduce published numbers" (tests/tools/published_numbers.py). Python with numpy and
# scipy: $V2S_PYTHON, else .venv/bin/python; what needs more packages is named as skipped.
. "$(dirname "$0")/lib.sh"

python=$(absolute "${V2S_PYTHON:-.venv/bin/python}")
why=$("$python" -c 'import numpy, scipy' 2>&1) || {
    skip "published numbers" "$(echo "$why" | tail -n 1)"
    finish
}
export PYTHONDONTWRITEBYTECODE=1 # nothing of it into tests/tools
code=0
"$python" -W ignore tests/tools/published_numbers.py "$program" "$out" \
    >"$work/stdout" 2>"$work/stderr" || code=$?
if [ "$code" -eq 0 ] && grep -Eq '^[1-9][0-9]* numbers, 0 of them too far off$' "$work/stdout"; then
    ok
else
    not_ok "published numbers" "exit code $code, $(grep 'too far off' "$work/stdout")"
    grep -F '**' "$work/stdout"
fi
grep '^left out' "$work/stdout" >"$work/missing"
while read -r line; do
    skip "published numbers" "$line"
done <"$work/missing"
finish
