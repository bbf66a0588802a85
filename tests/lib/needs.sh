# shellcheck shell=bash disable=SC2034  # venv is read by count.sh
# What layers need beyond Rust: installed into a cache outside of the checkout, once, with a word about it.

cache=${PYAIRTABLE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/pyairtable-compose}
venv=$cache/venv
cargo_deny_version=0.20.2

need() { tests/cluster/tools/packages "$@"; }

# Python with the packages of tests/requirements.txt.
need_python() {
  need python3 flock
  scripts/require python3 3.11 "install it, or put a newer one first on the PATH"
  python3 -c 'import ensurepip' 2>/dev/null || need python3-venv
  mkdir -p "$cache"
  (
    flock 9
    cmp -s tests/requirements.txt "$venv/requirements.txt" && exit
    echo "installing the packages of tests/requirements.txt into $venv"
    rm -rf "$venv"
    python3 -m venv "$venv"
    timeout 600 "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement tests/requirements.txt
    cp tests/requirements.txt "$venv/requirements.txt"
  ) 9>"$cache/venv.lock"
}

# need_npm FOLDER...: Node, and in each folder the packages of its lock file.
need_npm() {
  local folder
  need node npm
  scripts/require node 18 "install it from https://nodejs.org, or put a newer one first on the PATH"
  for folder in "$@"; do
    cmp -s "$folder/package-lock.json" "$folder/node_modules/installed" && continue
    echo "installing the packages of $folder/package-lock.json"
    (cd "$folder" && timeout 600 npm ci --silent && cp package-lock.json node_modules/installed)
  done
}

need_cargo_deny() {
  cargo_deny=$cache/cargo-deny-$cargo_deny_version/bin/cargo-deny
  [[ -x $cargo_deny ]] && return
  echo "installing cargo-deny $cargo_deny_version, which takes some minutes"
  timeout 1800 cargo install --quiet --locked --root "$cache/cargo-deny-$cargo_deny_version" "cargo-deny@$cargo_deny_version"
}
