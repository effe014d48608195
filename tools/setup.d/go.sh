# Go, for the conformance laboratory: the machine's own, else the distribution's. Any version from 1.21
# on will do: it fetches the one that go.mod asks for.
# Sourced by tools/setup. Adds to packages.sh's lists.

package_list[conformance]="python3 python3-yaml iproute2 openssl procps util-linux"
unpacked_list[conformance]=""
command -v go >/dev/null || package_list[conformance]+=" golang-go"

check_go() {
  local version
  version=$(go env GOVERSION) || fail "the go command does not work" "install Go 1.21 or newer"
  version=${version#go}
  [ "$(printf '%s\n' 1.21 "$version" | sort -V | head -1)" = 1.21 ] || fail "Go $version is too old" \
    "put Go 1.21 or newer into PATH: https://go.dev/dl" "on Debian 12: golang-go from bookworm-backports"
  say "go $version: there"
}
