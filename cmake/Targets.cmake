# An include root that holds FOLDER alone. Made anew where an older layout lies in the way; links
# are removed as links.
function(sluice_layer root folder)
  if(NOT IS_SYMLINK ${root}/${folder})
    file(REMOVE_RECURSE ${root})
    get_filename_component(parent ${root}/${folder} DIRECTORY)
    file(MAKE_DIRECTORY ${parent})
    file(CREATE_LINK ${CMAKE_SOURCE_DIR}/${folder} ${root}/${folder} SYMBOLIC)
  endif()
endfunction()

# sluice_library(NAME FOLDER DEPENDENCY... [PROTO FILE...])
# All of FOLDER/*.cc but main.cc. Headers are included as "FOLDER/x.h", and only targets that link
# NAME can see them: each target has an include root of its own that holds just its folder.
function(sluice_library name folder)
  cmake_parse_arguments(arg "" "" "PROTO" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${folder}/*.cc)
  list(FILTER sources EXCLUDE REGEX "/main\\.cc$")
  set(root ${CMAKE_BINARY_DIR}/layers/${name})
  sluice_layer(${root} ${folder})

  set(scope PUBLIC)
  if(sources OR arg_PROTO)
    add_library(${name} STATIC ${sources})
    target_link_libraries(${name} PRIVATE sluice_warnings)
  else()
    set(scope INTERFACE)
    add_library(${name} INTERFACE)
  endif()
  target_include_directories(${name} ${scope} ${root})
  target_link_libraries(${name} ${scope} sluice_compile ${arg_UNPARSED_ARGUMENTS})

  foreach(proto ${arg_PROTO})
    get_filename_component(stem ${proto} NAME_WE)
    set(generated ${CMAKE_BINARY_DIR}/generated/${name})
    set(out ${generated}/${folder}/${stem}.pb)
    file(MAKE_DIRECTORY ${generated}/${folder})
    add_custom_command(OUTPUT ${out}.cc ${out}.h DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/${proto}
      COMMAND protobuf::protoc -I${CMAKE_SOURCE_DIR} --cpp_out=${generated} ${CMAKE_SOURCE_DIR}/${folder}/${proto})
    add_library(${name}_${stem}_proto OBJECT ${out}.cc)
    target_compile_options(${name}_${stem}_proto PRIVATE -w)
    target_include_directories(${name}_${stem}_proto PRIVATE ${generated})
    target_link_libraries(${name}_${stem}_proto PRIVATE sluice_compile protobuf::libprotobuf)
    target_sources(${name} PRIVATE $<TARGET_OBJECTS:${name}_${stem}_proto>)
    target_include_directories(${name} SYSTEM PUBLIC ${generated})
    add_dependencies(${name} ${name}_${stem}_proto)
    set_target_properties(${name} PROPERTIES LINKER_LANGUAGE CXX)
  endforeach()
endfunction()

# sluice_program(NAME FOLDER DEPENDENCY...): FOLDER/main.cc
function(sluice_program name folder)
  if(NOT EXISTS ${CMAKE_SOURCE_DIR}/${folder}/main.cc)
    return()
  endif()
  add_executable(${name} ${folder}/main.cc)
  target_link_libraries(${name} PRIVATE sluice_warnings sluice_compile ${ARGN})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
endfunction()

# sluice_bpf(NAME FOLDER): each FOLDER/x.bpf.c becomes a skeleton, included as "FOLDER/x.skel.h";
# headers in FOLDER are shared with user space, included as "FOLDER/y.h".
function(sluice_bpf name folder)
  set(generated ${CMAKE_BINARY_DIR}/generated/${name}/${folder})
  set(root ${CMAKE_BINARY_DIR}/layers/${name})
  file(MAKE_DIRECTORY ${generated})
  sluice_layer(${root} ${folder})
  file(GLOB programs CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*.bpf.c)
  # A stack slot that once held a pointer may not hold a number without CAP_PERFMON.
  set(flags -mcpu=v3 -g -O2 -mllvm -no-stack-slot-sharing -Wall -Wextra -Werror -Wno-unused-parameter
      -Wno-sign-compare)
  set(skeletons)
  foreach(program ${programs})
    get_filename_component(stem ${program} NAME_WE)
    set(object ${generated}/${stem}.bpf.o)
    add_custom_command(OUTPUT ${object} DEPENDS ${program} DEPFILE ${object}.d
      COMMAND ${BPF_CLANG} -target bpf ${flags} -MMD -MF ${object}.d -MT ${object}
              -I${CMAKE_SOURCE_DIR} -isystem ${LIBBPF_INCLUDE}
              -idirafter ${CMAKE_SYSROOT}/usr/include/${CMAKE_LIBRARY_ARCHITECTURE} -c ${program} -o ${object})
    add_custom_command(OUTPUT ${generated}/${stem}.skel.h DEPENDS ${object}
      COMMAND ${BPFTOOL} gen skeleton ${object} name ${stem}_bpf > ${generated}/${stem}.skel.h)
    list(APPEND skeletons ${generated}/${stem}.skel.h)
  endforeach()
  add_custom_target(${name}_generate DEPENDS ${skeletons})
  add_library(${name} INTERFACE)
  add_dependencies(${name} ${name}_generate)
  target_include_directories(${name} INTERFACE ${root})
  target_include_directories(${name} SYSTEM INTERFACE ${CMAKE_BINARY_DIR}/generated/${name})
  target_link_libraries(${name} INTERFACE sluice_libbpf)
endfunction()

# All unit tests and fuzz replayers; and those of the data plane alone.
add_custom_target(unit_tests)
add_custom_target(dataplane_tests)

# sluice_tests(TARGET FOLDER [DEPENDENCY...]): tests/unit/FOLDER/*_test.cc as one binary.
function(sluice_tests target folder)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/unit/${folder}/*_test.cc)
  if(NOT sources)
    return()
  endif()
  add_executable(${target}_test ${sources})
  target_link_libraries(${target}_test PRIVATE sluice_warnings ${target} ${ARGN} GTest::gmock GTest::gtest_main)
  target_compile_definitions(${target}_test PRIVATE SLUICE_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  add_dependencies(unit_tests ${target}_test)
  if(folder MATCHES "^(dataplane|certs)")
    add_dependencies(dataplane_tests ${target}_test)
  endif()
  gtest_discover_tests(${target}_test DISCOVERY_MODE PRE_TEST TEST_PREFIX "${target}." PROPERTIES TIMEOUT 300 LABELS unit)
endfunction()

# sluice_fuzz(NAME DEPENDENCY...): tests/fuzz/NAME_fuzz.cc. Under the fuzz preset a libFuzzer
# binary; elsewhere a replayer, run by ctest over tests/fuzz/corpus/NAME.
function(sluice_fuzz name)
  if(NOT EXISTS ${CMAKE_SOURCE_DIR}/tests/fuzz/${name}_fuzz.cc)
    return()
  endif()
  add_executable(${name}_fuzz ${CMAKE_SOURCE_DIR}/tests/fuzz/${name}_fuzz.cc)
  target_link_libraries(${name}_fuzz PRIVATE sluice_warnings sluice_compile ${ARGN})
  if(SLUICE_SANITIZER STREQUAL "fuzzer")
    target_link_options(${name}_fuzz PRIVATE -fsanitize=fuzzer)
  else()
    target_sources(${name}_fuzz PRIVATE ${CMAKE_SOURCE_DIR}/tests/fuzz/replay_main.cc)
    add_dependencies(unit_tests ${name}_fuzz)
    add_test(NAME fuzz.${name} COMMAND ${name}_fuzz ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${name})
    set_tests_properties(fuzz.${name} PROPERTIES LABELS "unit" TIMEOUT 300)
  endif()
endfunction()
