#!/bin/bash
# minikube.sh [up|demo|status|logs|kubeconfig|down]
#
# PyAirtable Compose on this machine, with an Airtable that works offline. Without an argument: up, then demo.
#   up          the minikube that runs, else a new one, else (no minikube here) a Kubernetes of its own;
#               builds and loads the images, installs the chart with the simulator, applies the samples
#   demo        shows a saga succeed and another one being undone, step by step; as often as you like
#   status      what runs
#   logs        the operator's log, as it grows
#   kubeconfig  prints: export KUBECONFIG=…
#   down        removes the release and the samples; a Kubernetes that up has started ends with them
# PYAIRTABLE_CLUSTER names the Kubernetes of its own ("demo" when unset), so that several can stand side by side.
# Needs Rust, and without minikube also Go and root (sudo ./minikube.sh). Says what it installs.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
release=pyairtable system=pyairtable-system samples=pyairtable-demo
source "$root/scripts/cluster.sh"
source "$root/scripts/show.sh"

main() {
  case ${1:-} in
    '') up && demo ;;
    up | demo | status | logs | down) "$1" ;;
    kubeconfig) attach && echo "export KUBECONFIG=$KUBECONFIG" ;;
    -h | --help | help) usage ;;
    *) usage >&2 && exit 2 ;;
  esac
}

usage() { sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$root/minikube.sh"; }

up() {
  lock
  start_cluster
  "$root/images/build" >&2 || die "the images could not be built: see above"
  say "loading the images"
  load_images "$root/dist/operator.tar" "$root/dist/workloads.tar"
  make_namespace "$system"
  make_namespace "$samples"
  say "installing the chart as $release in $system"
  install_chart
  say "applying the samples in $samples"
  kubectl -n "$samples" apply -f "$root/manifests/samples/base.yaml" -f "$root/manifests/samples/workflow.yaml" >&2 ||
    die "the samples were refused: see above"
  await_ready airtablebases.pyairtable.dev/crm
  await_ready workflows.pyairtable.dev/place-order
  say "ready"
  unlock
}

make_namespace() {
  kubectl create namespace "$1" --dry-run=client -o yaml | kubectl apply -f - >/dev/null
  kubectl label namespace "$1" --overwrite pod-security.kubernetes.io/enforce=restricted >/dev/null
}

install_chart() {
  local image tag
  image=$(<"$root/dist/operator.image") tag=${image##*:}
  helm upgrade --install "$release" "$root/charts/pyairtable-compose" --namespace "$system" --wait --timeout 3m \
    --set global.imageRegistry=localhost,operator.image.tag="$tag",workloads.image.tag="$tag" \
    --set simulator.enabled=true,smokeTest.workflow=place-order,smokeTest.namespace="$samples" >"$state/helm.log" 2>&1 ||
    { tail -n 20 "$state/helm.log" >&2 && explain_pods "$system" && die "the chart could not be installed: see above"; }
}

await_ready() {
  kubectl -n "$samples" wait --for=condition=Ready "$1" --timeout=120s >/dev/null ||
    { kubectl -n "$samples" get "$1" -o wide >&2 && explain_pods "$samples" && die "$1 is not ready after 120 s: its message says what is missing"; }
}

# What keeps pods from running, for whoever has to mend it.
explain_pods() {
  {
    kubectl -n "$1" get pods -o wide
    kubectl -n "$1" get events --field-selector type=Warning --sort-by=.lastTimestamp | tail -n 10
  } >&2 || true
}

demo() {
  local before
  attach
  kubectl -n "$samples" get workflows.pyairtable.dev/place-order >/dev/null 2>&1 || die "nothing is installed yet: $root/minikube.sh up"
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
  if ! ends_with_us && has_cluster; then
    attach
    say "removing samples, release and definitions"
    kubectl delete namespace "$samples" --ignore-not-found --timeout 120s >&2
    if helm status "$release" --namespace "$system" >/dev/null 2>&1; then helm uninstall "$release" --namespace "$system" --wait >&2; fi
    kubectl delete customresourcedefinitions airtablebases.pyairtable.dev workflows.pyairtable.dev sagas.pyairtable.dev \
      --ignore-not-found --timeout 60s >&2
    kubectl delete namespace "$system" --ignore-not-found --timeout 120s >&2
  fi
  stop_cluster
  say "all of it is gone"
  unlock
}

main "$@"
