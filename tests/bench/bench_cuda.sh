#!/bin/sh
# SPDX-License-Identifier: MIT
# Everything that a GPU is needed for, with one command: the device tests, the same tests under
# compute-sanitizer, and the benchmarks beside PyTorch; one table at the end.
#
#   bench_cuda.sh [options] [TABLE.md [RAW.jsonl]]      default: bench_cuda.md, bench_cuda.jsonl
#
#   --build FOLDER    where the programs are, or are to be built (needs nvcc); default: build
#   --pack ARCHIVE    take the programs from an archive that --make-pack has made
#   --budget SECONDS  for all of it; default 500. What does not fit is named
#   --parts LIST      some of tests,bench,torch,sanitizer; default: all
#   --device D        default: cuda; cpu shows that the programs run
#   --quick, --tiny   shorter samples; sizes that only show that everything runs
#   --python P        default: python3; the part torch needs torch in it
#
#   bench_cuda.sh --make-pack FOLDER [--build FOLDER]
#
# makes FOLDER/pack.tar.xz on a machine with a compiler: the programs, the module, and the libraries
# that they need besides those of glibc and CUDA, for a machine of the same processor type with
# glibc as new and CUDA 13 (in /usr/local/cuda or among the packages of python3). There the head
# that Debian's libmysofa1 ships is put to its place in /usr/share if it is missing.
#
# The environment's V2S_CUDA_MODULE replaces the module, as it does everywhere. A log with the
# output of all parts lies beside TABLE.md.
set -u

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
begin=$(date +%s)

build=$root/build pack='' make_pack='' budget=500 parts=tests,bench,torch,sanitizer
device=cuda sizes='' python=python3 table='' raw=''
programs='tests/device_checks tests/bench_cuda v2s-train v2s-infer'
pack_limit=52428800
head=/usr/share/libmysofa/MIT_KEMAR_normal_pinna.sofa # data/sofa.h

usage() {
    sed -n '3,/^set -u/s/^# \{0,1\}//p' "$0" >&2
    exit 2
}

die() {
    echo "bench_cuda.sh: $*" >&2
    exit 1
}

parse() {
    while [ $# -gt 0 ]; do
        case $1 in
        --quick | --tiny) sizes=$1 ;;
        --build | --pack | --make-pack | --budget | --parts | --device | --python)
            [ $# -ge 2 ] || usage
            case $1 in
            --build) case $2 in /*) build=$2 ;; *) build=$PWD/$2 ;; esac ;;
            --pack) pack=$2 ;;
            --make-pack) make_pack=$2 ;;
            --budget) budget=$2 ;;
            --parts) parts=$2 ;;
            --device) device=$2 ;;
            --python) python=$2 ;;
            esac
            shift
            ;;
        -*) usage ;;
        *) if [ -z "$table" ]; then table=$1; elif [ -z "$raw" ]; then raw=$1; else usage; fi ;;
        esac
        shift
    done
    table=${table:-bench_cuda.md}
    raw=${raw:-bench_cuda.jsonl}
}

# ---- programs ------------------------------------------------------------------------------------

# Builds what is missing in $build, or all of it where the sources are newer.
build_programs() {
    [ -f "$build/CMakeCache.txt" ] || cmake -S "$root" -B "$build" || die "cmake failed"
    targets='device_checks bench_cuda v2s-train v2s-infer'
    # without nvcc there is no such target, and the module has to come from V2S_CUDA_MODULE
    grep -q '^CMAKE_CUDA_COMPILER:' "$build/CMakeCache.txt" && targets="$targets v2s_cuda"
    # shellcheck disable=SC2086
    cmake --build "$build" -j "$(nproc)" --target $targets || die "the build failed"
}

# Libraries that a program needs, as paths, but for those of glibc and CUDA.
libraries_of() {
    ldd "$@" | awk '/=> \//{print $3}' | sort -u |
        grep -v -E '/(ld-linux.*|lib(c|m|mvec|dl|rt|pthread|resolv|util|anl|nsl|nss_.*))\.so' |
        grep -v -E '/lib(cublas|cudart|cudnn|cufft|nccl|nvJitLink|nvrtc)[^/]*\.so'
}

# A library with the same name and symbols in which every function ends the program. Two of the
# libraries behind FFmpeg are large tables that no program here reads: the speech codec codec2, and
# the character sets of ICU.
stub_library() {
    name=$(readelf -d "$1" | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p')
    nm -D --defined-only "$1" | sed 's/@.*//' | awk '
        BEGIN { print "#include <stdlib.h>" }
        seen[$3]++ { next }
        $2 ~ /^[TWi]$/ { print "void " $3 "(void) { abort(); }"; next }
        $2 ~ /^[RDBV]$/ { print "__attribute__((aligned(16))) const char " $3 "[64] = {1};" }' |
        cc -shared -fPIC -fno-builtin -w -O1 -Wl,-soname,"$name" -x c - -o "$2/$name" ||
        die "no stub of $name"
}

