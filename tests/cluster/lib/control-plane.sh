# etcd and kube-apiserver. `daemon` starts a component in the right place: the host, or the node's namespaces.

start_etcd() {
  daemon etcd "$bin/etcd" --name "$name" --data-dir "$cluster/etcd" --log-level warn \
    --listen-client-urls "http://127.0.0.1:$etcd_port" --advertise-client-urls "http://127.0.0.1:$etcd_port" \
    --listen-peer-urls "http://127.0.0.1:$peer_port" --initial-advertise-peer-urls "http://127.0.0.1:$peer_port" \
    --initial-cluster "$name=http://127.0.0.1:$peer_port"
}

start_apiserver() {
  local options
  case $mode in
    node) options=(--enable-admission-plugins NodeRestriction) ;;
    # Without controllers nobody makes the ServiceAccounts that pods would need, and loopback is no address for endpoints.
    control-plane)
      options=(--bind-address 127.0.0.1 --endpoint-reconciler-type none --disable-admission-plugins ServiceAccount)
      ;;
  esac
  daemon apiserver "$bin/kube-apiserver" --etcd-servers "http://127.0.0.1:$etcd_port" \
    --advertise-address "$address" --secure-port "$api_port" --cert-dir "$pki" \
    --client-ca-file "$pki/ca.crt" --tls-cert-file "$pki/apiserver.crt" --tls-private-key-file "$pki/apiserver.key" \
    --kubelet-certificate-authority "$pki/ca.crt" \
    --kubelet-client-certificate "$pki/apiserver-kubelet-client.crt" \
    --kubelet-client-key "$pki/apiserver-kubelet-client.key" \
    --kubelet-preferred-address-types InternalIP \
    --requestheader-client-ca-file "$pki/ca.crt" --requestheader-allowed-names front-proxy-client \
    --requestheader-username-headers X-Remote-User --requestheader-group-headers X-Remote-Group \
    --requestheader-extra-headers-prefix X-Remote-Extra- \
    --proxy-client-cert-file "$pki/front-proxy-client.crt" --proxy-client-key-file "$pki/front-proxy-client.key" \
    --service-account-issuer https://kubernetes.default.svc.cluster.local \
    --service-account-key-file "$pki/service-account.key" --service-account-signing-key-file "$pki/service-account.key" \
    --service-cluster-ip-range "$service_network" --authorization-mode Node,RBAC --allow-privileged \
    "${options[@]}"
}

await_apiserver() { await 60 apiserver "become ready" kubectl get --raw /readyz; }

kubectl() { timeout 30 "$bin/kubectl" --kubeconfig "$cluster/kubeconfig" "$@"; }
