# The CUDA module: one library from every .cu, opened at run time (kernels/cuda_module.h). The
# programs are linked with none of it. V2S_CUDA_SOURCES serves the tests, too, which compile the
# same sources for the processor.
file(GLOB V2S_CUDA_SOURCES CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/*/*.cu)

set(V2S_HAVE_CUDA OFF)
if(V2S_CUDA STREQUAL "ON")
  enable_language(CUDA)
  set(V2S_HAVE_CUDA ON)
elseif(V2S_CUDA STREQUAL "AUTO" AND NOT V2S_SANITIZE)
  include(CheckLanguage)
  check_language(CUDA)
  if(CMAKE_CUDA_COMPILER)
    enable_language(CUDA)
    set(V2S_HAVE_CUDA ON)
  endif()
endif()
message(STATUS "CUDA module: ${V2S_HAVE_CUDA}")

if(V2S_HAVE_CUDA)
  find_package(CUDAToolkit REQUIRED)
  add_library(v2s_cuda MODULE ${V2S_CUDA_SOURCES} ${CMAKE_SOURCE_DIR}/kernels/base/arena.c)
  # Machine code for A100 and H100/H200, and PTX for what comes after them. Contraction stays on:
  # the tolerances of the tests allow for it; fast-math does not come in.
  set_target_properties(v2s_cuda PROPERTIES
    CUDA_ARCHITECTURES "80-real;90-real;90-virtual"
    CUDA_VISIBILITY_PRESET hidden CUDA_RUNTIME_LIBRARY Static
    LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
  target_include_directories(v2s_cuda PRIVATE ${CMAKE_SOURCE_DIR})
  # -Wno-missing-field-initializers: "= {}" of NVIDIA's structs.
  target_compile_options(v2s_cuda PRIVATE
    $<$<COMPILE_LANGUAGE:CUDA>:-std=c++20>
    $<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-Wall,-Wextra,-Wno-missing-field-initializers>
    $<$<AND:$<COMPILE_LANGUAGE:CUDA>,$<BOOL:${V2S_WERROR}>>:--Werror=all-warnings>)
  target_link_libraries(v2s_cuda PRIVATE CUDA::cublas CUDA::cublasLt CUDA::cufft)
  foreach(library cudnn nccl)
    find_library(V2S_LIB_${library} ${library} HINTS ${CUDAToolkit_LIBRARY_DIR} REQUIRED)
    target_link_libraries(v2s_cuda PRIVATE ${V2S_LIB_${library}})
  endforeach()
endif()
