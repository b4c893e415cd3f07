# Where outputs go: places that cannot take them, full disks, pipes, interruptions.
. "$(dirname "$0")/lib.sh"
fixtures
points=$work/points.csv
printf 'time_s,object,az_deg,el_deg,dist_m,confidence\n0,1,30,0,1,1\n' >"$points"
from="--trajectory $points --sound $in/sound.wav"
film="$in/film.mkv --box 5,7,24,24 --fov 60"

# ---- places: every option that names an output, refused before anything else is written
for option in --binaural --stereo --trajectory-out --report --json --overlay --boxes; do
    case $option in
    --overlay) file=b.mp4 input=$film ;;
    --boxes) file=b.txt input=$film ;;
    *) file=b.wav input=$from ;;
    esac
    # shellcheck disable=SC2086
    refuse "$option in a missing folder" "nowhere/$file: cannot create" render $input \
        -o "$out/o.wav" $option "$out/nowhere/$file"
    mkdir -p "$in/folder.wav"
    # shellcheck disable=SC2086
    refuse "$option is a folder" "folder" render $input -o "$out/o.wav" $option "$in/folder.wav"
done
# shellcheck disable=SC2086
refuse "output in a missing folder" "nowhere/o.wav: cannot create" render $from \
    -o "$out/nowhere/o.wav"
# shellcheck disable=SC2086
refuse "output is a folder" "folder.wav.*folder" render $from -o "$in/folder.wav"
# shellcheck disable=SC2086
refuse "track into a missing folder" "nowhere/o.csv" track $film -o "$out/nowhere/o.csv"
for suffix in xyz mp3 wav.gz; do
    # shellcheck disable=SC2086
    refuse "suffix $suffix" "suffix must be one of .wav" render $from -o "$out/o.$suffix"
done
# shellcheck disable=SC2086
refuse "16 channels of FLAC" "FLAC holds up to 8 channels, found 16" render $from \
    -o "$out/o.flac" --order 3
cp "$in/sound.wav" "$in/keep.wav"
# shellcheck disable=SC2086
expect "output over its input" 2 "would overwrite an input" render --trajectory "$points" \
    --sound "$in/keep.wav" -o "$in/../in/keep.wav"
cmp -s "$in/sound.wav" "$in/keep.wav" && ok || not_ok "output over its input" "it is changed"
# shellcheck disable=SC2086
expect "two outputs of one name" 2 "--binaural and --stereo name the same file" render $from \
    -o "$out/o.wav" --binaural "$out/p.wav" --stereo "$out/p.wav"
ln -s "$in/keep.wav" "$in/link.wav"
# shellcheck disable=SC2086
expect "a link to the input" 2 "would overwrite an input" render --trajectory "$points" \
    --sound "$in/keep.wav" -o "$in/link.wav"

# ---- what exists is replaced as a whole, or stays
# shellcheck disable=SC2086
accept "first time" "" render $from -o "$out/o.wav"
cp "$out/o.wav" "$work/first.wav"
# shellcheck disable=SC2086
run render $from -o "$out/o.wav" --order 2
[ "$code" -eq 0 ] && ! cmp -s "$out/o.wav" "$work/first.wav" && ok ||
    not_ok "an output is replaced" "code $code"
cp "$work/first.wav" "$out/o.wav"
run render --trajectory "$points" --sound "$in/nan.wav" -o "$out/o.wav"
[ "$code" -eq 1 ] && cmp -s "$out/o.wav" "$work/first.wav" && ok ||
    not_ok "a failed run leaves the old output" "code $code"
odd="o'b \"c\" \$d&ü.wav"
# shellcheck disable=SC2086
accept "a name for the shell to trip over" "" render $from -o "$out/$odd" --report "$out/r.html"
exists "a name for the shell to trip over" "$odd"
# shellcheck disable=SC2086
accept "a name with a dash" "" render $from -o "$out/-o.wav"

