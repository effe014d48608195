# The two recipes of setup.d/libraries.sh that name a compiler themselves, for another architecture.
# Sourced by tools/cross after those. Uses: jobs, prefix, unpack, root, sysroot, triplet.

build_libelf() {
  local tree
  tree=$(unpack libelf)
  (cd "$tree" && CFLAGS='-O2 -fPIC -Wno-error' ./configure --host="$triplet" --disable-debuginfod --disable-libdebuginfod \
    --disable-demangler --disable-nls --without-bzlib --without-lzma --without-zstd)
  make -j"$jobs" -C "$tree/lib"
  make -j"$jobs" -C "$tree/libelf" libelf.a
  mkdir -p "$prefix/lib"
  printf '%s\n' "create $prefix/lib/libelf.a" "addlib $tree/libelf/libelf.a" "addlib $tree/lib/libeu.a" save end |
    llvm-ar-19 -M
}

# Its BPF programs need the headers of the other architecture, but no options for it.
build_libxdp() {
  local tree
  tree=$(unpack libxdp)
  printf '#!/bin/sh\nexec clang-19 "$@" -idirafter %s\n' "$sysroot/usr/include/$triplet" >"$tree/clang-bpf"
  chmod +x "$tree/clang-bpf"
  printf '#!/bin/sh\nexec pkg-config --static "$@"\n' >"$tree/pkg-config-static"
  chmod +x "$tree/pkg-config-static"
  (cd "$tree" && export PATH="$root/bin:$PATH" PKG_CONFIG=$tree/pkg-config-static PKG_CONFIG_PATH=$prefix/lib/pkgconfig \
    CC=gcc CLANG=$tree/clang-bpf LLC=llc-19 PREFIX=$prefix LIBDIR=$prefix/lib FORCE_SYSTEM_LIBBPF=1 &&
    ./configure && make -C lib/libxdp libxdp.a BUILD_STATIC_ONLY=1)
  mkdir -p "$prefix/include/xdp"
  cp "$tree"/headers/xdp/*.h "$prefix/include/xdp/"
  cp "$tree/lib/libxdp/libxdp.a" "$prefix/lib/"
}
