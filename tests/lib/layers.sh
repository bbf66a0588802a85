# shellcheck shell=bash disable=SC2034,SC2154  # the files here share variables
# The layers in their order, and what each runs.

layers=(format lints deny unit fuzz contracts conformance admission faults chart cluster)
declare -A about=(
  [format]="rustfmt and shellcheck"
  [lints]="clippy over everything, warnings are errors"
  [deny]="licences, sources, bans and advisories of dependencies"
  [unit]="tests within the crates, the exhaustive ones and those that kill included"
  [fuzz]="what reads the bytes of others, fifteen seconds each"
  [contracts]="what parts of the project agreed on: dependencies, reasons, command lines, links"
  [conformance]="pyAirtable, airtable.js and an MCP server against the simulator and the gateway"
  [admission]="invalid manifests against a real API server"
  [faults]="crashes, lost answers and cut connections against a real API server"
  [chart]="charts, manifests and minikube.sh without a cluster"
  [cluster]="a whole Kubernetes node with everything installed"
)

layer_format() {
  need shellcheck
  check "rustfmt" cargo fmt --all --check
  check "shellcheck" check_scripts
}

layer_lints() {
  check "clippy" cargo clippy --quiet --workspace --all-targets -- -D warnings
  check "clippy with failpoints" cargo clippy --quiet --workspace --all-targets --all-features -- -D warnings
}

layer_deny() {
  need_cargo_deny
  check "bans, licences, sources" "$cargo_deny" --log-level warn check --hide-inclusion-graph bans licenses sources
  if timeout 120 "$cargo_deny" --log-level error fetch db 2>"$work/log"; then
    check "advisories" "$cargo_deny" --log-level warn check --disable-fetch advisories
  else
    echo "--   advisories: not checked, the database can't be fetched from here: $(grep -m 1 -i error "$work/log" || echo "no answer in time")"
  fi
}

# With fail points compiled in, which do nothing until a test names one: else the tests that kill and break would not be built.
# Many at a time, since the slow ones wait.
layer_unit() {
  need redis-server
  RUST_TEST_THREADS=8 cargo_test --workspace --all-features
}

layer_fuzz() {
  local targets
  mapfile -t targets < <(tests/fuzz --list)
  script tests/fuzz "${targets[@]}" --seconds 15
}

layer_contracts() {
  need_python
  py_test tests/contracts
}

layer_conformance() {
  need openssl chromium chromedriver
  need_python
  need_npm tests/conformance/{browser,javascript,mcp}
  # By file: what the targets say to one test is compared in one process.
  py_test tests/conformance --numprocesses 2 --dist loadfile
}

layer_admission() {
  need_python
  py_test tests/admission
}

layer_faults() {
  need_python
  # Each process has an API server of its own; most of the time is waiting.
  py_test tests/faults --numprocesses 3 --dist worksteal
}

layer_chart() {
  script charts/test
  script scripts/test
}

layer_cluster() {
  need_python
  script tests/cluster/test
  ((failed)) || py_test tests/e2e
}

check_scripts() {
  local file first scripts=()
  while read -r file; do
    [[ -f $file ]] || continue
    read -r first <"$file" 2>/dev/null || true
    [[ $file != *.sh && ! ${first:-} =~ ^#!.*(bash|/sh)$ ]] || scripts+=("$file")
  done < <(git ls-files --cached --others --exclude-standard)
  shellcheck -x "${scripts[@]}"
}
