# What a person sees: progress with elapsed seconds, and failures that say what to do.

say() { echo "[${SECONDS}s] $*" >&2; }

die() {
  echo "error: $*" >&2
  exit 1
}

# die_of COMPONENT WHAT: also shows the end of its log.
die_of() {
  local log=$cluster/logs/$1.log
  {
    echo "error: $2"
    echo "--- last lines of $log"
    tail -n 15 "$log" 2>/dev/null || echo "(no log was written)"
    echo "---"
    echo "whole log: tests/cluster/logs --name $name $1"
    echo "try again: tests/cluster/up --name $name; from nothing: tests/cluster/down --name $name first"
  } >&2
  exit 1
}
