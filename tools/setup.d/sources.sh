# The pinned sources: found in the cache, in SLUICE_DIST, or fetched; always checked.
# Sourced by tools/setup. Uses: say, fail, cache, here, jobs, work.

lock_row() { awk -v name="$1" -v how="$2" '$1 == name && (how == "" || $2 == how)' "$here/deps.lock"; }

has_sum() { # has_sum FILE SHA256
  [ -e "$1" ] && echo "$2  $1" | sha256sum -c --quiet >/dev/null 2>&1
}

# ---- Debian's source packages, through a private apt configuration --------------------------------
# The newer suites are added only there; the system's own configuration is not touched.
apt_dir=$cache/apt
private_apt() { # private_apt COMMAND [OPTION...]
  apt-get -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$apt_dir/etc" \
    -o Dir::State::Lists="$apt_dir/lists" -o Dir::Cache="$apt_dir/cache" -o APT::Sandbox::User=root \
    -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false -o Acquire::Retries=3 \
    -o Acquire::IndexTargets::deb::Translations::DefaultEnabled=false -o Acquire::Languages=none "$@"
}

debian_mirror() {
  if [ -n "${DEBIAN_MIRROR:-}" ]; then
    echo "${DEBIAN_MIRROR%/}"
  elif grep -q '^ID=debian' /etc/os-release; then
    apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' |
      awk '$2 !~ /security|updates|backports/ {sub("/$", "", $1); print $1; exit}'
  fi
}

