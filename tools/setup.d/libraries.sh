# How each pinned source becomes a static library in $prefix. This file and deps.lock are the
# prefix's key: a change of either builds a new one. Sourced by tools/setup.
# Uses: say, fail, cache, jobs, work, unpack, unpack_boringssl; sets: prefix, cxx_flags.

cmake_install() { # cmake_install NAME SOURCE [OPTION...]
  local name=$1 source=$2
  shift 2
  cmake -S "$source" -B "$work/build/$name" -GNinja -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF \
    -DCMAKE_INSTALL_PREFIX="$prefix" -DCMAKE_INSTALL_LIBDIR=lib -DCMAKE_PREFIX_PATH="$prefix" \
    -DCMAKE_POSITION_INDEPENDENT_CODE=ON -DCMAKE_CXX_STANDARD=20 -DBUILD_TESTING=OFF \
    -DCMAKE_CXX_FLAGS="$cxx_flags" "$@"
  ninja -C "$work/build/$name" install
}

# Only the two libraries: its own install target would build the command line tool as well.
build_boringssl() {
  local tree library
  tree=$(unpack_boringssl)
  cmake -S "$tree" -B "$work/build/boringssl" -GNinja -DCMAKE_BUILD_TYPE=Release -DBUILD_TESTING=OFF \
    -DCMAKE_POSITION_INDEPENDENT_CODE=ON
  ninja -C "$work/build/boringssl" crypto ssl
  mkdir -p "$prefix/include" "$prefix/lib/cmake/OpenSSL"
  cp -r "$tree/include/openssl" "$prefix/include/"
  for library in crypto ssl; do cp "$work/build/boringssl/lib$library.a" "$prefix/lib/"; done
  cat >"$prefix/lib/cmake/OpenSSL/OpenSSLConfig.cmake" <<'CMAKE'
# BoringSSL under the names OpenSSL::Crypto and OpenSSL::SSL. It is C++ inside.
find_package(Threads REQUIRED)
get_filename_component(_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
foreach(_name Crypto SSL)
  string(TOLOWER ${_name} _file)
  if(NOT TARGET OpenSSL::${_name})
    add_library(OpenSSL::${_name} STATIC IMPORTED)
    set_target_properties(OpenSSL::${_name} PROPERTIES IMPORTED_LOCATION ${_prefix}/lib/lib${_file}.a
      INTERFACE_INCLUDE_DIRECTORIES ${_prefix}/include IMPORTED_LINK_INTERFACE_LANGUAGES CXX)
  endif()
endforeach()
set_property(TARGET OpenSSL::Crypto PROPERTY INTERFACE_LINK_LIBRARIES Threads::Threads)
set_property(TARGET OpenSSL::SSL PROPERTY INTERFACE_LINK_LIBRARIES OpenSSL::Crypto)
CMAKE
}

build_nghttp2() {
  cmake_install nghttp2 "$(unpack nghttp2)" -DENABLE_LIB_ONLY=ON -DBUILD_STATIC_LIBS=ON -DENABLE_DOC=OFF
}

build_llhttp() {
  cmake_install llhttp "$(unpack llhttp)/usr/src/llhttp" -DLLHTTP_BUILD_SHARED_LIBS=OFF -DLLHTTP_BUILD_STATIC_LIBS=ON
}

# The distribution's archive does not link on Debian 13 (a symbol of libeu is missing), so both parts
# are merged into one here.
build_libelf() {
  local tree
  tree=$(unpack libelf)
  (cd "$tree" && CC=gcc CFLAGS='-O2 -fPIC' ./configure --disable-debuginfod --disable-libdebuginfod \
    --disable-demangler --disable-nls --without-bzlib --without-lzma --without-zstd)
  make -j"$jobs" -C "$tree/lib"
  make -j"$jobs" -C "$tree/libelf" libelf.a
  mkdir -p "$prefix/lib"
  printf '%s\n' "create $prefix/lib/libelf.a" "addlib $tree/libelf/libelf.a" "addlib $tree/lib/libeu.a" save end | ar -M
}

# Brings its own, newer <linux/bpf.h>.
build_libbpf() {
  make -j"$jobs" -C "$(unpack libbpf)/src" CC="$CC" BUILD_STATIC_ONLY=1 PREFIX="$prefix" LIBDIR="$prefix/lib" \
    install install_uapi_headers
}

# Its configure wants "pkg-config --static" as one word, and a gcc (-print-multiarch).
build_libxdp() {
  local tree
  tree=$(unpack libxdp)
  printf '#!/bin/sh\nexec pkg-config --static "$@"\n' >"$tree/pkg-config-static"
  chmod +x "$tree/pkg-config-static"
  (cd "$tree" && export PKG_CONFIG=$tree/pkg-config-static PKG_CONFIG_PATH=$prefix/lib/pkgconfig CC=gcc \
    CLANG=clang-19 LLC=llc-19 PREFIX=$prefix LIBDIR=$prefix/lib FORCE_SYSTEM_LIBBPF=1 &&
    ./configure && make -C lib/libxdp libxdp.a BUILD_STATIC_ONLY=1)
  mkdir -p "$prefix/include/xdp"
  cp "$tree"/headers/xdp/*.h "$prefix/include/xdp/"
  cp "$tree/lib/libxdp/libxdp.a" "$prefix/lib/"
}

build_abseil() { cmake_install abseil "$(unpack abseil)" -DABSL_PROPAGATE_CXX_STD=ON -DABSL_BUILD_TESTING=OFF; }
build_re2() { cmake_install re2 "$(unpack re2)" -DRE2_BUILD_TESTING=OFF; }
build_prometheus() {
  cmake_install prometheus "$(unpack prometheus)" -DENABLE_PUSH=OFF -DENABLE_PULL=OFF -DENABLE_COMPRESSION=OFF \
    -DENABLE_TESTING=OFF -DUSE_THIRDPARTY_LIBRARIES=OFF
}

# HTTP only, on our BoringSSL and nghttp2. Its CMake file names libstdc++ because its TLS library is
# C++; that would undo -static-libstdc++.
build_curl() {
  cmake_install curl "$(unpack curl)" -DBUILD_STATIC_LIBS=ON -DBUILD_CURL_EXE=OFF -DBUILD_LIBCURL_DOCS=OFF \
    -DBUILD_MISC_DOCS=OFF -DENABLE_CURL_MANUAL=OFF -DHTTP_ONLY=ON -DCURL_USE_OPENSSL=ON -DOPENSSL_ROOT_DIR="$prefix" \
    -DOPENSSL_USE_STATIC_LIBS=ON -DUSE_NGHTTP2=ON -DNGHTTP2_INCLUDE_DIR="$prefix/include" \
    -DNGHTTP2_LIBRARY="$prefix/lib/libnghttp2.a" -DCURL_USE_LIBPSL=OFF -DCURL_USE_LIBSSH2=OFF -DUSE_LIBIDN2=OFF \
    -DCURL_BROTLI=OFF -DCURL_ZSTD=OFF -DCURL_ZLIB=OFF -DCMAKE_C_FLAGS=-DNGHTTP2_STATICLIB
  sed -i 's/;[^;]*LINK_ONLY:stdc++>//' "$prefix/lib/cmake/CURL/CURLTargets.cmake"
}

# lane NAME...: one after the other. Each build is a job that is waited for: "build || report" would
# switch set -e off inside it.
lane() {
  local name start
  for name; do
    [ ! -e "$prefix/.done/$name" ] || continue
    start=$SECONDS
    say "$name: building"
    (set -e; "build_$name") >"$cache/log/$name" 2>&1 &
    wait $! || {
      tail -5 "$cache/log/$name" >&2
      fail "$name could not be built" "look at $cache/log/$name, then run tools/setup again: what is built stays"
    }
    mkdir -p "$prefix/.done"
    touch "$prefix/.done/$name"
    say "$name: built in $((SECONDS - start)) s"
  done
}

# build_prefix FOLDER SANITIZER. A sanitizer's prefix holds only what has C++ containers or locks in
# its headers: their layout differs, and uninstrumented locks make false reports.
build_prefix() {
  prefix=$1
  cxx_flags=${2:+-fsanitize=$2 -fno-omit-frame-pointer -g1}
  [ ! -e "$prefix/.done/all" ] || { say "libraries${2:+ ($2)}: all there"; return 0; }
  mkdir -p "$prefix"
  work=${work:-$(mktemp -d "${TMPDIR:-/tmp}/sluice-setup.XXXXXX")}
  if sources_missing; then configure_private_apt; fi
  if [ -n "$2" ]; then
    lane abseil re2 prometheus
  else
    lane boringssl &
    local boringssl=$!
    lane nghttp2 llhttp libelf libbpf libxdp abseil re2 prometheus
    wait $boringssl || exit 1
    lane curl
  fi
  touch "$prefix/.done/all"
}