pack_programs() {
    build_programs
    stage=$(mktemp -d) || exit 1
    mkdir -p "$make_pack" "$stage/pack/bin" "$stage/pack/lib" "$stage/pack/lib-c++"
    for program in $programs; do
        cp "$build/$program" "$stage/pack/bin/" || die "there is no $build/$program"
    done
    [ ! -f "$build/libv2s_cuda.so" ] || cp "$build/libv2s_cuda.so" "$stage/pack/bin/"
    strip --strip-debug "$stage"/pack/bin/*
    for library in $(libraries_of "$stage"/pack/bin/*); do
        case $library in
        */libcodec2.so* | */libicudata.so*) stub_library "$library" "$stage/pack/lib" ;;
        */libstdc++.so* | */libgcc_s.so*) cp -L "$library" "$stage/pack/lib-c++/" ;;
        *) cp -L "$library" "$stage/pack/lib/" ;;
        esac
    done
    [ ! -f $head ] || cp $head "$stage/pack/"
    git -C "$root" log -1 --format=%h >"$stage/pack/commit" 2>/dev/null
    tar -C "$stage" -cf - pack | xz --x86 --lzma2=preset=6 -T0 >"$make_pack/pack.tar.xz" ||
        die "the archive could not be written"
    rm -rf "$stage"
    size=$(wc -c <"$make_pack/pack.tar.xz")
    echo "$make_pack/pack.tar.xz: $size bytes"
    [ "$size" -le $pack_limit ] || die "the archive has more than $pack_limit bytes"
}

# Folders with libraries of CUDA: those that PyTorch uses, the toolkit's, the driver's.
cuda_folders() {
    "$python" -c '
import glob
try:
    import nvidia
    print(*sorted(f for p in nvidia.__path__ for f in glob.glob(p + "/*/lib")), sep="\n")
except ImportError:
    pass' 2>/dev/null
    for folder in /usr/local/cuda/lib64 /usr/local/nvidia/lib64; do
        [ ! -d "$folder" ] || echo "$folder"
    done
}

