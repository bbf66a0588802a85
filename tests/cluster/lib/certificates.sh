# The cluster's own authority, its certificates, and the kubeconfig of each component. All are made once and last ten years.

make_certificates() {
  pki=$cluster/pki
  mkdir -p "$pki" "$cluster/kubeconfigs"
  make_authority
  make_service_account_key
  issue apiserver /CN=kube-apiserver \
    "subjectAltName=IP:$address,IP:127.0.0.1,IP:${service_network%.*}.1,DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local"
  issue apiserver-kubelet-client /O=system:masters/CN=kube-apiserver-kubelet-client
  issue front-proxy-client /CN=front-proxy-client
  identify admin /O=system:masters/CN=admin
  ln -sf kubeconfigs/admin "$cluster/kubeconfig"
  [[ $mode == node ]] || return 0
  issue kubelet "/O=system:nodes/CN=system:node:$name" "subjectAltName=IP:$address,DNS:$name"
  identify kubelet "/O=system:nodes/CN=system:node:$name"
  identify controller-manager /CN=system:kube-controller-manager
  identify scheduler /CN=system:kube-scheduler
  identify proxy /CN=system:kube-proxy
  identify dns /CN=system:dns
  identify volumes /CN=system:volumes
}

make_authority() {
  [[ ! -s $pki/ca.crt ]] || return 0
  sign ca "/CN=$name" -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
}

make_service_account_key() {
  [[ ! -s $pki/service-account.key ]] || return 0
  openssl ecparam -name prime256v1 -genkey -noout -out "$pki/service-account.key.new"
  mv "$pki/service-account.key.new" "$pki/service-account.key"
}

# issue NAME SUBJECT [SUBJECT_ALT_NAME]
issue() {
  [[ ! -s $pki/$1.crt ]] || return 0
  sign "$1" "$2" -CA "$pki/ca.crt" -CAkey "$pki/ca.key" -addext basicConstraints=critical,CA:FALSE \
    -addext keyUsage=critical,digitalSignature -addext extendedKeyUsage=serverAuth,clientAuth ${3:+-addext "$3"}
}

# sign NAME SUBJECT OPTION...: the certificate appears last, so that it stands for the whole pair.
sign() {
  local base=$pki/$1 subject=$2 output
  shift 2
  output=$(openssl req -x509 -config <(printf '[req]\ndistinguished_name=dn\n[dn]\n') -newkey ec \
    -pkeyopt ec_paramgen_curve:P-256 -noenc -days 3650 -subj "$subject" \
    -keyout "$base.key" -out "$base.crt.new" "$@" 2>&1) || die "openssl could not make $base.crt: $output"
  mv "$base.crt.new" "$base.crt"
}

# identify NAME SUBJECT: a certificate, and a kubeconfig with it.
identify() {
  issue "$1-client" "$2"
  [[ ! -s $cluster/kubeconfigs/$1 ]] || return 0
  cat >"$cluster/kubeconfigs/$1.new" <<YAML
apiVersion: v1
kind: Config
clusters:
- name: $name
  cluster:
    server: https://$address:$api_port
    certificate-authority-data: $(base64 -w0 "$pki/ca.crt")
users:
- name: $1
  user:
    client-certificate-data: $(base64 -w0 "$pki/$1-client.crt")
    client-key-data: $(base64 -w0 "$pki/$1-client.key")
contexts:
- name: $name
  context: {cluster: $name, user: $1}
current-context: $name
YAML
  mv "$cluster/kubeconfigs/$1.new" "$cluster/kubeconfigs/$1"
}
