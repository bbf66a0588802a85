# Which cluster is meant, where it lives, and what is recorded about it.
# shellcheck disable=SC2034  # the variables are read by the other files

clusters=${PYAIRTABLE_STATE:-/var/tmp/pyairtable-compose}/clusters
pod_network=10.244.0.0/16
service_network=10.96.0.0/16

# take_options "$@": fills name, mode and rest from the command line.
take_options() {
  name=pyairtable mode='' rest=()
  while (($#)); do
    case $1 in
      --name) name=${2:?--name needs a value} && shift 2 ;;
      --mode) mode=${2:?--mode needs a value} && shift 2 ;;
      -h | --help) sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$0" && exit ;;
      *) rest+=("$1") && shift ;;
    esac
  done
  [[ $name =~ ^[a-z]([a-z0-9-]{0,28}[a-z0-9])?$ ]] ||
    die "--name is '$name': use at most 30 small letters, digits and dashes, a letter first"
  [[ -z $mode || $mode == node || $mode == control-plane ]] || die "--mode is '$mode': use node or control-plane"
  cluster=$clusters/$name
}

# The folder is hidden from, or too deep for, some of the daemons when it lies in the wrong place.
check_state_folder() {
  [[ $clusters =~ ^/[A-Za-z0-9._/-]+$ ]] ||
    die "PYAIRTABLE_STATE is '${PYAIRTABLE_STATE:-}': use an absolute path of letters, digits, dots and dashes"
  [[ ! $clusters =~ ^/(run|var/run|var/lib|var/log)/ ]] ||
    die "PYAIRTABLE_STATE is '$PYAIRTABLE_STATE': it must not lie in /run, /var/lib or /var/log, which each node has for itself"
  ((${#cluster} < 80)) || die "$cluster is too long a path for a socket: choose a shorter PYAIRTABLE_STATE"
}

# One up or down at a time for a cluster; daemons do not inherit the lock.
lock_cluster() {
  if ! mkdir -p "$clusters" 2>/dev/null || [[ ! -w $clusters || (-e $clusters/.$name.lock && ! -w $clusters/.$name.lock) ]]; then
    die "$clusters can't be written by $(id -un): become root, or set PYAIRTABLE_STATE to a folder of yours"
  fi
  exec 9>"$clusters/.$name.lock"
  flock --wait 600 9 || die "another up or down of cluster $name has run for 10 minutes"
}

cluster_is_recorded() {
  [[ ! -d $cluster || -x $cluster ]] || die "cluster $name belongs to $(stat -c %U "$cluster"): become that user, for example with sudo"
  [[ -s $cluster/record ]]
}

# Sets mode, slot, address, host_address, link, api_port, etcd_port, peer_port.
read_record() {
  cluster_is_recorded || die "there is no cluster $name; start it: tests/cluster/up --name $name"
  # shellcheck source=/dev/null
  source "$cluster/record"
}

write_record() {
  local field
  mkdir -p "$cluster" && chmod 700 "$cluster"
  for field in mode slot address host_address link api_port etcd_port peer_port; do
    echo "$field=${!field}"
  done >"$cluster/record.new"
  mv "$cluster/record.new" "$cluster/record"
}

components() {
  case $mode in
    node) echo space etcd apiserver containerd controller-manager scheduler kubelet proxy dns volumes ;;
    control-plane) echo etcd apiserver ;;
  esac
}
