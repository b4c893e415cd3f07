# Devices that cannot be used: --device cuda fails with a sentence before any input is read, auto
# goes on with the processor, info --devices says why. What needs a GPU runs on the emulated one.
#   V2S_TEST_MODULE: the emulated CUDA module; V2S_TEST_OTHER_MODULES: folder of modules that do not
#   fit. Empty: there is none.
. "$(dirname "$0")/lib.sh"

# unusable NAME PATTERN: the sentence in all three places
unusable() {
    refuse "$1, --device cuda" "^v2s-infer render: device cuda: .*$2" \
        render nothing.mp4 --box 1,2,3,4 -o "$out/o.wav" --device cuda
    accept "$1, auto" "" render $from --refiner v2s-omni -o "$out/o.wav" --device auto
    run info --devices
    if [ "$code" -eq 0 ] && grep -q '^cpu ' "$work/stdout" &&
        grep '^cuda ' "$work/stdout" | grep -Eq -- "cuda: not used \(.*$2"; then
        ok
    else
        not_ok "$1, info --devices" "code $code: $(cat "$work/stdout")"
    fi
}

fixtures
cat >"$in/path.csv" <<END
time_s,object,az_deg,el_deg,dist_m,confidence
0,1,-70,10,2,1
0.5,1,20,-10,1,1
END
from="--trajectory $in/path.csv --sound $in/sound.wav"

V2S_CUDA_MODULE=$work/nowhere.so
export V2S_CUDA_MODULE
unusable "no module" "there is no CUDA module $work/nowhere.so"
V2S_CUDA_MODULE=
unusable "no module wanted" "there is no CUDA module .V2S_CUDA_MODULE is empty"
echo "not a library" >"$work/text.so"
V2S_CUDA_MODULE=$work/text.so
unusable "a file that is no module" "cannot be opened: .*text.so"
if [ -n "${V2S_TEST_OTHER_MODULES:-}" ]; then
    for other in interface version table; do
        V2S_CUDA_MODULE=$V2S_TEST_OTHER_MODULES/libv2s_other_$other.so
        unusable "a module of another $other" "other_$other.so: the CUDA module is of another build"
    done
    V2S_CUDA_MODULE=$V2S_TEST_OTHER_MODULES/libv2s_other_entry.so
    unusable "a library without the entry" "other_entry.so is not a CUDA module of this program"
else
    skip "modules of another build" "they were not built"
fi
[ -n "${V2S_TEST_MODULE:-}" ] || {
    skip "an emulated GPU" "the module was not built"
    finish
}

V2S_CUDA_MODULE=$V2S_TEST_MODULE
emulated() {
    setting=$1
    shift
    export "$setting"
    "$@"
    unset "${setting%%=*}"
}
emulated V2S_EMULATION_DRIVER=0 unusable "no driver" "there is no NVIDIA driver"
emulated V2S_EMULATION_DRIVER=11080 unusable "an old driver" \
    "the NVIDIA driver is too old: it serves CUDA 11.8, expected [0-9]+.[0-9]+ or later"
emulated V2S_EMULATION_DEVICES=0 unusable "no GPU" "there is no CUDA device"
emulated CUDA_VISIBLE_DEVICES= unusable "an empty CUDA_VISIBLE_DEVICES" "there is no CUDA device"

old() {
    refuse "an old GPU" "has capability 7.0, and the module has code for 8.0 and later" \
        render nothing.mp4 --box 1,2,3,4 -o "$out/o.wav" --device cuda
    accept "an old GPU, auto" "" render $from --refiner v2s-omni -o "$out/o.wav"
    run info --devices
    grep -q 'cuda:0: .*capability 7.0.*not used' "$work/stdout" && ok ||
        not_ok "an old GPU, info --devices" "$(cat "$work/stdout")"
}
emulated V2S_EMULATION_CAPABILITY=70 old
ampere() {
    run info --devices
    grep -q 'capability 8.0, .*GRU: persistent to 128 units' "$work/stdout" && ok ||
        not_ok "a GPU without clusters, info --devices" "$(cat "$work/stdout")"
}
emulated V2S_EMULATION_CAPABILITY=80 ampere

refuse "a number that does not exist" \
    "device cuda:5: there is no GPU number 5: expected 0 .. 0" \
    render nothing.mp4 --box 1,2,3,4 -o "$out/o.wav" --device cuda:5
for word in cuda: cuda:x cuda:-1 cuda:1000 cuda0 CUDA; do
    expect "the word $word" 2 "device: expected auto, cpu, cuda or cuda:N, found \"$word\"" \
        render nothing.mp4 --box 1,2,3,4 -o "$out/o.wav" --device "$word"
done
run info --devices
[ "$code" -eq 0 ] && [ "$(grep -c '^cuda ' "$work/stdout")" -eq 1 ] &&
    grep -q '^cuda .*cuda:0: .*capability 9.0, 132 multiprocessors.*GRU: persistent to 512 units' "$work/stdout" && ok ||
    not_ok "info --devices" "$(cat "$work/stdout")"

# Less memory than the work needs: a sentence says how much, and which option needs less.
short() {
    refuse "out of the GPU's memory, $1" \
        "out of memory: (the work|cuBLAS) needs [0-9.]+ MiB more, and the GPU has .*; --device cpu needs none" \
        render $from --refiner "$1" -o "$out/o.wav" --binaural "$out/b.wav" --device cuda
}
# 100 kB do not open the device, 34 MB not the network.
for bytes in 100000 34000000; do
    emulated V2S_EMULATION_MEMORY=$bytes short v2s-omni
    emulated V2S_EMULATION_MEMORY=$bytes short seed-omni
done

accept "a truth to compare with" "" render $from --refiner none -o "$out/truth.wav"
mv "$out/truth.wav" "$in/truth.wav"
echo '{"id":"a","split":"test","pairing":"omni","truth":"truth.wav","trajectory":"path.csv"}' \
    >"$in/m.jsonl"
short_compare() {
    refuse "out of the GPU's memory, compare" \
        "clip a: .*: out of memory: the work needs .* MiB more, .*; a smaller --threads puts fewer" \
        compare "$in/m.jsonl" --refiner v2s-omni --device cuda --report "$out/r.html"
}
emulated V2S_EMULATION_MEMORY=34000000 short_compare
finish
