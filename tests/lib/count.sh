# shellcheck shell=bash disable=SC2154  # work is that of tests/run
# Ways to run something, each of which adds to `passed` and `failed` what it counted. Output is shown as it comes.

# check NAME COMMAND...: one check, passed when the command succeeds.
check() {
  local name=$1
  shift
  if "$@"; then
    echo "ok   $name"
    passed=$((passed + 1))
  else
    echo "FAIL $name"
    failed=$((failed + 1))
  fi
}

# The three runners: cargo's tests, pytest, and a script of ours which ends with "N passed, N failed".
cargo_test() { counted cargo_counts cargo test --no-fail-fast "$@"; }
py_test() { counted pytest_counts "$venv/bin/python" -m pytest --junitxml="$work/junit.xml" "$@"; }
script() { counted script_counts "$@"; }

# counted COUNTS COMMAND...: a command that fails without counting a failure counts as one.
counted() {
  local counts=$1 good=0 bad=0 status=0
  shift
  rm -f "$work/junit.xml"
  "$@" 2>&1 | tee "$work/log" || status=$?
  read -r good bad < <("$counts" "$work/log")
  ((status == 0 || bad > 0)) || bad=1
  passed=$((passed + good)) failed=$((failed + bad))
}

cargo_counts() {
  awk '/^test result: (ok|FAILED)\. [0-9]+ passed; [0-9]+ failed;/ { good += $4; bad += $6 } END { print good + 0, bad + 0 }' "$1"
}

pytest_counts() {
  [[ -s $work/junit.xml ]] || { echo 0 1 && return; }
  grep -o '<testsuite [^>]*>' "$work/junit.xml" | awk '
    function of(name) { return match($0, " " name "=\"[0-9]+") ? substr($0, RSTART + length(name) + 3, RLENGTH - length(name) - 3) : 0 }
    { bad += of("failures") + of("errors"); good += of("tests") - of("failures") - of("errors") - of("skipped") }
    END { print good + 0, bad + 0 }'
}

script_counts() {
  awk '/^[0-9]+ passed, [0-9]+ failed$/ { good = $1; bad = $3 } END { print good + 0, bad + 0 }' "$1"
}
