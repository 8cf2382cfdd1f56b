# tollgate_library(NAME SOURCES ... DEPENDS ...): a static library tollgate_NAME with the alias tollgate::NAME.
function(tollgate_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_library(tollgate_${name} STATIC ${ARG_SOURCES})
  add_library(tollgate::${name} ALIAS tollgate_${name})
  target_link_libraries(tollgate_${name} PUBLIC ${ARG_DEPENDS} PRIVATE tollgate::flags)
  target_include_directories(tollgate_${name} PUBLIC ${PROJECT_SOURCE_DIR})
endfunction()

# tollgate_binary(NAME SOURCES ... DEPENDS ...): a program, bin/NAME.
function(tollgate_binary name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS} tollgate::flags)
endfunction()

# tollgate_test(NAME LABEL unit|integration|... SOURCES ... DEPENDS ...): a GoogleTest program, each case a ctest test.
function(tollgate_test name)
  cmake_parse_arguments(ARG "" "LABEL;TIMEOUT" "SOURCES;DEPENDS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 60)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS} GTest::gmock GTest::gtest_main tollgate::flags)
  gtest_discover_tests(${name}
    PROPERTIES LABELS ${ARG_LABEL} TIMEOUT ${ARG_TIMEOUT}
      ENVIRONMENT "TOLLGATE_BIN=${CMAKE_RUNTIME_OUTPUT_DIRECTORY}"
    DISCOVERY_TIMEOUT 60)
endfunction()