# ---- full disks
full="No space left"
if [ -c /dev/full ]; then
    # shellcheck disable=SC2086
    {
        refuse "full device, sound" "/dev/full.*$full" render $from -o /dev/full
        refuse "full device, s16" "/dev/full.*$full" render $from -o /dev/full --format s16
        refuse "full device, trajectory" "/dev/full.*$full" track $film -o /dev/full
        code=0
        "$program" render $from -o "$out/o.wav" >/dev/full 2>"$work/stderr" || code=$?
        [ "$code" -eq 1 ] && grep -q "standard output" "$work/stderr" && ok ||
            not_ok "full device, summary" "exit code $code"
        code=0
        "$program" render $from -o "$out/o.wav" --json - >/dev/full 2>"$work/stderr" || code=$?
        [ "$code" -eq 1 ] && grep -q "standard output" "$work/stderr" && ok ||
            not_ok "full device, JSON" "exit code $code"
        code=0
        "$program" render --help >/dev/full 2>"$work/stderr" || code=$?
        [ "$code" -eq 1 ] && ok || not_ok "full device, help" "exit code $code"
    }
else
    skip "full device" "no /dev/full"
fi
# A file system of 200 KB, where one may be made: the sound has 384 KB.
disk=$work/disk
mkdir "$disk"
if mount -t tmpfs -o size=200k none "$disk" 2>/dev/null; then
    trap 'umount "$disk"; rm -rf "$work"' EXIT
    keep=$out
    out=$disk/out
    mkdir "$out"
    for option in "" "--format s24" "--order 2"; do
        # shellcheck disable=SC2086
        {
            refuse "full disk $option" "$full" render $from -o "$out/o.wav" $option
            refuse "full disk, preview $option" "$full" render $from -o /dev/null \
                --binaural "$out/b.wav" --stereo "$out/s.wav" $option
            refuse "full disk, FLAC $option" "$full" render $from -o "$out/o.caf" $option
        }
    done
    head -c 190000 /dev/zero >"$disk/filler"
    # shellcheck disable=SC2086
    refuse "full disk, overlay" "$full" track $film -o /dev/null --overlay "$out/b.mp4"
    # shellcheck disable=SC2086
    refuse "full disk, report" "$full" render $film -o /dev/null --report "$out/r.html"
    out=$keep
else
    skip "full disk" "no right to mount a small file system"
fi
# The same by a limit on the size of files (in half kilobytes), which needs no rights.
limited() {
    code=0
    (
        trap '' XFSZ
        ulimit -f 100
        exec "$program" "$@"
    ) >"$work/stdout" 2>"$work/stderr" || code=$?
}
rm -rf "$out" && mkdir "$out"
# shellcheck disable=SC2086
for option in "-o $out/o.wav" "-o $out/o.flac" "-o $out/o.wav --format s16" \
    "-o /dev/null --binaural $out/b.wav"; do
    limited render $from $option
    [ "$code" -eq 1 ] && [ -z "$(ls "$out")" ] && grep -q "too large" "$work/stderr" && ok ||
        not_ok "limited size: $option" "exit code $code, left: $(ls "$out")"
done

# ---- pipes
rm -rf "$out" && mkdir "$out"
# shellcheck disable=SC2086
"$program" render $from -o "$out/o.wav" >/dev/null 2>&1
mkfifo "$out/pipe.wav"
cat "$out/pipe.wav" >"$work/piped.wav" &
reader=$!
# shellcheck disable=SC2086
run render $from -o "$out/pipe.wav"
wait $reader
[ "$code" -eq 0 ] && cmp -s "$out/o.wav" "$work/piped.wav" && ok ||
    not_ok "a pipe as output" "exit code $code, or other bytes"
[ -p "$out/pipe.wav" ] && ok || not_ok "a pipe as output" "the pipe is gone"
head -c 1000 "$out/pipe.wav" >"$work/piped.wav" &
reader=$!
# shellcheck disable=SC2086
run render $from -o "$out/pipe.wav"
wait $reader
[ "$code" -eq 1 ] && grep -q "pipe.wav.*Broken pipe" "$work/stderr" && ok ||
    not_ok "a pipe whose reader leaves" "exit code $code"
