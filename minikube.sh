#!/bin/bash
# minikube.sh [up|demo|status|logs|kubeconfig|down]
#
# PyAirtable Compose on this machine, with an Airtable that works offline. Without an argument: up, then demo.
#   up          the minikube that runs, else a new profile of it, else (no minikube here) a Kubernetes of its own;
#               builds and loads the images, installs the chart with the simulator, applies the samples
#   demo        shows a saga succeed and another one being undone, step by step; as often as you like
#   status      what runs
#   logs        the operator's log, as it grows
#   kubeconfig  prints: export KUBECONFIG=…
#   down        removes the samples, the release and, where nobody else uses them, the definitions; a Kubernetes that up
#               has started ends, another one stays
# PYAIRTABLE_CLUSTER names what up makes ("demo" when unset), so that several can stand side by side. PYAIRTABLE_LOCAL=1 takes
# the Kubernetes of its own where there is a minikube, too.
# Needs Rust, and without minikube also Go and root (sudo ./minikube.sh, or sudo PYAIRTABLE_CLUSTER=NAME ./minikube.sh). Says what it
# installs; what it builds belongs to the person who typed sudo, and after up they need no sudo but for down.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
release=pyairtable system=pyairtable-system samples=pyairtable-demo
source "$root/scripts/person.sh"
source "$root/scripts/cluster.sh"
source "$root/scripts/release.sh"
source "$root/scripts/show.sh"

# No `&&` between commands: bash would go on after failures in the first.
main() {
  case ${1:-} in
    '')
      up
      demo
      ;;
    up | demo | status | logs | down) "$1" ;;
    kubeconfig)
      attach
      echo "export KUBECONFIG=$KUBECONFIG"
      ;;
    -h | --help | help) usage ;;
    *)
      usage >&2
      exit 2
      ;;
  esac
}

usage() { sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$root/minikube.sh"; }

up() {
  lock
  start_cluster
  "$root/images/build" >&2 || die "the images could not be built: see above, then try $self up again"
  say "loading the images"
  load_images "$root/dist/operator.tar" "$root/dist/workloads.tar"
  make_namespace "$system"
  make_namespace "$samples"
  say "installing the chart as $release in $system"
  install_chart
  say "applying the samples in $samples"
  apply_samples
  say "ready"
  unlock
}

demo() {
  local before
  attach
  kubectl -n "$samples" get workflows.pyairtable.dev/place-order >/dev/null 2>&1 || die "nothing is installed yet: $self up"
  before=$(last_effect)
  headline "1. A saga that succeeds: a customer, an order of hers, the payment"
  run_saga saga-order Succeeded
  headline "2. A saga that fails: Airtable refuses the third step, so the first two are undone, last one first"
  run_saga saga-order-fails Compensated
  headline "What changed in Airtable, the far sides of links included"
  show_effects "$before"
  try_next
}

status() {
  attach
  describe_cluster
  kubectl -n "$system" get deployments,pods
  kubectl -n "$samples" get airtablebases.pyairtable.dev,workflows.pyairtable.dev,sagas.pyairtable.dev,pods
}

logs() {
  attach
  kubectl -n "$system" logs --tail 100 --follow "deployment/$release-operator"
}

down() {
  lock
  if ! is_recorded; then
    say "cluster $name is not there"
  elif [[ $kind == used ]]; then
    leave_minikube
  else
    stop_cluster
    say "all of it is gone"
  fi
  unlock
}

leave_minikube() {
  if profile_runs; then
    write_kubeconfig
    attach
    remove_release
    say "all that is ours is gone from minikube's profile $profile"
  elif profile_exists; then
    die "minikube's profile $profile, which has the release, does not run: 'minikube start -p $profile' and try again, or forget the release with rm -r $state"
  else
    say "minikube's profile $profile is gone, and all in it"
  fi
  stop_cluster
}

main "$@"
