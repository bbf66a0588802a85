# shellcheck shell=bash disable=SC2154  # the variables are minikube.sh's
# The release, its namespaces and the samples: put into a cluster, and taken out of one that stays.

# Marks the namespaces that are ours to fill, and to delete.
mark=app.kubernetes.io/managed-by=minikube.sh
kinds=(sagas workflows airtablebases)

make_namespace() {
  if exists "namespaces/$1"; then
    is_ours "$1" || die "there is a namespace $1 already, which was not made by this: remove it, or start a Kubernetes apart with sudo env PYAIRTABLE_LOCAL=1 PYAIRTABLE_CLUSTER=apart $root/minikube.sh"
    return
  fi
  kubectl create -f - >/dev/null <<YAML || die "namespace $1 could not be made: see above, then try $self up again"
apiVersion: v1
kind: Namespace
metadata:
  name: $1
  labels:
    ${mark/=/: }
    pod-security.kubernetes.io/enforce: restricted
YAML
}

is_ours() { exists namespaces --selector "$mark" --field-selector "metadata.name=$1"; }

# Not to be asked is not the same as not to be there.
exists() {
  local found
  found=$(kubectl get "$@" --ignore-not-found -o name) || die "the cluster did not tell what it has: see above, then try again"
  [[ -n $found ]]
}

install_chart() {
  local image tag
  image=$(<"$root/dist/operator.image") tag=${image##*:}
  helm upgrade --install "$release" "$root/charts/pyairtable-compose" --namespace "$system" --wait --timeout 3m \
    --set global.imageRegistry=localhost,operator.image.tag="$tag",workloads.image.tag="$tag" \
    --set simulator.enabled=true,smokeTest.workflow=place-order,smokeTest.namespace="$samples" >"$state/helm.log" 2>&1 || {
    tail -n 20 "$state/helm.log" >&2
    explain_pods "$system"
    die "the chart could not be installed: see above, then try $self up again"
  }
}

apply_samples() {
  local resource
  kubectl -n "$samples" apply -f "$root/manifests/samples/base.yaml" -f "$root/manifests/samples/workflow.yaml" >&2 ||
    die "the samples were refused: see above, mend manifests/samples and try $self up again"
  for resource in airtablebases.pyairtable.dev/crm workflows.pyairtable.dev/place-order; do
    kubectl -n "$samples" wait --for=condition=Ready "$resource" --timeout=120s >/dev/null && continue
    kubectl -n "$samples" get "$resource" -o wide >&2 || true
    explain_pods "$samples"
    die "$resource is not ready after 120 s: its message says what is missing; $self logs shows the operator's log"
  done
}

# What keeps pods from running, for whoever has to mend it.
explain_pods() {
  {
    kubectl -n "$1" get pods -o wide
    kubectl -n "$1" get events --field-selector type=Warning --sort-by=.lastTimestamp | tail -n 10
  } >&2 || true
}

# While the operator runs: what sagas hold, it alone can let go.
remove_release() {
  local again="then try $self down again (eval \"\$($self kubeconfig)\" lets kubectl see the cluster)"
  if is_ours "$samples"; then
    remove_sagas "$again"
    say "removing the samples"
    kubectl delete namespace "$samples" --timeout 120s >&2 ||
      die "namespace $samples does not end: 'kubectl get namespace $samples -o yaml' says what is left in it; $again"
  fi
  if is_ours "$system"; then
    say "removing the release"
    helm uninstall "$release" --namespace "$system" --ignore-not-found --wait --timeout 2m >&2 ||
      die "the release could not be removed: see above; $again"
    remove_definitions "$again"
    kubectl delete namespace "$system" --timeout 120s >&2 ||
      die "namespace $system does not end: 'kubectl get namespace $system -o yaml' says what is left in it; $again"
  fi
}

# remove_sagas AGAIN
remove_sagas() {
  exists customresourcedefinitions/sagas.pyairtable.dev || return 0
  say "removing the sagas of $samples, which undoes what is half done"
  kubectl -n "$samples" delete sagas.pyairtable.dev --all --timeout 120s >&2 || {
    kubectl -n "$samples" get sagas.pyairtable.dev -o wide >&2 || true
    die "these sagas are not undone after 120 s: mend what they wait for, or let one go as it is with" \
      "kubectl -n $samples patch sagas.pyairtable.dev NAME --type=merge -p '{\"metadata\":{\"finalizers\":null}}'; $1"
  }
}

# remove_definitions AGAIN: with a definition go all resources of its kind, in every namespace, so it stays where anybody has one,
# or where another release brought it.
remove_definitions() {
  local plural name defined=() left
  for plural in "${kinds[@]}"; do
    name=customresourcedefinitions/$plural.pyairtable.dev
    exists "$name" || continue
    if [[ $(kubectl get "$name" -o 'jsonpath={.metadata.annotations.meta\.helm\.sh/release-namespace}/{.metadata.annotations.meta\.helm\.sh/release-name}') != "$system/$release" ]]; then
      say "the definitions stay: another release has brought them"
      return
    fi
    left=$(kubectl get "$plural.pyairtable.dev" --all-namespaces -o name) || die "the resources of $name can't be listed: see above; $1"
    if [[ -n $left ]]; then
      say "the definitions stay, since there are $plural in other namespaces; they wait for another release: kubectl get $plural.pyairtable.dev -A"
      return
    fi
    defined+=("$name")
  done
  ((${#defined[@]})) || return 0
  say "removing the definitions, of which no resource is left"
  kubectl delete "${defined[@]}" --timeout 60s >&2 || die "the definitions could not be removed: see above; $1"
}
