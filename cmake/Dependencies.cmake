# Pinned static libraries come from the private prefix that tools/setup builds (CMAKE_PREFIX_PATH);
# the rest from the distribution. Versions and reasons: tools/deps.lock, docs/decisions.
find_package(Threads REQUIRED)
find_package(OpenSSL CONFIG REQUIRED)  # BoringSSL under the names OpenSSL::SSL, OpenSSL::Crypto
find_package(absl CONFIG REQUIRED)
find_package(re2 CONFIG REQUIRED)
find_package(llhttp CONFIG REQUIRED)
find_package(nghttp2 CONFIG REQUIRED)
find_package(prometheus-cpp CONFIG REQUIRED)
set(Protobuf_USE_STATIC_LIBS ON)
find_package(Protobuf 3.21 REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(GTest REQUIRED)

# yaml-cpp's own CMake target is the shared library: name the archive.
find_library(YAML_CPP_ARCHIVE libyaml-cpp.a REQUIRED)
find_path(YAML_CPP_INCLUDE yaml-cpp/yaml.h REQUIRED)
add_library(sluice_yaml STATIC IMPORTED)
set_target_properties(sluice_yaml PROPERTIES IMPORTED_LOCATION ${YAML_CPP_ARCHIVE}
  INTERFACE_INCLUDE_DIRECTORIES ${YAML_CPP_INCLUDE} INTERFACE_COMPILE_DEFINITIONS YAML_CPP_STATIC_DEFINE)

find_library(LIBXDP_ARCHIVE libxdp.a REQUIRED)
find_library(LIBBPF_ARCHIVE libbpf.a REQUIRED)
find_library(LIBELF_ARCHIVE libelf.a REQUIRED)
find_library(LIBZ_ARCHIVE libz.a REQUIRED)
find_path(LIBBPF_INCLUDE bpf/libbpf.h REQUIRED NO_CMAKE_SYSTEM_PATH)  # with its newer <linux/bpf.h>
add_library(sluice_libbpf INTERFACE)
target_include_directories(sluice_libbpf SYSTEM INTERFACE ${LIBBPF_INCLUDE})
target_link_libraries(sluice_libbpf INTERFACE ${LIBBPF_ARCHIVE} ${LIBELF_ARCHIVE} ${LIBZ_ARCHIVE})
add_library(sluice_libxdp INTERFACE)
target_link_libraries(sluice_libxdp INTERFACE ${LIBXDP_ARCHIVE} sluice_libbpf)

find_program(BPF_CLANG NAMES clang-19 clang REQUIRED)
find_program(BPFTOOL NAMES bpftool PATHS /usr/sbin /sbin REQUIRED)

find_package(CURL CONFIG REQUIRED)  # HTTP/2 over our BoringSSL and nghttp2
add_library(sluice_curl INTERFACE)
target_link_libraries(sluice_curl INTERFACE CURL::libcurl)
