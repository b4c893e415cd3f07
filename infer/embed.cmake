# Texts that are built into the program: styles and scripts of pages become C strings.
#
# Included, it adds the step to the target v2s_infer; run as `cmake -DOUT=FILE -P embed.cmake`, it is
# the step.
set(embedded report_page.css report_page.js report_compare.css report_compare.js
             pointing_page.html pointing_page.js)

if(CMAKE_SCRIPT_MODE_FILE)
  set(code "// Made by infer/embed.cmake.\n")
  foreach(name ${embedded})
    file(READ ${CMAKE_CURRENT_LIST_DIR}/${name} hex HEX)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${hex}")
    string(REPLACE "." "_" symbol ${name})
    string(APPEND code "extern const char v2s_${symbol}[];\n"
                       "const char v2s_${symbol}[] = {${bytes}0};\n")
  endforeach()
  file(WRITE ${OUT} "${code}")
else()
  set(embedded_c ${CMAKE_BINARY_DIR}/infer/report_page.c)
  list(TRANSFORM embedded PREPEND ${CMAKE_SOURCE_DIR}/infer/ OUTPUT_VARIABLE embedded_files)
  add_custom_command(OUTPUT ${embedded_c}
    COMMAND ${CMAKE_COMMAND} -DOUT=${embedded_c} -P ${CMAKE_CURRENT_LIST_FILE}
    DEPENDS ${embedded_files} ${CMAKE_CURRENT_LIST_FILE} VERBATIM)
  target_sources(v2s_infer PRIVATE ${embedded_c})
endif()
