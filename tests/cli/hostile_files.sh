# Trajectories, boxes, weights and heads that are damaged or not what they should be.
. "$(dirname "$0")/lib.sh"
fixtures
sound="--sound $in/sound.wav"
target="-o $out/o.wav --binaural $out/b.wav"
columns=time_s,object,az_deg,el_deg,dist_m,confidence

# trajectory NAME PATTERN LINES...: refused by render and by info
trajectory() {
    what=$1 words=$2
    shift 2
    printf '%s\n' "$@" >"$in/t.csv"
    # shellcheck disable=SC2086
    refuse "trajectory: $what" "t.csv.*($words)" render --trajectory "$in/t.csv" $sound $target
    refuse "info on a trajectory: $what" "t.csv.*($words)" info "$in/t.csv"
}

trajectory "unsorted times" "line 3.*time" $columns 1,1,0,0,1,1 0.5,1,0,0,1,1
trajectory "a time twice" "line 3.*time" $columns 1,1,0,0,1,1 1,1,5,0,1,1
trajectory "NaN" "line 2.*az_deg" $columns 0,1,nan,0,1,1
trajectory "infinity" "line 2.*dist_m" $columns 0,1,0,0,inf,1
trajectory "a word" "line 3.*el_deg.*up" $columns 0,1,0,0,1,1 1,1,0,up,1,1
trajectory "elevation 91" "line 2.*el_deg" $columns 0,1,0,91,1,1
trajectory "no distance" "line 2.*dist_m" $columns 0,1,0,0,0,1
trajectory "behind zero" "line 2.*dist_m" $columns 0,1,0,0,-2,1
trajectory "confidence 2" "line 2.*confidence" $columns 0,1,0,0,1,2
trajectory "a column short" "line 2" $columns 0,1,0,0,1
trajectory "no name" "line 2.*object" $columns 0,,0,0,1,1
trajectory "header alone" "row" $columns
trajectory "another version" "version" "# v2s trajectory 2: future" $columns 0,1,0,0,1,1
trajectory "a missing column" "dist_m" time_s,object,az_deg,el_deg,confidence 0,1,0,0,1
: >"$in/empty.csv"
printf '\000\001\002\377binary\n' >"$in/binary.csv"
for file in missing.csv empty.csv binary.csv frames; do
    # shellcheck disable=SC2086
    refuse "trajectory $file" "$file" render --trajectory "$in/$file" $sound $target
done
printf '%s\r\n' $columns 0,1,370,0,1,1 '' 1,1,0,0,1,1 >"$in/crlf.csv"
# shellcheck disable=SC2086
accept "line ends of another system" "" render --trajectory "$in/crlf.csv" $sound $target
printf '%s\n' $columns 0,1,20,0,1,1 >"$in/good.csv"
good="--trajectory $in/good.csv $sound $target"

# ---- objects and their sounds
# shellcheck disable=SC2086
refuse "a missing sound of an object" "nothing.wav" render --trajectory "$in/good.csv" $target \
    --object "name=1;sound=$in/nothing.wav"
# shellcheck disable=SC2086
refuse "an object that the trajectory does not have" "good.csv: no object is named 'bird'" render \
    --trajectory "$in/good.csv" $target $sound --object "name=bird;sound=$in/sound.wav"
printf '%s\n' $columns 0,1,20,0,30000,1 >"$in/far.csv"
# shellcheck disable=SC2086
refuse "too far for a delay" "object '1': distance 30000 m.* 20000" render $sound $target --doppler \
    --trajectory "$in/far.csv"
# shellcheck disable=SC2086
refuse "half a hertz" "44100.5 Hz cannot be written" render $good --rate 44100.5

# ---- boxes
# boxes NAME PATTERN LINES...
boxes() {
    what=$1 words=$2
    shift 2
    printf '%s\n' "$@" >"$in/boxes.txt"
    refuse "boxes: $what" "boxes.txt.*($words)" track "$in/mute.mkv" --boxes-in "$in/boxes.txt" \
        -o "$out/o.csv" --fov 60
}
boxes "NaN" "line 1" 1,1,nan,5,5,5
boxes "no width" "line 1" 1,1,5,5,0,5
boxes "frame 0" "line 1.*frame" 0,1,5,5,5,5
boxes "twice" "two boxes" 1,1,5,5,5,5 1,1,6,6,5,5
boxes "words" "line 2" 1,1,5,5,5,5 one,two
boxes "none" "not a single box" "# nothing"
refuse "boxes: missing" "nothing.txt" track "$in/mute.mkv" --boxes-in "$in/nothing.txt" \
    -o "$out/o.csv"
printf '70,1,5,5,5,5\n' >"$in/boxes.txt"
refuse "boxes after the end" "no box before the video ends" track "$in/mute.mkv" \
    --boxes-in "$in/boxes.txt" -o "$out/o.csv" --fov 60