# Sets bin, module and the search path of libraries of our own programs (not of python).
find_programs() {
    libraries=''
    if [ -n "$pack" ]; then
        tar -C "$work" -xf "$pack" 2>/dev/null || "$python" -c '
import sys, tarfile
tarfile.open(sys.argv[1]).extractall(sys.argv[2])' "$pack" "$work" || die "cannot unpack $pack"
        bin=$work/pack/bin tests_bin=$work/pack/bin libraries=$work/pack/lib
        if [ ! -f $head ] && [ -f "$work/pack/${head##*/}" ]; then
            mkdir -p ${head%/*} && cp "$work/pack/${head##*/}" $head
        fi
    else
        build_programs >>"$log" 2>&1
        bin=$build tests_bin=$build/tests
    fi
    module=${V2S_CUDA_MODULE:-$bin/libv2s_cuda.so}
    case $module in /*) ;; *) module=$PWD/$module ;; esac
    libraries=$libraries$(cuda_folders | sed 's/^/:/' | tr -d '\n')
    libraries=$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
    libraries=${libraries#:}
    starts && return
    libraries=$libraries:$work/pack/lib-c++ # a machine without C++
    starts || die "the programs do not start: $(cat "$work/starts")"
}

starts() {
    ours 60 "$tests_bin/device_checks" --list >"$work/suites" 2>"$work/starts"
}

# One of our programs, for at most $1 seconds.
ours() {
    limit=$1
    shift
    timeout -k 5 "$limit" env LD_LIBRARY_PATH="$libraries" V2S_CUDA_MODULE="$module" \
        V2S_TEST_DEVICE="$device" V2S_TEST_PROGRAMS="$bin" V2S_CHECKPOINTS="$root/checkpoints" "$@"
}

# ---- time ----------------------------------------------------------------------------------------

left() {
    echo $((budget - $(date +%s) + begin))
}

# Weight of a part in the budget.
weight() {
    case $1 in tests) echo 15 ;; sanitizer) echo 25 ;; *) echo 30 ;; esac
}

# Seconds for part $1: its share among the parts that are wanted, or what is left without 5 seconds
# for the table; the last part has all that is left.
share() {
    sum=0
    for each in tests bench torch sanitizer; do
        if wants $each; then sum=$((sum + $(weight $each))); fi
    done
    mine=$((budget * $(weight "$1") / sum))
    rest=$(($(left) - 5))
    if [ "$1" = sanitizer ] || [ "$mine" -gt "$rest" ]; then echo "$rest"; else echo "$mine"; fi
}

wants() {
    case ,$parts, in *,"$1",*) return 0 ;; *) return 1 ;; esac
}

left_out() {
    echo "$*" >>"$work/left_out.txt"
    echo "left out: $*" | tee -a "$log"
}

# ---- parts ---------------------------------------------------------------------------------------

versions() {
    put() { printf '%s\t%s\n' "$1" "$2" >>"$work/versions.tsv"; }
    if command -v nvidia-smi >/dev/null; then
        put GPU "$(nvidia-smi --query-gpu=name,memory.total,clocks.max.sm,power.limit \
            --format=csv,noheader | head -1)"
        put driver "$(nvidia-smi --query-gpu=driver_version --format=csv,noheader | head -1)"
        clock=$(nvidia-smi --query-gpu=clocks.max.sm --format=csv,noheader,nounits | head -1)
    fi
    ours 60 "$python" -c '
import ctypes
for name, file, function, per in (("cuDNN", "libcudnn.so.9", "cudnnGetVersion", 10000),
                                  ("cuBLAS", "libcublasLt.so.13", "cublasLtGetVersion", 10000)):
    try:
        call = getattr(ctypes.CDLL(file), function)
        call.restype = ctypes.c_size_t
        v = call()
        print(f"{name} of the module\t{v // per}.{v % per // 100}.{v % 100}")
    except OSError as error:
        print(f"{name} of the module\tnot found ({error})")' >>"$work/versions.tsv" 2>>"$log"
    put commit "$(cat "$work/pack/commit" 2>/dev/null ||
        git -C "$root" log -1 --format=%h 2>/dev/null)"
    ours 60 "$bin/v2s-infer" info --devices >>"$log" 2>&1
}

# Runs suite $2 as check $1 (test, or a tool of compute-sanitizer) and notes what came of it.
check() {
    rest=$((deadline - $(date +%s)))
    [ "$rest" -gt 120 ] && rest=120
    out=$work/$1-$2.log
    if [ "$rest" -lt 5 ]; then
        printf '%s\t%s\tleft out\tno time left\n' "$1" "$2" >>"$work/results.tsv"
        return
    fi
    good=passed
    if [ "$1" = test ]; then
        ours "$rest" "$tests_bin/device_checks" "$2" >"$out" 2>&1
    else
        good=clean options='' # calls that have to fail are part of the tests
        [ "$1" != memcheck ] || options='--report-api-errors no'
        # shellcheck disable=SC2086
        ours "$rest" "$sanitizer" --tool "$1" $options --error-exitcode 99 --print-limit 10 \
            "$tests_bin/device_checks" "$2" >"$out" 2>&1
    fi
    case $? in
    0) outcome=$good detail='' ;;
    77) outcome=skipped detail=$(sed -n 's/^skipped: //p' "$out") ;;
    99) outcome=errors detail=$(grep -E 'SUMMARY' "$out" | tail -1) ;;
    124 | 137) outcome='out of time' detail="$rest s" ;;
    *) outcome=FAILED detail=$(grep -m1 -E '^  .*\.c:[0-9]+:' "$out" | tr '\t' ' ' | cut -c1-200) ;;
    esac
    [ "$outcome" != FAILED ] || detail=${detail:-$(tail -1 "$out" | tr '\t' ' ' | cut -c1-200)}
    printf '%s\t%s\t%s\t%s\n' "$1" "$2" "$outcome" "$detail" >>"$work/results.tsv"
    echo "$1 $2: $outcome $detail"
}

# The checks of stdin (check, suite), several at a time.
checks() {
    workers=$(($(nproc) / 2)) worker=0
    if [ "$workers" -lt 2 ]; then workers=2; elif [ "$workers" -gt 6 ]; then workers=6; fi
    cat >"$work/plan"
    while [ $worker -lt $workers ]; do
        awk "NR % $workers == $worker" "$work/plan" | while read -r kind suite; do
            check "$kind" "$suite"
        done &
        worker=$((worker + 1))
    done
    wait
    while read -r kind suite; do
        { echo "==== $kind $suite"; cat "$work/$kind-$suite.log"; } >>"$log" 2>/dev/null
    done <"$work/plan"
}

suites() {
    sort -u "$work/suites"
}

run_tests() {
    deadline=$(($(date +%s) + $(share tests)))
    suites | sed 's/^/test /' | checks
}

# A group is a process of its own: a GPU that a kernel has left in error serves its process no more.
run_bench() {
    deadline=$(($(date +%s) + $(share bench)))
    watch_clock
    for group in whole gru rows tensors signals; do
        limit=$((deadline - $(date +%s)))
        [ "$limit" -ge 5 ] || { left_out "bench_cuda $group: no time left"; continue; }
        # shellcheck disable=SC2086
        ours $((limit + 15)) "$tests_bin/bench_cuda" --device "$device" --group $group \
            --budget "$limit" --json "$work/$group.jsonl" ${clock:+--clock-mhz $clock} $sizes \
            >"$work/bench.log" 2>&1
        status=$?
        tee -a "$log" <"$work/bench.log"
        cat "$work/$group.jsonl" >>"$work/ours.jsonl" 2>/dev/null
        [ $status -le 1 ] ||
            left_out "bench_cuda $group ended with $status: $(tail -1 "$work/bench.log")"
    done
    [ -z "$watcher" ] || kill "$watcher"
    sort -n "$work/clocks" 2>/dev/null | awk '{ mhz[NR] = $1 }
        END { if (NR) printf "clock under way\tmedian %d, largest %d MHz\n", mhz[int((NR + 1) / 2)],
              mhz[NR] }' >>"$work/versions.tsv"
}

# Notes the clock of the multiprocessors once a second.
watch_clock() {
    watcher=''
    command -v nvidia-smi >/dev/null || return
    nvidia-smi --query-gpu=clocks.sm --format=csv,noheader,nounits -l 1 >"$work/clocks" 2>&1 &
    watcher=$!
}

run_torch() {
    limit=$(share torch)
    "$python" -c 'import importlib.util as u; exit(u.find_spec("torch") is None)' 2>/dev/null ||
        { left_out "PyTorch: $python has no torch"; return; }
    [ "$limit" -ge 5 ] || { left_out "PyTorch: no time left"; return; }
    [ -f "$work/ours.jsonl" ] || { left_out "PyTorch: bench_cuda has not run"; return; }
    timeout -k 5 $((limit + 30)) "$python" "$here/bench_cuda.py" "$work/ours.jsonl" \
        "$work/torch.jsonl" --budget "$limit" ${sizes:+--quick} >"$work/torch.log" 2>&1
    status=$?
    tee -a "$log" <"$work/torch.log"
    [ $status -eq 0 ] || left_out "bench_cuda.py ended with $status: $(tail -1 "$work/torch.log")"
}

run_sanitizer() {
    sanitizer=$(PATH=$PATH:/usr/local/cuda/bin:/usr/local/cuda/compute-sanitizer command -v \
        compute-sanitizer) || { left_out "compute-sanitizer is not on this machine"; return; }
    deadline=$(($(date +%s) + $(share sanitizer)))
    for tool in memcheck racecheck initcheck synccheck; do # not the programs that tests start
        suites | grep -v '_program$' | sed "s/^/$tool /"
    done | checks
}

# ---- the whole -----------------------------------------------------------------------------------

parse "$@"
if [ -n "$make_pack" ]; then
    pack_programs
    exit
fi
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
log=${table%.md}.log
clock=''
: >"$log" || die "cannot write $log"
find_programs
versions
for part in tests bench torch sanitizer; do
    wants $part || continue
    echo "== $part ($(left) s left)" | tee -a "$log"
    run_$part
done
"$python" "$here/bench_cuda_table.py" "$work" >"$table" || die "no table could be made"
for file in ours torch; do
    [ ! -f "$work/$file.jsonl" ] || cat "$work/$file.jsonl"
done >"$raw"
"$python" -c '
import json, sys
for line in open(sys.argv[1], encoding="utf-8"):
    part, suite, outcome, detail = line.rstrip("\n").split("\t")
    print(json.dumps({"name": "check", "check": part, "suite": suite, "outcome": outcome,
                      "detail": detail}))' "$work/results.tsv" >>"$raw" 2>/dev/null
cat "$table"
echo "written: $table $raw $log ($(left) of $budget s left)"
# failed tests and findings of compute-sanitizer are failures; what was left out is not
! grep -q -E '	(FAILED|errors|out of time)	' "$work/results.tsv" 2>/dev/null
