# C code of the messages of ONNX files, made by protoc-c from the definition that package
# libonnx-dev ships: <onnx/onnx.pb-c.h> for the sources of checkpoints/.
find_path(V2S_ONNX_PROTO onnx/onnx.proto REQUIRED)
find_program(V2S_PROTOC_C protoc-c REQUIRED)
set(onnx_made ${CMAKE_BINARY_DIR}/onnx_messages)
file(MAKE_DIRECTORY ${onnx_made})
add_custom_command(OUTPUT ${onnx_made}/onnx/onnx.pb-c.c ${onnx_made}/onnx/onnx.pb-c.h
  COMMAND ${V2S_PROTOC_C} -I ${V2S_ONNX_PROTO} --c_out=${onnx_made} onnx/onnx.proto
  DEPENDS ${V2S_ONNX_PROTO}/onnx/onnx.proto VERBATIM)
add_library(v2s_onnx_messages STATIC ${onnx_made}/onnx/onnx.pb-c.c ${onnx_made}/onnx/onnx.pb-c.h)
target_compile_options(v2s_onnx_messages PRIVATE -w)
target_include_directories(v2s_onnx_messages SYSTEM PUBLIC ${onnx_made})
target_link_libraries(v2s_onnx_messages PUBLIC PkgConfig::PROTOBUF_C)
target_link_libraries(v2s_checkpoints PRIVATE v2s_onnx_messages)
