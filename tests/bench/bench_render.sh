#!/bin/sh
# Time of a whole render (decode, track, encode) beside decoding alone with the same two threads,
# in turn, medians of RUNS pairs. Needs the ffmpeg program.
#   tests/bench/bench_render.sh [RUNS [VIDEO BOX]]     default: 9, cockatoo.mp4
set -eu
cd "$(dirname "$0")/../.."
runs=${1:-9}
media=tests/data/media
video=${2:-$media/cockatoo.mp4}
box=${3:-420,25,180,290}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# seconds COMMAND...: wall clock
seconds() {
    start=$(date +%s.%N)
    "$@" >/dev/null 2>&1
    date +%s.%N | awk -v start="$start" '{ printf "%.3f\n", $1 - start }'
}

median() {
    sort -n "$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

i=0
while [ "$i" -lt "$runs" ]; do
    seconds ffmpeg -v error -threads 2 -i "$video" -f null - >>"$work/decode"
    seconds build/v2s-infer render "$video" --box "$box" --sound "$media/drum_roll.flac" --loop \
        --threads 2 -o "$work/out.wav" -q >>"$work/render"
    i=$((i + 1))
done
paste "$work/render" "$work/decode" | awk '{ print $1 / $2 }' >"$work/ratio"
echo "$video, $runs pairs, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)"
echo "decode alone (ffmpeg)  $(median "$work/decode") s"
echo "render (v2s-infer)     $(median "$work/render") s"
echo "ratio, pair by pair    $(median "$work/ratio")"
