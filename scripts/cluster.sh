# shellcheck shell=bash disable=SC2154  # the variables are minikube.sh's
# Which Kubernetes minikube.sh works with: minikube where it is installed, else the local one of tests/cluster.

name=${PYAIRTABLE_CLUSTER:-demo}
folder=${PYAIRTABLE_STATE:-/var/tmp/pyairtable-compose}/minikube
state=$folder/$name
own_tools=''

say() { echo "[${SECONDS}s] $*" >&2; }

die() {
  echo "error: $*" >&2
  exit 1
}

# One up or down at a time for a cluster: two would install, or remove, under each other's hands.
lock() {
  # The name becomes a folder, which down removes.
  [[ $name =~ ^[a-z]([a-z0-9-]{0,28}[a-z0-9])?$ ]] ||
    die "PYAIRTABLE_CLUSTER is '$name': use at most 30 small letters, digits and dashes, a letter first"
  if ! mkdir -p "$folder" 2>/dev/null || [[ ! -w $folder ]]; then
    die "$folder can't be written: run sudo $root/minikube.sh, or set PYAIRTABLE_STATE to a folder of yours"
  fi
  exec 8>"$folder/.$name.lock"
  flock --nonblock 8 && return
  say "another minikube.sh works on cluster $name: waiting for it (PYAIRTABLE_CLUSTER=NAME makes one of your own)"
  flock --wait 3600 8 || die "another minikube.sh has worked on cluster $name for an hour"
}

# By name, since daemons that were started meanwhile may have inherited it.
unlock() { flock --unlock 8; }

uses_minikube() { command -v minikube >/dev/null; }

# minikube belongs to the person who typed sudo, not to root.
as_person() {
  if ((EUID == 0)) && [[ -n ${SUDO_USER:-} && $SUDO_USER != root ]]; then sudo -u "$SUDO_USER" -H "$@"; else "$@"; fi
}

has_cluster() {
  if uses_minikube; then
    as_person minikube status >/dev/null 2>&1
  else
    "$root/tests/cluster/kubeconfig" --name "$name" >/dev/null 2>&1
  fi
}

start_cluster() {
  mkdir -p "$state"
  if ! uses_minikube; then
    ((EUID == 0)) || die "there is no minikube, and a Kubernetes of its own needs root: install minikube, or run sudo $root/minikube.sh"
    find_tools
    say "no minikube here: starting the local Kubernetes"
    "$root/tests/cluster/up" --name "$name" || die "the local Kubernetes did not start: see above, then try $root/minikube.sh down and again"
  elif has_cluster; then
    say "using the minikube that runs"
  else
    say "starting minikube"
    as_person minikube start >&2 || die "minikube did not start: see above; 'minikube delete' makes room for a new one"
    touch "$state/started-minikube"
  fi
  attach
}

# Points kubectl and helm at the cluster, and at no other.
attach() {
  find_tools
  has_cluster || die "no cluster runs: start one with $root/minikube.sh up"
  if uses_minikube; then
    mkdir -p "$state"
    as_person minikube kubectl -- config view --minify --flatten --context "$(as_person minikube profile)" >"$state/kubeconfig" ||
      die "minikube gives no kubeconfig: try 'minikube update-context'"
    chmod 600 "$state/kubeconfig"
    export KUBECONFIG=$state/kubeconfig
  else
    KUBECONFIG=$("$root/tests/cluster/kubeconfig" --name "$name")
    export KUBECONFIG
  fi
  [[ -r $KUBECONFIG ]] || die "$KUBECONFIG can't be read: run sudo $root/minikube.sh"
  timeout 20 kubectl get --raw /readyz >/dev/null || die "the cluster does not answer: try $root/minikube.sh down, then up"
}

# kubectl, helm and jq: those installed, else our own.
find_tools() {
  "$root/tests/cluster/tools/packages" jq || die "jq is missing: install it and try again"
  if ! command -v helm >/dev/null || ! command -v kubectl >/dev/null; then
    # Says itself when it has to build them, which takes minutes.
    own_tools=$("$root/tests/cluster/tools/install") || die "helm and kubectl could not be built: install them and try again"
    PATH=$own_tools:$PATH
  fi
}

load_images() {
  local archive
  if ! uses_minikube; then
    "$root/tests/cluster/load" --name "$name" "$@" || die "the images could not be loaded: see above"
    return
  fi
  for archive in "$@"; do
    as_person minikube image load "$archive" >&2 || die "$archive could not be loaded into minikube: see above"
  done
}

describe_cluster() {
  if uses_minikube; then as_person minikube status; else "$root/tests/cluster/status" --name "$name"; fi
}

# True when the cluster itself ends with `down`, and everything in it.
ends_with_us() { ! uses_minikube || [[ -e $state/started-minikube ]]; }

stop_cluster() {
  if ! uses_minikube; then
    ((EUID == 0)) || die "run sudo $root/minikube.sh down"
    "$root/tests/cluster/down" --name "$name"
  elif [[ -e $state/started-minikube ]]; then
    as_person minikube delete >&2
  fi
  rm -rf "$state"
}
