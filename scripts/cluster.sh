# shellcheck shell=bash disable=SC2154  # the variables are minikube.sh's
# Which Kubernetes minikube.sh works with. It is chosen once, by the first `up`, and recorded as one of
#   local         the one of tests/cluster
#   used PROFILE  a minikube that somebody else has started, and ends
#   own PROFILE   a minikube of ours

name=${PYAIRTABLE_CLUSTER:-demo}
folder=${PYAIRTABLE_STATE:-/var/tmp/pyairtable-compose}/minikube
state=$folder/$name
kubeconfig=$state/kubeconfig
kind='' profile='' own_tools=''
# How a person calls minikube.sh for this cluster.
self=$root/minikube.sh
[[ $name == demo ]] || self="PYAIRTABLE_CLUSTER=$name $self"
# The file that minikube writes to, where it is not the usual one.
found_kubeconfig=${KUBECONFIG:-}
[[ $found_kubeconfig != "$kubeconfig" ]] || found_kubeconfig=''
# sudo has left root a PATH without what the person installed.
! behind_sudo || PATH=$PATH:$(as_person printenv PATH | tail -n 1)

# Others may see that a cluster is there; its kubeconfig is made for one person.
umask 022

say() { echo "[${SECONDS}s] $*" >&2; }

die() {
  echo "error: $*" >&2
  exit 1
}

# One up or down at a time for a cluster: two would install, or remove, under each other's hands.
lock() {
  local file=$folder/.$name.lock
  # The name becomes a folder, which down removes.
  [[ $name =~ ^[a-z]([a-z0-9-]{0,28}[a-z0-9])?$ ]] ||
    die "PYAIRTABLE_CLUSTER is '$name': use at most 30 small letters, digits and dashes, a letter first"
  if ! mkdir -p "$folder" 2>/dev/null || [[ ! -w $folder || (-e $file && ! -w $file) || (-e $state && ! -w $state) ]]; then
    die "$folder can't be written: run sudo $self, or set PYAIRTABLE_STATE to a folder of yours"
  fi
  exec 8>"$file"
  flock --nonblock 8 && return
  say "another minikube.sh works on cluster $name: waiting for it (PYAIRTABLE_CLUSTER=NAME makes one of your own)"
  flock --wait 3600 8 || die "another minikube.sh has worked on cluster $name for an hour"
}

# By name, since daemons that were started meanwhile may have inherited it.
unlock() { flock --unlock 8; }

is_recorded() { [[ -s $state/kubernetes ]] && read -r kind profile <"$state/kubernetes"; }

start_cluster() {
  if ! is_recorded; then choose; fi
  [[ $kind == local || -z ${PYAIRTABLE_LOCAL:-} ]] ||
    die "cluster $name is in minikube already: name another one with PYAIRTABLE_CLUSTER, or remove it with $self down"
  # Before it starts, so that down ends also what has started half-way.
  mkdir -p "$state"
  echo "$kind $profile" >"$state/kubernetes"
  find_tools
  "start_$kind"
  write_kubeconfig
  attach
}

choose() {
  if [[ -n ${PYAIRTABLE_LOCAL:-} ]] || ! command -v minikube >/dev/null; then
    need_root
    kind=local
    return
  fi
  profile=$(as_found minikube profile 2>/dev/null) || profile=minikube
  kind=used
  ! profile_runs || return 0
  kind=own profile=pyairtable-$name
  ! profile_exists || die "there is a minikube profile $profile already, which was not made by this: remove it with 'minikube delete -p $profile', or set PYAIRTABLE_CLUSTER to another name"
}

# As the person, with the kubeconfig that minikube knows.
as_found() {
  local -x KUBECONFIG=$found_kubeconfig
  as_person "$@"
}

profile_runs() { as_found minikube status --profile "$profile" >/dev/null 2>&1; }

profile_exists() {
  find_tools
  as_found minikube profile list --output json 2>/dev/null | jq -e --arg name "$profile" '[.valid[]?, .invalid[]?] | any(.Name == $name)' >/dev/null
}

need_root() { ((EUID == 0)) || die "a local Kubernetes needs root: run sudo $self, or install minikube"; }

start_local() {
  need_root
  say "starting the local Kubernetes"
  "$root/tests/cluster/up" --name "$name" || die "the local Kubernetes did not start: see above, then try $self down and again"
}

start_used() {
  profile_runs || die "minikube's profile $profile does not run: start it with 'minikube start -p $profile' and try again"
  say "using the minikube that runs, profile $profile"
}

start_own() {
  say "starting minikube with profile $profile"
  as_found minikube start --profile "$profile" --keep-context >&2 || die "minikube did not start: see above; $self down removes the profile, then try again"
}

# For the person alone, who need not be root.
write_kubeconfig() {
  (umask 077 && print_kubeconfig >"$kubeconfig.new") || die "there is no kubeconfig of cluster $name: see above, then try $self down and up"
  give_to_person "$kubeconfig.new"
  mv "$kubeconfig.new" "$kubeconfig"
}

print_kubeconfig() {
  if [[ $kind == local ]]; then
    cat "$("$root/tests/cluster/kubeconfig" --name "$name")"
  else
    as_found "$(command -v kubectl)" config view --minify --flatten --context "$profile"
  fi
}

# Points kubectl and helm at the cluster, and at no other.
attach() {
  [[ ! -e $folder || -x $folder ]] || die "$folder can't be read: run sudo $self"
  is_recorded || die "no cluster $name was started: $self up does"
  [[ -e $kubeconfig ]] || die "cluster $name is not complete: $self up continues"
  [[ -r $kubeconfig ]] || die "cluster $name belongs to $(stat -c %U "$kubeconfig"): become that user, or run sudo $self"
  export KUBECONFIG=$kubeconfig
  find_tools
  timeout 20 kubectl get --raw /readyz >/dev/null || die "cluster $name does not answer: $self up starts what is missing of it"
}

# kubectl, helm and jq: those installed, else our own.
find_tools() {
  "$root/tests/cluster/tools/packages" jq || die "jq is missing: install it and try again"
  if ! command -v helm >/dev/null || ! command -v kubectl >/dev/null; then
    # Says itself when it has to build them, which takes minutes.
    own_tools=$("$root/tests/cluster/tools/install") || die "helm and kubectl could not be built: see above, or install them and try again"
    PATH=$own_tools:$PATH
  fi
}

load_images() {
  local archive
  if [[ $kind == local ]]; then
    "$root/tests/cluster/load" --name "$name" "$@" || die "the images could not be loaded: see above, then try $self up again"
    return
  fi
  for archive in "$@"; do
    as_found minikube --profile "$profile" image load "$archive" >&2 || die "$archive could not be loaded into minikube: see above, then try $self up again"
  done
}

describe_cluster() {
  case $kind in
    local) if ((EUID == 0)); then "$root/tests/cluster/status" --name "$name"; fi ;;
    *) as_found minikube status --profile "$profile" ;;
  esac
  kubectl get nodes -o wide
}

stop_cluster() {
  case $kind in
    local)
      ((EUID == 0)) || die "a local Kubernetes is ended by root: run sudo $self down"
      "$root/tests/cluster/down" --name "$name" || die "the local Kubernetes could not be ended: see above, then try again"
      ;;
    own) as_found minikube delete --profile "$profile" >&2 || die "minikube's profile $profile could not be deleted: see above, then try again" ;;
  esac
  rm -rf "$state"
}
