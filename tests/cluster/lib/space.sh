# The node's place: mount, network and process namespaces of its own, held by one process. When that process ends, the
# kernel ends every other process in them, and with the namespaces go all mounts, routes, rules and links.

open_space() {
  if ! runs space; then
    close_space
    rm -rf --one-file-system "$cluster/hidden" "$cluster/space-is-furnished"
    start space unshare --mount --propagation slave --net --pid --fork --kill-child --mount-proc \
      "$lib/furnish" "$cluster" "$bin/pause"
  fi
  await 10 space "furnish the node's namespaces" test -e "$cluster/space-is-furnished"
  holder=$(first_process_of space)
  record_process holder "$holder"
  link_space
}

# The holder is gone only when every process of the space is. Its own record serves when unshare has been killed alone.
close_space() {
  if runs space; then
    record_process holder "$(first_process_of space)"
  fi
  end holder 0
  end space 0
  if [[ -e /sys/class/net/$link ]]; then
    ip link delete "$link" 2>/dev/null || true
  fi
}

# The process that unshare or nsenter started.
first_process_of() {
  local pid children
  pid=$(pid_of "$1")
  read -r children _ <"/proc/$pid/task/$pid/children"
  echo "$children"
}

# daemon COMPONENT COMMAND...: in the node's namespaces; dies with the nsenter that is recorded for it.
daemon() {
  local component=$1
  shift
  start "$component" nsenter --target "$holder" --mount --net --pid -- setpriv --pdeathsig KILL "$@"
}

in_space() { nsenter --target "$holder" --mount --net --pid -- "$@"; }

link_space() {
  if [[ ! -e /sys/class/net/$link ]]; then
    ip link add "$link" type veth peer name eth0 netns "$holder"
  fi
  ip address replace "$host_address/30" dev "$link"
  ip link set "$link" up
  in_space ip address replace "$address/30" dev eth0
  in_space ip link set eth0 up
  in_space ip route replace default via "$host_address"
  # What pods send to the host carries the node's address, the only one that the host can answer.
  in_space nft -f - <<NFT
table ip pyairtable
delete table ip pyairtable
table ip pyairtable {
  chain leave {
    type nat hook postrouting priority srcnat
    ip saddr $pod_network oifname "eth0" masquerade
  }
}
NFT
}
