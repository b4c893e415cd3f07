# The same source compiled per instruction set: kernels/*_avx2.c and kernels/*_avx512.c get their
# flags here and are chosen at run time (kernels/base/cpu.h). Nothing else may use them.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  file(GLOB avx2_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/*/*_avx2.c)
  file(GLOB avx512_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/*/*_avx512.c)
  file(GLOB bf16_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/*/*_avx512bf16.c)
  set_source_files_properties(${avx2_sources} PROPERTIES COMPILE_OPTIONS "-mavx2;-mfma;-O3")
  set_source_files_properties(${avx512_sources} PROPERTIES COMPILE_OPTIONS
    "-mavx512f;-mavx512bw;-mavx512vl;-mavx512dq;-mfma;-mprefer-vector-width=512;-O3")
  set_source_files_properties(${bf16_sources} PROPERTIES COMPILE_OPTIONS
    "-mavx512f;-mavx512bw;-mavx512vl;-mavx512dq;-mavx512bf16;-mfma;-O3")
endif()
