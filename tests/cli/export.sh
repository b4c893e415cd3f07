# export: where files go, what is refused before anything is written.
. "$(dirname "$0")/lib.sh"

shipped=$(absolute checkpoints)
cp "$shipped/seed-omni.safetensors" "$work/in.safetensors"

accept "safetensors" "" export "$work/in.safetensors" -o "$out/o.safetensors"
exists "safetensors" o.safetensors
accept "onnx" "" export seed-omni -o "$out/o.onnx" --json "$out/o.json"
exists "onnx" o.onnx
exists "its numbers" o.json
V2S_CHECKPOINTS=$work
export V2S_CHECKPOINTS
accept "a name in the folder V2S_CHECKPOINTS" "" export in -o "$out/o.onnx"
unset V2S_CHECKPOINTS

expect "no checkpoint" 2 "no CHECKPOINT" export -o "$out/o.onnx"
expect "no output" 2 "no output: -o FILE" export seed-omni
expect "two checkpoints" 2 "unexpected argument" export seed-omni v2s-omni -o "$out/o.onnx"
expect "output over its input" 2 "would overwrite an input" export "$work/in.safetensors" \
    -o "$work/./in.safetensors"
cmp -s "$shipped/seed-omni.safetensors" "$work/in.safetensors" && ok ||
    not_ok "output over its input" "it is changed"
expect "one name for output and numbers" 2 "name the same file" export seed-omni -o "$out/o.onnx" \
    --json "$out/o.onnx"
expect "weights only in onnx" 2 "an ONNX file has no more" export seed-omni -o "$out/o.onnx" \
    --weights-only
refuse "a missing folder" "nowhere/o.onnx: cannot create" export seed-omni -o "$out/nowhere/o.onnx"
refuse "another suffix" "ends with .safetensors or .onnx" export seed-omni -o "$out/o.pth"
refuse "no such name" "v3s-omni: cannot open" export v3s-omni -o "$out/o.onnx"
head -c 100000 "$work/in.safetensors" >"$work/short.safetensors"
refuse "a truncated checkpoint" "short.safetensors: tensor .*data_offsets" export \
    "$work/short.safetensors" -o "$out/o.onnx"
: >"$work/empty.safetensors"
refuse "an empty checkpoint" "empty.safetensors: not a safetensors file" export \
    "$work/empty.safetensors" -o "$out/o.safetensors"

# ---- info of ONNX files
accept "export for info" "" export v2s-dry -o "$work/o.onnx"
accept "info" "" info "$work/o.onnx" --json -
grep -q '"kind":[[:space:]]*"onnx"' "$work/stdout" && ok || not_ok "info" "its JSON names no kind"
head -c 300000 "$work/o.onnx" >"$work/short.onnx"
refuse "a truncated model" "short.onnx: not an ONNX file, or a damaged one" info "$work/short.onnx"
cp "$work/in.safetensors" "$work/other.onnx"
refuse "a checkpoint under another name" "other.onnx: not an ONNX file" info "$work/other.onnx"
finish
