# A slot is a number that no other cluster has: it gives the addresses, the ports, the link and the cgroup.
# shellcheck disable=SC2034  # the variables are read by the other files

# Chooses a slot and records the cluster under it.
claim_slot() {
  exec 7<"$clusters"
  flock --wait 60 7 || die "another cluster has been choosing its addresses for a minute"
  for ((slot = 1; slot < 250; slot++)); do
    take_slot
    slot_is_free && break
  done
  ((slot < 250)) || die "no free addresses in 10.231.0.0/16: end a cluster with tests/cluster/down"
  write_record
  exec 7<&-
}

take_slot() {
  link=pyairtable$slot
  if [[ $mode == node ]]; then
    host_address=10.231.$slot.1 address=10.231.$slot.2
    api_port=6443 etcd_port=2379 peer_port=2380
  else
    # Below the range from which the kernel takes ports of outgoing connections.
    host_address=127.0.0.1 address=127.0.0.1
    api_port=$((21000 + slot * 4)) etcd_port=$((21001 + slot * 4)) peer_port=$((21002 + slot * 4))
  fi
}

slot_is_free() {
  ! grep -qxs "slot=$slot" "$clusters"/*/record || return 1
  if [[ $mode == node ]]; then
    [[ ! -e /sys/class/net/$link ]] && ! ip -4 route show table all | grep -q "10\.231\.$slot\."
  else
    [[ -z $(ss -Hltn "( sport >= :$api_port and sport <= :$peer_port )") ]]
  fi
}
