# shellcheck shell=bash
# The person who typed sudo. What is built or set up for them belongs to them, and root's PATH lacks what they installed for
# themselves (Rust in ~/.cargo/bin, Go in /usr/local/go/bin).

# What may be set for all of our commands, and what reaches the network.
kept=PYAIRTABLE_CACHE,PYAIRTABLE_STATE,PYAIRTABLE_CLUSTER,PYAIRTABLE_LOCAL,CARGO_TARGET_DIR,GOPROXY
kept+=,http_proxy,https_proxy,no_proxy,HTTP_PROXY,HTTPS_PROXY,NO_PROXY

behind_sudo() { ((EUID == 0)) && [[ -n ${SUDO_USER:-} && $SUDO_USER != root ]]; }

# as_person COMMAND...: with the PATH of their login; as it is where nobody typed sudo.
as_person() {
  if ! behind_sudo; then
    "$@"
    return
  fi
  # shellcheck disable=SC2016  # the person's shell expands it
  sudo --user "$SUDO_USER" --set-home --preserve-env="$kept" -- \
    bash -l -c 'PATH=$PATH:$HOME/.cargo/bin:/usr/local/go/bin; "$@"' bash "$@"
}

# give_to_person FILE...
give_to_person() { ! behind_sudo || chown "$SUDO_USER": "$@"; }
