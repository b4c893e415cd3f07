#!/bin/sh
# Installs what is missing, builds, and renders two films that ship with the project.
set -eu
cd "$(dirname "$0")"
. .ci/setup.sh

v2s_install
v2s_build build -DCMAKE_BUILD_TYPE=Release

media=tests/data/media
out=demo-out
mkdir -p "$out"

# NAME INPUT [options]
render() {
    name=$1
    input=$2
    shift 2
    echo
    echo "== $name"
    build/v2s-infer render "$input" "$@" \
        -o "$out/$name.wav" --binaural "$out/$name-binaural.wav" \
        --stereo "$out/$name-stereo.wav" --trajectory-out "$out/$name.csv" \
        --overlay "$out/$name-boxes.mp4" --report "$out/$name.html" --json "$out/$name.json"
}

# The ball's own sound track is silent: a drum roll rolls with it. The film was taken from about
# two metres above the floor.
render ball "$media/balle-jbart.mp4" --box 107,356,29,29 --fov 50 \
    --sound "$media/drum_roll.flac" --loop

# The woman at the right talks; the sound is the film's own.
render friday "$media/friday.mp4" --box 375,20,90,125 --fov 40 --distance 3

echo
echo "Open $out/ball.html and $out/friday.html in a browser; listen to the -binaural.wav files"
echo "with headphones."
