# Everything of a node but the API: containerd, kubelet, kube-proxy, the controllers, DNS and volumes.

pause_image=localhost/pause:1

start_containerd() { daemon containerd containerd --config "$settings/containerd.toml"; }

await_containerd() {
  await 20 containerd "answer" containerd_client version
  if ! containerd_client images list -q | grep -qxF "$pause_image"; then
    pack_pause_image | containerd_client images import - >/dev/null
  fi
}

containerd_client() { timeout 300 ctr --address "$containerd_socket" --namespace k8s.io "$@"; }

pack_pause_image() {
  local files=$cluster/pause
  mkdir -p "$files"
  cp "$bin/pause" "$files/"
  "$lib/../image" "$pause_image" "$files" - /pause
}

start_controllers() {
  daemon controller-manager "$bin/kube-controller-manager" --bind-address 127.0.0.1 --leader-elect=false \
    --kubeconfig "$cluster/kubeconfigs/controller-manager" \
    --authentication-kubeconfig "$cluster/kubeconfigs/controller-manager" \
    --authorization-kubeconfig "$cluster/kubeconfigs/controller-manager" \
    --service-account-private-key-file "$pki/service-account.key" --root-ca-file "$pki/ca.crt" \
    --cluster-signing-cert-file "$pki/ca.crt" --cluster-signing-key-file "$pki/ca.key" \
    --use-service-account-credentials
  daemon scheduler "$bin/kube-scheduler" --bind-address 127.0.0.1 --leader-elect=false \
    --kubeconfig "$cluster/kubeconfigs/scheduler" --authentication-kubeconfig "$cluster/kubeconfigs/scheduler" \
    --authorization-kubeconfig "$cluster/kubeconfigs/scheduler"
}

start_node_agents() {
  daemon kubelet "$bin/kubelet" --config "$settings/kubelet.yaml" --kubeconfig "$cluster/kubeconfigs/kubelet" \
    --root-dir "$cluster/kubelet" --hostname-override "$name" --node-ip "$address"
  daemon proxy "$bin/kube-proxy" --config "$settings/proxy.yaml"
}

start_addons() {
  kubectl apply --server-side -f "$lib/../manifests" >/dev/null
  daemon dns "$bin/coredns" -conf "$settings/Corefile"
  daemon volumes "$bin/volumes" --kubeconfig "$cluster/kubeconfigs/volumes" --root "$cluster/volumes"
}

await_node() {
  await 60 kubelet "make the node Ready" node_is_ready
  await 30 controller-manager "make the default ServiceAccount" kubectl --namespace default get serviceaccount default
  await 30 proxy "become healthy" in_space curl --fail --silent --max-time 2 http://127.0.0.1:10256/healthz
  await 30 dns "become ready" in_space curl --fail --silent --max-time 2 http://127.0.0.1:8181/ready
}

# Ready may be the word of a kubelet that has died since; only a renewal by the one that runs now counts.
node_is_ready() {
  local ready
  ready=$(kubectl get node "$name" -o json |
    jq -r '.status.conditions[] | select(.type == "Ready" and .status == "True") | .lastHeartbeatTime')
  [[ -n $ready ]] && (($(date -d "$ready" +%s) >= kubelet_started))
}
