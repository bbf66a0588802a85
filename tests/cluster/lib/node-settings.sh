# The configuration files of the node's daemons.

write_node_settings() {
  settings=$cluster/settings
  mkdir -p "$settings/cni" "$cluster/run" "$cluster/volumes" "$cluster/logs/pods" "$cluster/plugins"
  containerd_socket=$cluster/run/containerd.sock
  containerd_settings | settle containerd.toml
  pod_network_settings | settle cni/pods.conflist
  kubelet_settings | settle kubelet.yaml
  proxy_settings | settle proxy.yaml
  dns_settings | settle Corefile
  echo "nameserver $address" | settle resolv.conf
}

# settle FILE: leaves a file alone that says the same already, because kube-proxy ends when its own is written to.
settle() {
  local file=$settings/$1
  cat >"$file.new"
  if cmp -s "$file.new" "$file"; then rm "$file.new"; else mv "$file.new" "$file"; fi
}

# Without CAP_SYS_RESOURCE runc cannot lower a score that a pod asks for; restrict_oom_score_adj makes that no error.
containerd_settings() {
  cat <<TOML
version = 2
root = "$cluster/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.internal.v1.opt"]
[grpc]
  address = "$containerd_socket"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "$pause_image"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$settings/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
TOML
}

pod_network_settings() {
  cat <<JSON
{"cniVersion": "1.0.0", "name": "pods", "plugins": [{
  "type": "bridge", "bridge": "pods", "isGateway": true, "hairpinMode": true,
  "ipam": {"type": "host-local", "ranges": [[{"subnet": "$pod_network"}]], "routes": [{"dst": "0.0.0.0/0"}]}
}]}
JSON
}

# A full disk of the developer's machine is no reason to evict pods or to delete images that cannot be pulled again.
kubelet_settings() {
  cat <<YAML
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $pki/ca.crt}}
authorization: {mode: Webhook}
tlsCertFile: $pki/kubelet.crt
tlsPrivateKeyFile: $pki/kubelet.key
containerRuntimeEndpoint: unix://$containerd_socket
cgroupDriver: cgroupfs
cgroupRoot: /$link
failCgroupV1: false
failSwapOn: false
oomScoreAdj: 0
clusterDNS: [$address]
clusterDomain: cluster.local
resolvConf: $settings/resolv.conf
podLogsDir: $cluster/logs/pods
volumePluginDir: $cluster/plugins
makeIPTablesUtilChains: false
imageGCLowThresholdPercent: 99
imageGCHighThresholdPercent: 100
evictionHard: {nodefs.available: "0%", nodefs.inodesFree: "0%", imagefs.available: "0%", imagefs.inodesFree: "0%"}
YAML
}

# The limits of connection tracking belong to the whole machine; zero means that they are left as they are.
proxy_settings() {
  cat <<YAML
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
clientConnection: {kubeconfig: $cluster/kubeconfigs/proxy}
hostnameOverride: $name
mode: nftables
clusterCIDR: $pod_network
oomScoreAdj: 0
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
YAML
}

dns_settings() {
  cat <<COREFILE
.:53 {
  bind $address
  errors
  ready 127.0.0.1:8181
  kubernetes cluster.local in-addr.arpa ip6.arpa {
    kubeconfig $cluster/kubeconfigs/dns
    ttl 5
  }
}
COREFILE
}
