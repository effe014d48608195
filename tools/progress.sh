# What the tools in this folder share: where things are, and long steps with a sign of life.
# Sourced; sets source_dir.

source_dir=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")

build_folder() { # build_folder PRESET
  echo "${SLUICE_BUILD:-$source_dir/build}/$1"
}

# with_progress TITLE LOG COMMAND...: the command's output goes to LOG. Says every 15 s how far it
# is (its last line), at the end how long it took; on failure shows the end of LOG.
with_progress() {
  local title=$1 log=$2 start=$SECONDS next=15 child status=0
  shift 2
  "$@" >"$log" 2>&1 </dev/null &
  child=$!
  while kill -0 $child 2>/dev/null; do
    sleep 0.2
    if [ $((SECONDS - start)) -ge $next ]; then
      next=$((next + 15))
      printf '%5ss  %s: %s\n' "$SECONDS" "$title" "$(tail -n 1 "$log" | tr '\r' '\n' | tail -n 1 | cut -c1-110)"
    fi
  done
  wait $child || status=$?
  if [ $status != 0 ]; then
    printf '%5ss  %s: FAILED (exit status %s); the end of %s:\n' "$SECONDS" "$title" $status "$log"
    grep -nE 'error:|FAILED|CMake Error' "$log" | head -20 | cut -c1-300
    tail -n 25 "$log" | cut -c1-300
    return $status
  fi
  printf '%5ss  %s: done in %s s\n' "$SECONDS" "$title" $((SECONDS - start))
}
