# Help, version, wrong usage: exit codes and sentences (0 done, 1 failed, 2 usage).
. "$(dirname "$0")/lib.sh"

expect "no command" 2 "Usage: v2s-infer COMMAND"
expect "unknown command" 2 "unknown command 'rendr'" rendr
run --version
[ "$code" -eq 0 ] && grep -Eq '^v2s-infer [0-9]+\.[0-9]+' "$work/stdout" && ok ||
    not_ok "version" "code $code"
for command in render track compare depth export info; do
    run "$command" --help
    if [ "$code" -eq 0 ] && grep -q "^Usage: v2s-infer $command" "$work/stdout" &&
        [ "$(sed -n '/^Examples:/,$p' "$work/stdout" | grep -c v2s-infer)" -ge 2 ]; then
        ok
    else
        not_ok "$command --help" "code $code, or no usage line, or fewer than two examples"
    fi
    # Every option of the help is accepted by the parser: a missing value or a bad one is another
    # sentence than "unknown option".
    unknown=
    for option in $(grep -oE -- '--[a-z0-9-]+' "$work/stdout" | sort -u); do
        "$program" "$command" "$option" 2>&1 </dev/null | grep -q "unknown option" &&
            unknown="$unknown $option"
    done
    [ -z "$unknown" ] && ok || not_ok "$command" "help names unknown options:$unknown"
done
expect "a misspelt option is corrected" 2 "did you mean --binaural" render --binarual x
expect "range" 2 "order: 9 is outside 1 .. 7" render --order 9
expect "not a number" 2 "fov: '6o' is not a number" render --fov 6o
expect "choice" 2 "format: 's32' is not one of float" render --format s32
expect "missing value" 2 "output needs a value" render -o
expect "no output" 2 "no output" render x.mp4 --box 1,2,3,4
expect "no input" 2 "no INPUT" render -o "$work/o.wav" --sound x.wav
expect "no object" 2 "no object" render x.mp4 -o "$work/o.wav"
expect "no object to track" 2 "no object" track x.mp4
expect "bad box" 2 "box: '1,2,3' is not" track x.mp4 --box 1,2,3
expect "negative size" 2 "box: '1,2,-3,4' is not" track x.mp4 --box 1,2,-3,4
expect "two inputs" 2 "unexpected argument 'b'" track a b
expect "box and trajectory" 2 "contradict" render x.mp4 -o o.wav --box 1,2,3,4 --trajectory t.csv
expect "channel and mix" 2 "contradict" render x.mp4 -o o.wav --box 1,2,3,4 --channel 1 --mix
expect "object field" 2 "unknown field 'volume'" render x.mp4 -o o.wav --object 'volume=3'
expect "object name twice" 2 "named 'a'" render x.mp4 -o o.wav \
    --object 'box=1,1,9,9;name=a' --object 'box=1,1,9,9;name=a'
expect "device" 2 "device" render x.mp4 -o o.wav --box 1,2,3,4 --device gpu
expect "cuda is refused before the input is read" 1 "cuda|CUDA" \
    render nothing.mp4 -o o.wav --box 1,2,3,4 --device cuda
run info --devices
[ "$code" -eq 0 ] && grep -q '^cpu ' "$work/stdout" && grep -q '^cuda ' "$work/stdout" && ok ||
    not_ok "info --devices" "code $code"
finish
