# Another architecture's C and C++ libraries and headers, out of the archive that the machine uses, and
# compilers that know where they are. Sourced by tools/cross. Uses: say, fail, cache, root, sysroot, arch,
# machine, triplet.

# The packages of [build] that are libraries; the C++ library's own is named after the machine's gcc.
sysroot_packages() {
  local gcc
  gcc=$(find /usr/lib/gcc -mindepth 2 -maxdepth 2 -name '[0-9]*' -printf '%f\n' | sort -n | tail -1)
  [ -n "$gcc" ] || fail "no gcc is installed, whose version the C++ library would have" "run tools/setup"
  echo libc6-dev "libstdc++-$gcc-dev" linux-libc-dev libelf-dev zlib1g-dev libprotobuf-dev libyaml-cpp-dev \
    nlohmann-json3-dev libcli11-dev libgtest-dev libgmock-dev libbenchmark-dev
}

# apt for that architecture, with nothing installed: it resolves what the packages need.
foreign_apt() {
  apt-get -o APT::Architecture="$arch" -o APT::Architectures="$arch" -o Dir::State::Lists="$root/apt/lists" \
    -o Dir::Cache="$root/apt/cache" -o Dir::State::status=/dev/null -o APT::Sandbox::User=root \
    -o Acquire::Languages=none -o Acquire::Retries=3 -o Debug::NoLocking=1 -qq "$@"
}

make_sysroot() {
  local packages archive link
  packages=$(sysroot_packages)
  [ "$(cat "$sysroot/.packages" 2>/dev/null)" != "$packages" ] || return 0
  say "sysroot: downloading $arch packages"
  rm -rf "$sysroot"
  mkdir -p "$sysroot" "$root/apt/lists/partial" "$root/apt/cache/archives/partial"
  foreign_apt update >"$cache/log/cross-apt" 2>&1 ||
    fail "the archive has no index for $arch" "look at $cache/log/cross-apt"
  # shellcheck disable=SC2086  # a list of words
  foreign_apt --no-install-recommends --download-only -y install $packages >>"$cache/log/cross-apt" 2>&1 ||
    fail "the $arch packages could not be downloaded" "look at $cache/log/cross-apt"
  for archive in "$root"/apt/cache/archives/*.deb; do dpkg-deb -x "$archive" "$sysroot"; done
  # Links that begin at the root would lead out of it.
  while read -r link; do
    ln -sfn "$(realpath -m --relative-to="$(dirname "$link")" "$sysroot$(readlink "$link")")" "$link"
  done < <(find "$sysroot" -type l -lname '/*')
  # The program's loader is named by an old path; a release with merged /usr has it in one place.
  [ -e "$sysroot/lib" ] || ln -s usr/lib "$sysroot/lib"
  [ -e "$sysroot/lib64" ] || [ ! -e "$sysroot/usr/lib64" ] || ln -s usr/lib64 "$sysroot/lib64"
  echo "$packages" >"$sysroot/.packages"
  say "sysroot: $(du -sh "$sysroot" | cut -f1) in $sysroot"
}

# clang and clang++ for the sysroot as programs of their own, for builds that know no such options; a gcc
# for those that insist on one; and CMake's view of the same.
write_compilers() {
  local name text
  mkdir -p "$root/bin"
  for name in clang clang++; do
    text="#!/bin/sh
exec $name-19 --target=$triplet --sysroot=$sysroot -fuse-ld=lld-19 -Wno-unused-command-line-argument \"\$@\""
    [ "$(cat "$root/bin/$name" 2>/dev/null)" = "$text" ] || echo "$text" >"$root/bin/$name"  # ccache looks at its age
  done
  ln -sf clang "$root/bin/gcc"
  for name in ar ranlib objcopy strip; do ln -sf "$(command -v llvm-$name-19)" "$root/bin/$name"; done
  chmod +x "$root/bin/clang" "$root/bin/clang++"
  cat >"$root/toolchain.cmake" <<CMAKE
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR $machine)
set(CMAKE_LIBRARY_ARCHITECTURE $triplet)
set(CMAKE_SYSROOT $sysroot)
set(CMAKE_C_COMPILER $root/bin/clang)
set(CMAKE_CXX_COMPILER $root/bin/clang++)
set(CMAKE_ASM_COMPILER $root/bin/clang)
set(CMAKE_AR /usr/bin/llvm-ar-19)
set(CMAKE_RANLIB /usr/bin/llvm-ranlib-19)
set(CMAKE_FIND_ROOT_PATH \${CMAKE_PREFIX_PATH} \${CMAKE_INSTALL_PREFIX} $sysroot)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
CMAKE
}

# The user-mode emulator, unpacked and not installed, so that the machine itself does not learn to run
# foreign programs. Sets emulator, as CMake wants it.
install_qemu() {
  local program=$root/qemu/usr/bin/qemu-$machine-static
  if [ ! -e "$program" ]; then
    rm -rf "$root/qemu"
    mkdir -p "$root/qemu"
    (cd "$root/qemu" && apt-get -qq download qemu-user-static && dpkg-deb -x qemu-user-static_*.deb . && rm ./*.deb) \
      >"$cache/log/cross-apt" 2>&1 || fail "qemu-user-static could not be downloaded" "look at $cache/log/cross-apt"
  fi
  emulator="$program;-L;$sysroot"
}

# The names in cross.d/skipped as one expression.
skipped_tests() { grep -v '^#' "$here/cross.d/skipped" | awk 'NF {print "^" $1}' | paste -sd '|'; }
