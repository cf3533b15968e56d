# Helpers so that each folder's CMakeLists.txt says only what it has and what it may use. A target
# links exactly the folders it names, so an include that points upwards does not compile or link.

add_library(msb_options INTERFACE)
target_compile_options(msb_options INTERFACE -Wall -Wextra -Wconversion -Werror
  -Wno-missing-field-initializers # designated initialisers name what differs from the default
  $<$<CXX_COMPILER_ID:Clang>:-Wno-sign-conversion> # part of -Wconversion in clang only
  $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized> # gcc 12 sees it in std::expected, wrongly
  -fstack-protector-strong -fno-plt)
# Code of tests runs once, so compile it fast rather than make it fast.
set(is_test $<BOOL:$<TARGET_PROPERTY:MSB_TEST_CODE>>)
target_compile_options(msb_options INTERFACE
  $<IF:${is_test},-O0,$<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=2>>)
target_compile_definitions(msb_options INTERFACE _GNU_SOURCE _FILE_OFFSET_BITS=64
  _GLIBCXX_ASSERTIONS MSB_VERSION="${PROJECT_VERSION}")
target_include_directories(msb_options INTERFACE ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/include)
# No build id: it would be a hash of the debug information, too, which names the directory of the build.
target_link_options(msb_options INTERFACE -Wl,-z,relro,-z,now -Wl,--build-id=none)
if(MSB_SANITIZE)
  target_compile_options(msb_options INTERFACE -fsanitize=${MSB_SANITIZE} -fno-sanitize-recover=all
    -fno-omit-frame-pointer -U_FORTIFY_SOURCE)
  target_link_options(msb_options INTERFACE -fsanitize=${MSB_SANITIZE})
endif()
if(MSB_FUZZ)
  target_compile_options(msb_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

# A clean build spends most of its time on the same headers and templates again and again, so up to
# eight files of a folder are compiled as one; of a test program, of whatever folder. A name in an
# anonymous namespace is therefore unique among the files of its folder in a target (of its test
# program). The sanitizers' build and the linter take each file alone.
option(MSB_UNITY "Compile the files of a folder together" ON)
function(msb_unite target)
  if(NOT MSB_UNITY)
    return()
  endif()
  get_target_property(sources ${target} SOURCES)
  get_target_property(is_test ${target} MSB_TEST_CODE)
  list(FILTER sources INCLUDE REGEX "\\.cpp$")
  set(folders)
  foreach(source IN LISTS sources)
    get_filename_component(folder ${source} DIRECTORY)
    if(is_test)
      set(folder)
    endif()
    string(MAKE_C_IDENTIFIER "${target}/${folder}" folder)
    list(APPEND folders ${folder})
    list(APPEND files_${folder} ${source})
  endforeach()
  list(REMOVE_DUPLICATES folders)
  foreach(folder IN LISTS folders)
    list(LENGTH files_${folder} count)
    math(EXPR groups "(${count} + 7) / 8")
    set(number 0)
    foreach(source IN LISTS files_${folder})
      math(EXPR group "${number} * ${groups} / ${count}")
      set_property(SOURCE ${source} PROPERTY UNITY_GROUP ${folder}_${group})
      math(EXPR number "${number} + 1")
    endforeach()
  endforeach()
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
endfunction()

# Everything msb_test() and msb_fuzz() make, and nothing else.
add_custom_target(unit_tests)
add_custom_target(fuzzers)

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)

# msb_library(NAME SOURCES ... DEPENDS targets...)
function(msb_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPENDS" ${ARGN})
  add_library(${name} STATIC ${arg_SOURCES})
  target_link_libraries(${name} PUBLIC msb_options ${arg_DEPENDS})
  msb_unite(${name})
endfunction()

# msb_program(NAME [LIBEXEC | TOOL] SOURCES ... DEPENDS ...): a program in build/bin, installed in bin;
# LIBEXEC: in libexec/microsandbox, both; TOOL: in build/tools, used by the build and tests only.
function(msb_program name)
  cmake_parse_arguments(arg "LIBEXEC;TOOL" "OUTPUT" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE msb_options ${arg_DEPENDS})
  if(NOT arg_TOOL)
    msb_unite(${name})
  endif()
  if(arg_OUTPUT)
    set_target_properties(${name} PROPERTIES OUTPUT_NAME ${arg_OUTPUT})
  endif()
  if(arg_LIBEXEC)
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${MSB_LIBEXEC})
    install(TARGETS ${name} DESTINATION libexec/microsandbox)
  elseif(arg_TOOL)
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tools
      MSB_TEST_CODE ON)
  else()
    install(TARGETS ${name} DESTINATION bin)
  endif()
  if(NOT arg_TOOL)
    add_dependencies(runnable ${name})
  endif()
endfunction()

# msb_test(NAME SOURCES *_test.cpp... DEPENDS ... [NOT_SANITIZED reason]): one GoogleTest program, one
# ctest entry; in sanitizer builds, one that says why it is skipped.
function(msb_test name)
  if(NOT MSB_TESTS)
    return()
  endif()
  cmake_parse_arguments(arg "" "NOT_SANITIZED" "SOURCES;DEPENDS" ${ARGN})
  if(MSB_SANITIZE AND arg_NOT_SANITIZED)
    add_test(NAME ${name} COMMAND ${CMAKE_COMMAND} -E echo "SKIP: ${arg_NOT_SANITIZED}")
    set_tests_properties(${name} PROPERTIES LABELS unit SKIP_REGULAR_EXPRESSION "^SKIP: ")
    return()
  endif()
  find_package(GTest REQUIRED)
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE msb_options ${arg_DEPENDS} GTest::gtest GTest::gtest_main)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests
    MSB_TEST_CODE ON)
  msb_unite(${name})
  add_dependencies(unit_tests ${name})
  add_test(NAME ${name} COMMAND ${name})
  # Children that share the agent's memory until they execute (agent/exec/launch.cpp) would share the
  # sanitizer's fake stacks as well.
  set_tests_properties(${name} PROPERTIES LABELS unit TIMEOUT 120 ENVIRONMENT
    "ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=0;UBSAN_OPTIONS=print_stacktrace=1")
endfunction()

# msb_fuzz(NAME SOURCES x_fuzz.cpp DEPENDS ... [CORPUS dir]): a libFuzzer program (MSB_FUZZ only).
function(msb_fuzz name)
  if(NOT MSB_FUZZ)
    return()
  endif()
  cmake_parse_arguments(arg "" "CORPUS" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE msb_options ${arg_DEPENDS})
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  add_dependencies(fuzzers ${name})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
  set(corpus)
  if(arg_CORPUS)
    set(corpus ${CMAKE_CURRENT_SOURCE_DIR}/${arg_CORPUS})
  endif()
  set_property(GLOBAL APPEND PROPERTY MSB_FUZZERS "${name}:${corpus}")
endfunction()
