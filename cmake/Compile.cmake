# How our own code is compiled: language, warnings, hardening, sanitizers.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# One of: address (with UBSan), thread, fuzzer (libFuzzer with ASan and UBSan), coverage; empty.
set(SLUICE_SANITIZER "" CACHE STRING "address, thread, fuzzer or coverage")

add_library(sluice_warnings INTERFACE)
target_compile_options(sluice_warnings INTERFACE -Wall -Wextra -Werror -Wshadow-uncaptured-local
  -Wno-missing-field-initializers -Wno-missing-designated-field-initializers)

add_library(sluice_compile INTERFACE)
target_compile_options(sluice_compile INTERFACE -fno-omit-frame-pointer -fstack-protector-strong
  -fstack-clash-protection -ftrivial-auto-var-init=zero -ffunction-sections -fdata-sections)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  target_compile_options(sluice_compile INTERFACE -fcf-protection=full)
else()
  target_compile_options(sluice_compile INTERFACE -mbranch-protection=standard)
endif()
target_compile_definitions(sluice_compile INTERFACE _GLIBCXX_ASSERTIONS
  $<$<AND:$<CONFIG:Release,RelWithDebInfo>,$<STREQUAL:${SLUICE_SANITIZER},>>:_FORTIFY_SOURCE=3>)
target_link_options(sluice_compile INTERFACE -fuse-ld=lld-19 -pie -Wl,-z,relro,-z,now,-z,noexecstack
  -Wl,--gc-sections)

if(SLUICE_SANITIZER STREQUAL "address")
  set(flags -fsanitize=address,undefined -fno-sanitize-recover=all)
elseif(SLUICE_SANITIZER STREQUAL "thread")
  set(flags -fsanitize=thread)
elseif(SLUICE_SANITIZER STREQUAL "fuzzer")
  set(flags -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=all)
elseif(SLUICE_SANITIZER STREQUAL "coverage")
  set(flags -fprofile-instr-generate -fcoverage-mapping)
else()
  set(flags)
  target_link_options(sluice_compile INTERFACE -static-libstdc++ -static-libgcc)
endif()
target_compile_options(sluice_compile INTERFACE ${flags})
target_link_options(sluice_compile INTERFACE ${flags})
