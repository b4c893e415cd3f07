# The emulated CUDA device (README.md here): the .cu sources compiled by the C++ compiler against
# the headers in include/. Nothing of this is built without a C++ compiler.
include(CheckLanguage)
check_language(CXX)
if(NOT CMAKE_CXX_COMPILER)
  message(STATUS "no C++ compiler: the CUDA sources are not tested by emulation")
  return()
endif()
enable_language(CXX)

set(emulation_folder ${CMAKE_CURRENT_LIST_DIR})

# How a source that uses the emulated headers is compiled. Warnings that are off: pragmas for nvcc,
# zeroed rests of structs, parameters that only instructions of a device use.
function(v2s_emulated_options target)
  get_target_property(options ${target} COMPILE_OPTIONS)
  list(REMOVE_ITEM options -Wstrict-prototypes) # C only
  set_target_properties(${target} PROPERTIES COMPILE_OPTIONS "${options}"
    CXX_STANDARD 20 CXX_STANDARD_REQUIRED ON CXX_EXTENSIONS OFF
    CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-O2 -g1 -Wno-unknown-pragmas
    -Wno-missing-field-initializers -Wno-unused-parameter>)
  target_compile_definitions(${target} PRIVATE
    $<$<COMPILE_LANGUAGE:CXX>:V2S_EMULATION __CUDACC__ __CUDA_ARCH__=900>)
  target_include_directories(${target} BEFORE PRIVATE ${emulation_folder}/include
    ${emulation_folder})
  target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR})
endfunction()

file(GLOB emulation_sources CONFIGURE_DEPENDS ${emulation_folder}/*.cpp)
list(FILTER emulation_sources EXCLUDE REGEX "/test_[^/]*$")
add_library(v2s_emulation OBJECT ${emulation_sources})
v2s_emulated_options(v2s_emulation)

# The module, with the symbols of the one that nvcc makes.
if(V2S_CUDA_SOURCES)
  set(module_sources)
  foreach(source ${V2S_CUDA_SOURCES})
    cmake_path(ABSOLUTE_PATH source BASE_DIRECTORY ${CMAKE_SOURCE_DIR})
    list(APPEND module_sources ${source})
  endforeach()
  set_source_files_properties(${module_sources} PROPERTIES LANGUAGE CXX)
  add_library(v2s_cuda_emulated SHARED ${module_sources} ${CMAKE_SOURCE_DIR}/kernels/base/arena.c)
  v2s_emulated_options(v2s_cuda_emulated)
  target_link_libraries(v2s_cuda_emulated PRIVATE v2s_emulation Threads::Threads ${CMAKE_DL_LIBS} m)
  if(NOT V2S_SANITIZE)
    target_link_options(v2s_cuda_emulated PRIVATE -Wl,-z,defs)
  endif()
endif()

file(GLOB emulation_tests CONFIGURE_DEPENDS ${emulation_folder}/test_*.cpp)
# The plain loops of the libraries are what takes time.
set_source_files_properties(${emulation_folder}/cublas.cpp ${emulation_folder}/cufft.cpp
  ${emulation_folder}/cudnn_rnn.cpp ${emulation_folder}/cudnn_convolution.cpp
  PROPERTIES COMPILE_OPTIONS -O3)

foreach(source ${emulation_tests})
  get_filename_component(stem ${source} NAME_WE)
  add_executable(${stem} ${source})
  v2s_emulated_options(${stem})
  target_link_libraries(${stem} PRIVATE v2s_emulation PkgConfig::CRITERION Threads::Threads
    ${CMAKE_DL_LIBS} m)
  foreach(order forward reverse)
    set(name emulation/${stem})
    if(order STREQUAL reverse)
      string(APPEND name _reverse)
    endif()
    add_test(NAME ${name} COMMAND ${stem} --jobs 2 --verbose)
    set_tests_properties(${name} PROPERTIES LABELS cpu TIMEOUT 600
      FAIL_REGULAR_EXPRESSION "${sanitizer_words}"
      ENVIRONMENT "${sanitizer_env};V2S_EMULATION_ORDER=${order}")
  endforeach()
endforeach()