mkfifo "$out/t.csv"
cat "$points" >"$out/t.csv" &
# shellcheck disable=SC2086
run render --trajectory "$out/t.csv" --sound "$in/sound.wav" -o "$out/p.wav"
[ "$code" -eq 0 ] && cmp -s "$out/o.wav" "$out/p.wav" && ok ||
    not_ok "a pipe as trajectory" "exit code $code"
rm -f "$out/t.csv" "$out/pipe.wav"
# shellcheck disable=SC2086
accept "/dev/null for everything" "" render $film -o /dev/null --binaural /dev/null \
    --stereo /dev/null --trajectory-out /dev/null --boxes /dev/null --json /dev/null

# ---- closed streams: no output may take their place
rm -rf "$out" && mkdir "$out"
silent="--trajectory $points --sound $in/silence.wav"
# shellcheck disable=SC2086
{
    "$program" render $silent -o "$out/a.wav" --json "$out/a.json" >/dev/null 2>&1
    code=0
    "$program" render $silent -o "$out/b.wav" --json "$out/b.json" --quiet 0<&- 2>&- || code=$?
}
[ "$code" -eq 0 ] && cmp -s "$out/a.wav" "$out/b.wav" && grep -q '^{' "$out/b.json" && ok ||
    not_ok "standard error is closed" "exit code $code, or the files differ"
code=0
# shellcheck disable=SC2086
"$program" render $silent -o "$out/c.wav" 2>"$work/stderr" >&- || code=$?
[ "$code" -eq 1 ] && grep -q "standard output: cannot write" "$work/stderr" && ok ||
    not_ok "standard output is closed" "exit code $code"

# ---- interruption: an hour of silence (a file with a hole), stopped when the first output is there
bytes() {
    for n in "$@"; do
        printf "\\$(printf %o $((n % 256)))\\$(printf %o $((n / 256 % 256)))"
        printf "\\$(printf %o $((n / 65536 % 256)))\\$(printf %o $((n / 16777216)))"
    done
}
{
    printf RIFF
    bytes $((345600000 + 36))
    printf 'WAVEfmt '
    bytes 16 $((65536 + 1)) 48000 96000 $((1048576 + 2))
    printf data
    bytes 345600000
} >"$in/hour.wav"
truncate -s $((345600000 + 44)) "$in/hour.wav"

# interrupted NAME SIGNAL ARGS...
interrupted() {
    name=$1 signal=$2
    shift 2
    rm -rf "$out" && mkdir "$out"
    "$program" "$@" >"$work/stdout" 2>"$work/stderr" &
    child=$!
    tries=0
    while [ -z "$(ls "$out")" ] && [ $tries -lt 200 ]; do
        sleep 0.05
        tries=$((tries + 1))
    done
    sleep 0.1
    kill -"$signal" $child
    code=0
    wait $child || code=$?
    if [ "$code" -ne 130 ]; then
        not_ok "$name" "exit code $code, expected 130"
    elif [ -n "$(ls "$out")$(leftovers)" ]; then
        not_ok "$name" "left behind: $(ls "$out") $(leftovers)"
    else
        ok
    fi
}
for signal in INT TERM; do
    interrupted "rendering, $signal" $signal render --trajectory "$points" --sound "$in/hour.wav" \
        -o "$out/o.wav" --binaural "$out/b.wav" --doppler
    interrupted "rendering to 16 bits, $signal" $signal render --trajectory "$points" \
        --sound "$in/hour.wav" -o "$out/o.wav" --format s16
done
mkfifo "$in/pipe.wav"
interrupted "waiting for a pipe's reader" INT render --trajectory "$points" --sound "$in/hour.wav" \
    -o "$out/o.wav" --binaural "$in/pipe.wav"
interrupted "refining" INT render --trajectory "$points" --sound "$in/hour.wav" \
    -o "$out/o.wav" --refiner "$in/refiner.safetensors"
if [ -r "$media/cockatoo.mp4" ]; then
    interrupted "tracking" INT track "$media/cockatoo.mp4" --box 500,200,300,300 --threads 1 \
        -o "$out/o.csv" --overlay "$out/b.mp4"
else
    skip "interrupted tracking" "no $media/cockatoo.mp4"
fi
finish