# Runs before the lanes start, and only if something has to be fetched. Indexes are good for a day.
configure_private_apt() {
  [ -z "$(find "$apt_dir/ready" -mmin -1440 2>/dev/null)" ] || return 0
  local mirror suite base keys=/usr/share/keyrings/debian-archive-keyring
  mirror=$(debian_mirror)
  [ -n "$mirror" ] || fail "the address of a Debian archive is needed for the pinned sources" \
    "set DEBIAN_MIRROR to the base URL of a Debian archive" "or set SLUICE_DIST to a folder with the sources"
  [ -e $keys.pgp ] && keys=$keys.pgp || keys=$keys.gpg
  [ -e "$keys" ] || fail "no Debian archive keys: $keys" "apt-get install debian-archive-keyring"
  say "sources: reading Debian's source indexes"
  mkdir -p "$apt_dir/etc" "$apt_dir/lists/partial" "$apt_dir/cache/archives/partial"
  for suite in trixie trixie-security sid; do
    base=$mirror
    [ $suite != trixie-security ] || base=${mirror%/*}/debian-security
    printf 'Types: %s\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n\n' \
      "$([ $suite = sid ] && echo deb deb-src || echo deb-src)" "$base" $suite "$keys" >"$apt_dir/etc/$suite.sources"
  done
  private_apt -qq -o APT::Update::Error-Mode=any update >"$cache/log/indexes" 2>&1 || {
    tail -3 "$cache/log/indexes" >&2
    fail "Debian's source indexes cannot be read from $mirror" \
      "set DEBIAN_MIRROR to an archive that has trixie and sid" "or set SLUICE_DIST to a folder with the sources"
  }
  touch "$apt_dir/ready"
}

# download HOW PACKAGE SUITE: into the current folder
download() {
  case $1 in
    tar) private_apt -qq source --download-only --tar-only "$2/$3" ;;
    dsc) private_apt -qq source --download-only "$2/$3" ;;
    deb) private_apt -qq download "$2/$3" ;;
  esac
}
main_file() { # main_file HOW: the one file in the current folder that the lock names
  find . -maxdepth 1 -type f -printf '%f\n' |
    case $1 in tar) grep 'orig\.tar\.' ;; dsc) grep '\.dsc$' ;; deb) grep '\.deb$' ;; esac | head -1
}

# fetch NAME: leaves the source in $cache/dist, prints its path. apt checks every file against the
# archive's signed index; the lock then says whether it is the one that this tree was tested with.
fetch() {
  local how package suites file sum suite dir got
  read -r _ how package suites file sum <<<"$(lock_row "$1" "${2:-}")"
  [ ! -e "$cache/dist/$file" ] || { echo "$cache/dist/$file"; return; }
  if has_sum "${SLUICE_DIST:-/nowhere}/$file" "$sum"; then
    cp "$SLUICE_DIST/${file%%_*}"_* "$cache/dist/"  # a .dsc comes with the files that it lists
    echo "$cache/dist/$file"
    return
  fi
  for suite in ${suites//,/ }; do
    dir=$(mktemp -d "$work/fetch.XXXXXX")
    (cd "$dir" && download "$how" "$package" "$suite") >"$cache/log/fetch-$1" 2>&1 || continue
    got=$(cd "$dir" && main_file "$how")
    if ! has_sum "$dir/$got" "$sum"; then
      [ -z "${SLUICE_EXACT:-}" ] || continue
      say "$1: $suite has $got instead of the pinned $file; going on with it" >&2
    fi
    mv "$dir"/* "$cache/dist/"
    echo "$cache/dist/$got"
    return
  done
  fail "the source of $1 ($file) could not be fetched from $suites" "look at $cache/log/fetch-$1" \
    "put the file into a folder and set SLUICE_DIST to it" "or raise the pin in tools/deps.lock"
}

# sources_missing: whether a build would have to ask the archive for anything
sources_missing() {
  local name how file
  while read -r name how _ _ file _; do
    case $how in tar | dsc | deb) ;; *) continue ;; esac
    if [ "$name" = chromium ]; then
      boringssl_tarball >/dev/null && continue
    fi
    [ -e "$cache/dist/$file" ] || return 0
  done <"$here/deps.lock"
  return 1
}

unpack() { # unpack NAME: a fresh source tree; prints its path
  local file dir=$work/source/$1
  file=$(fetch "$1")
  rm -rf "$dir"
  mkdir -p "$dir"
  case $file in
    *.deb) dpkg-deb -x "$file" "$dir" ;;
    *.dsc) rm -rf "$dir" && dpkg-source --no-check -x "$file" "$dir" >/dev/null ;;
    *) tar -xf "$file" -C "$dir" --strip-components=1 ;;
  esac
  echo "$dir"
}

# ---- BoringSSL: upstream's commit, or the same tree out of Debian's chromium source --------------
boringssl_tarball() { # prints the cached one, if there is one
  local folder file how
  for folder in "$cache/dist" "${SLUICE_DIST:-/nowhere}"; do
    for how in git cut; do
      file=$folder/$(lock_row boringssl $how | awk '{print $5}')
      [ ! -e "$file" ] || { echo "$file"; return; }
    done
  done
  return 1
}

pack_boringssl() { # pack_boringssl TREE FILE: what a build needs, the same bytes for the same tree
  tar -C "$1" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --format=gnu -cJf "$2.part" \
    --exclude=.git --exclude='*_test*' --exclude='*.txt.gz' --exclude='*_tests.txt' --exclude='*/test' \
    --exclude=testdata --exclude=wycheproof_testvectors --exclude='*.json' --exclude=googletest \
    --exclude=benchmark --exclude=./rust --exclude=./infra --exclude=./docs --exclude=./util --exclude=./fuzz .
  mv "$2.part" "$2"
}

boringssl_from_upstream() {
  local url commit file tree=$work/boringssl-git
  read -r _ _ url commit file _ <<<"$(lock_row boringssl git)"
  timeout 8 git ls-remote --exit-code "$url" HEAD >/dev/null 2>&1 || return 1
  git init -q "$tree"
  timeout 300 git -C "$tree" fetch -q --depth 1 "$url" "$commit" || return 1
  git -C "$tree" checkout -q FETCH_HEAD || return 1
  pack_boringssl "$tree" "$cache/dist/$file"
}

boringssl_from_chromium() {
  local big tree=$work/chromium file sum
  read -r _ _ _ _ file sum <<<"$(lock_row boringssl cut)"
  say "boringssl: upstream is out of reach; cutting it out of Debian's chromium source (900 MB, once)" >&2
  big=$(fetch chromium)
  mkdir -p "$tree"
  XZ_OPT="-T$jobs" tar -xJf "$big" -C "$tree" --strip-components=1 \
    --wildcards --no-wildcards-match-slash '*/third_party/boringssl/src'
  pack_boringssl "$tree/third_party/boringssl/src" "$cache/dist/$file"
  rm -rf "$big" "$tree"
}

unpack_boringssl() { # prints the path of a fresh tree
  local file sum dir=$work/source/boringssl
  boringssl_tarball >/dev/null || boringssl_from_upstream || boringssl_from_chromium
  file=$(boringssl_tarball)
  sum=$(lock_row boringssl cut | awk '{print $6}')
  if [[ $file = *chromium* ]] && ! has_sum <(xz -dc "$file") "$sum"; then
    [ -z "${SLUICE_EXACT:-}" ] || fail "boringssl: $file is not the pinned tree" "remove it and run tools/setup again"
    say "boringssl: $file is not the pinned tree; going on with it" >&2
  fi
  rm -rf "$dir"
  mkdir -p "$dir"
  tar -xf "$file" -C "$dir"
  echo "$dir"
}
