# Films, images and sounds that are damaged, empty, or not what they should be.
. "$(dirname "$0")/lib.sh"
fixtures
box="--box 5,7,24,24"
points=$work/points.csv
printf 'time_s,object,az_deg,el_deg,dist_m,confidence\n0,1,30,0,1,1\n' >"$points"

# ---- films
: >"$in/empty.mp4"
head -c 150000 "$in/film.mkv" >"$in/cut.mkv"
head -c 150000 "$in/film.mp4" >"$in/cut.mp4"
head -c 500 "$in/film.mkv" >"$in/stump.mkv"
# Noise that is the same every time: the samples of a sound.
tail -c 20000 "$in/sound.wav" >"$in/noise.mp4"
echo "this is not a film" >"$in/text.mp4"
{
    head -c 30000 "$in/mute.mkv"
    tail -c 300 "$in/sound.wav"
    tail -c +30301 "$in/mute.mkv"
} >"$in/damaged.mkv"

for command in "track" "render --sound $in/sound.wav"; do
    case $command in
    track) target="-o $out/o.csv" note="" ;;
    *) target="-o $out/o.wav" note="end of the video stays silent" ;;
    esac
    for case in "missing.mp4:No such file" "empty.mp4:empty" "noise.mp4:" "text.mp4:" \
        "cut.mp4:" "stump.mkv:" "sound.wav:no video stream"; do
        # shellcheck disable=SC2086
        refuse "$command ${case%%:*}" "${case%%:*}.*${case#*:}" $command "$in/${case%%:*}" $box \
            $target --fov 60
    done
    # shellcheck disable=SC2086
    accept "$command of a film cut short" "cut.mkv.*(truncated|decoded)" $command "$in/cut.mkv" \
        $box $target --fov 60 --overlay "$out/boxes.mp4"
    exists "$command of a film cut short" boxes.mp4
    # shellcheck disable=SC2086
    accept "$command of a damaged film" "damaged.mkv" $command "$in/damaged.mkv" $box $target \
        --fov 60
    # shellcheck disable=SC2086
    refuse "$command, box outside the picture" "object 1.*outside" $command "$in/film.mkv" \
        --box 192,10,20,20 $target --fov 60
    # shellcheck disable=SC2086
    accept "$command, box partly outside" "$note" $command "$in/mute.mkv" --box -4,2,30,30 \
        $target --fov 60 --quiet
    # shellcheck disable=SC2086
    refuse "$command, box of a thousandth" "" $command "$in/film.mkv" --box 5,7,0.001,0.001 \
        $target --fov 60
    # shellcheck disable=SC2086
    refuse "$command, box after the end" "no box before the video ends" $command "$in/film.mkv" \
        --box 5,7,24,24@99 $target --fov 60
done
accept "no field of view" "60 deg assumed" track "$in/film.mkv" $box -o "$out/o.csv"

# ---- folders
mkdir "$in/none" "$in/words" "$in/mixed" "$in/bad"
echo text >"$in/words/readme.txt"
cp "$in/frames/img5.pgm" "$in/mixed/1.pgm"
printf 'P5\n10 10\n255\n%0100d' 0 >"$in/mixed/2.pgm"
cp "$in/frames/img5.pgm" "$in/bad/1.pgm"
echo junk >"$in/bad/2.pgm"
target="-o $out/o.csv --fov 60 --fps 25"
refuse "folder without files" "none" track "$in/none" $box $target
refuse "folder without images" "words" track "$in/words" $box $target
refuse "images of two sizes" "2.pgm.*10 x 10" track "$in/mixed" $box $target
run track "$in/bad" $box $target
[ "$code" -le 1 ] && [ -s "$work/stderr" ] && [ -z "$(strange_lines)" ] && ok ||
    not_ok "broken image" "exit code $code, or silent"
accept "folder with --fps" "" track "$in/frames" $box $target --overlay "$out/b.mp4"
exists "overlay of a folder" b.mp4

# ---- sounds
target="--trajectory $points -o $out/o.wav --binaural $out/b.wav"
: >"$in/empty.wav"
tail -c 1000 "$in/sound.wav" >"$in/noise.wav"
head -c 48000 "$in/sound.wav" >"$in/cut.wav"
head -c 30 "$in/sound.wav" >"$in/stump.wav"
for case in "missing.wav:No such file" "empty.wav:empty" "noise.wav:" "stump.wav:" \
    "zero.wav:no samples" "nan.wav:NaN|not a number" "inf.wav:inf|not a number" \
    "eight.wav:--channel N.*--mix" "mute.mkv:no sound stream; give --sound FILE" \
    "frames:" "refiner.safetensors:"; do
    # shellcheck disable=SC2086
    refuse "sound ${case%%:*}" "${case%%:*}.*(${case#*:})" render --sound "$in/${case%%:*}" $target
done
refuse "film without sound" "mute.mkv.*no sound stream; give --sound FILE" render "$in/mute.mkv" \
    $box -o "$out/o.wav"
refuse "channel 9 of eight" "channel 9.*8 channels" render --sound "$in/eight.wav" $target \
    --channel 9
accept "channel 8 of eight" "" render --sound "$in/eight.wav" $target --channel 8
accept "mean of eight" "" render --sound "$in/eight.wav" $target --mix
accept "film without sound, with --sound" "" render "$in/mute.mkv" $box -o "$out/o.wav" --loop \
    --sound "$in/sound.wav" --fov 60
accept "sound cut short" "cut.wav.*truncated" render --sound "$in/cut.wav" $target
exists "sound cut short" o.wav
accept "silence" "silence.wav is silent" render --sound "$in/silence.wav" $target
accept "sound shorter than the film" "end of the video stays silent" render "$in/film.mkv" $box \
    -o "$out/o.wav" --sound "$in/sound.wav" --fov 60
accept "sound of a film" "" render --sound "$in/film.mp4" $target
accept "film and sound in one" "" render "$in/film.mp4" $box --fov 60 -o "$out/o.wav" \
    --report "$out/r.html"
exists "report" r.html
for file in empty.wav noise.wav stump.wav zero.wav nan.wav missing.wav mute.mkv; do
    refuse "info $file" "$file" info "$in/$file"
done
accept "info on a sound cut short" "truncated" info "$in/cut.wav"
finish