printf '1,1,5,5,5,5\n1,4,50,50,20,20\n30,1,9,9,5,5\n' >"$in/boxes.txt"
accept "boxes with holes" "lost in 97 %" track "$in/mute.mkv" --boxes-in "$in/boxes.txt" -o "$out/o.csv" \
    --fov 60 --quiet

# ---- weights
# weights FILE PATTERN: refused by render and by info
weights() {
    # shellcheck disable=SC2086
    refuse "weights $1" "$1.*($2)" render $good --refiner "$in/$1"
    refuse "info on weights $1" "$1.*($2)" info "$in/$1"
}

# tensors FILE HEADER BYTES: header length, header, that many zero bytes
tensors() {
    length=$(printf %s "$2" | wc -c)
    printf "\\$(printf %o $((length % 256)))\\$(printf %o $((length / 256)))\0\0\0\0\0\0" >"$in/$1"
    printf %s "$2" >>"$in/$1"
    head -c "$3" /dev/zero >>"$in/$1"
}

: >"$in/w-empty.safetensors"
printf '\377\377\377\377\377\377\377\177{}' >"$in/w-length.safetensors"
printf '\100\102\017\0\0\0\0\0{}' >"$in/w-short.safetensors"
head -c 2000 "$in/refiner.safetensors" >"$in/w-cut.safetensors"
tail -c 3000 "$in/sound.wav" >"$in/w-noise.safetensors"
tensors w-json.safetensors '{"conv1d.weight":' 16
tensors w-overlap.safetensors '{"conv1d.weight":{"dtype":"F32","shape":[1,4,1],"data_offsets":[0,16]},"conv1d.bias":{"dtype":"F32","shape":[1],"data_offsets":[12,16]}}' 16
tensors w-outside.safetensors '{"conv1d.weight":{"dtype":"F32","shape":[1,4,1],"data_offsets":[0,16]}}' 8
tensors w-shape.safetensors '{"conv1d.weight":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}' 16
tensors w-dtype.safetensors '{"conv1d.weight":{"dtype":"F99","shape":[1,4,1],"data_offsets":[0,16]}}' 16
tensors w-missing.safetensors '{"conv1d.weight":{"dtype":"F32","shape":[1,4,1],"data_offsets":[0,16]}}' 16
tensors w-huge.safetensors '{"conv1d.weight":{"dtype":"F32","shape":[4294967296,4294967296,4],"data_offsets":[0,16]}}' 16
LC_ALL=C sed 's/"F32"/"I32"/g' "$in/refiner.safetensors" >"$in/w-int.safetensors"
LC_ALL=C sed 's/"16000"/"16OOO"/' "$in/refiner.safetensors" >"$in/w-rate.safetensors"
weights missing.safetensors "No such file"
weights w-empty.safetensors ""
weights w-length.safetensors "9223372036854775807"
weights w-short.safetensors "1000000"
weights w-cut.safetensors "bytes of tensor data|offsets|outside"
weights w-noise.safetensors ""
weights w-json.safetensors "JSON"
weights w-overlap.safetensors "offset|overlap"
weights w-outside.safetensors "offset|bytes"
weights w-shape.safetensors "conv1d.weight.*dimensions"
weights w-dtype.safetensors "conv1d.weight.*dtype.*F99"
weights w-missing.safetensors "gru.weight_hh_l0 is missing"
weights w-huge.safetensors "conv1d.weight.*shape"
weights w-int.safetensors "I32"
weights w-rate.safetensors "rate_hz.*16OOO"
weights nan.safetensors "output.bias"
# shellcheck disable=SC2086
refuse "weights that are a folder" "frames" render $good --refiner "$in/frames"
# shellcheck disable=SC2086
accept "weights without a rate" "plain.safetensors.*rate_hz.*48000" render $good \
    --refiner "$in/plain.safetensors"
# shellcheck disable=SC2086
accept "weights" "" render $good --refiner "$in/refiner.safetensors"

# ---- heads
head=/usr/share/libmysofa/default.sofa
: >"$in/empty.sofa"
echo "not a head" >"$in/text.sofa"
for file in missing.sofa empty.sofa text.sofa frames; do
    # shellcheck disable=SC2086
    refuse "head $file" "$file" render $good --hrtf "$in/$file"
done
if [ -r $head ]; then
    head -c 20000 $head >"$in/cut.sofa"
    { head -c 5000 $head; tail -c 2000 "$in/sound.wav"; tail -c +7001 $head; } >"$in/bent.sofa"
    # shellcheck disable=SC2086
    refuse "head cut.sofa" "cut.sofa" render $good --hrtf "$in/cut.sofa"
    # Damage in the middle may or may not be seen; it must never end badly.
    # shellcheck disable=SC2086
    run render $good --hrtf "$in/bent.sofa"
    [ "$code" -le 1 ] && [ -z "$(strange_lines)" ] && ok ||
        not_ok "head bent.sofa" "exit code $code $(strange_lines)"
    refuse "info on cut.sofa" "cut.sofa" info "$in/cut.sofa"
    accept "info on a head" "" info $head
else
    skip "a cut head" "no $head"
fi
finish
