# The cgroup under which the kubelet makes those of the pods; cgroup v1 has one tree per controller, v2 has one for all.

# A machine between the two versions has both kinds.
cgroup_trees() { awk '$3 == "cgroup" || $3 == "cgroup2" { print $2 }' /proc/mounts; }

make_cgroups() {
  local tree controller
  for tree in $(cgroup_trees); do
    if [[ -e $tree/cgroup.subtree_control ]]; then
      for controller in $(<"$tree/cgroup.controllers"); do
        echo "+$controller" >"$tree/cgroup.subtree_control" || say "cgroup controller $controller cannot be enabled"
      done
    fi
    mkdir -p "$tree/$link"
    if [[ -e $tree/cpuset.cpus && -e $tree/cgroup.clone_children ]]; then
      cat "$tree/cpuset.cpus" >"$tree/$link/cpuset.cpus"
      cat "$tree/cpuset.mems" >"$tree/$link/cpuset.mems"
    fi
  done
}

# A cgroup can be removed a moment after its last process has ended.
remove_cgroups() {
  local tree deadline=$((SECONDS + 20))
  for tree in $(cgroup_trees); do
    while [[ -e $tree/$link ]]; do
      find "$tree/$link" -depth -type d -exec rmdir {} + 2>/dev/null || true
      [[ -e $tree/$link ]] || break
      ((SECONDS < deadline)) || die "cgroup $tree/$link is still in use; its processes are listed in the cgroup.procs below it"
      sleep 0.1
    done
  done
}
