# shellcheck shell=bash disable=SC2154  # the variables are minikube.sh's
# What the demo shows: the steps of a saga as they change, and what reached Airtable.

# Seconds after which a saga of the demo should have ended.
patience=90

bold='' dim='' plain=''
if [[ -t 1 && -z ${NO_COLOR:-} ]]; then bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'; fi

headline() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }

# run_saga SAMPLE STATE: starts a saga like the sample and shows every change of its steps, until it ends as it must in STATE.
run_saga() {
  local saga version watch watcher phase='' steps='' begun=$SECONDS
  read -r saga version < <(
    sed 's/^  name: \(.*\)$/  generateName: \1-/' "$root/manifests/samples/$1.yaml" |
      kubectl -n "$samples" create -f - -o jsonpath='{.metadata.name} {.metadata.resourceVersion}{"\n"}'
  ) || die "the saga was refused: see above"
  echo "${dim}kubectl -n $samples get sagas.pyairtable.dev $saga -o yaml$plain"
  # From the version at which it was made, so that no change is missed.
  exec {watch}< <(exec kubectl get --raw "/apis/pyairtable.dev/v1alpha1/namespaces/$samples/sagas?watch=1&timeoutSeconds=$patience&resourceVersion=$version&fieldSelector=metadata.name%3D$saga")
  watcher=$!
  while IFS='|' read -r phase steps; do
    printf '%4ds  %-13s %s\n' $((SECONDS - begun)) "$phase" "$steps"
    [[ ! $phase =~ ^(Succeeded|Compensated|Failed|Invalid)$ ]] || break
  done < <(jq --unbuffered -r ".object | $as_line" <&"$watch" | uniq_now)
  kill "$watcher" 2>/dev/null || true
  exec {watch}<&-
  kubectl -n "$samples" get "sagas.pyairtable.dev/$saga" -o json | jq -r "$as_reasons"
  [[ $phase == "$2" ]] || die "$saga is ${phase:-Pending} and not $2 after $((SECONDS - begun)) s: kubectl -n $samples describe sagas.pyairtable.dev $saga"
}

# Like uniq, which holds lines back.
uniq_now() {
  local line before=''
  while read -r line; do
    [[ $line == "$before" ]] || printf '%s\n' "$line" || return 0
    before=$line
  done
}

# shellcheck disable=SC2016
as_line='(.status.state // "Pending") + "|" + ([.status.steps[]? | .name + "=" + .state + (if (.attempt // 1) > 1 then "(\(.attempt))" else "" end)] | join("  "))'
# shellcheck disable=SC2016
as_reasons='(.status.steps[]? | select(.state == "Failed") | "       step \(.name): \(.message // .reason // "failed")"),
  (.status.conditions[]? | select(.type == "Succeeded") | "       Succeeded=\(.status) \(.reason): \(.message)")'

simulator() { timeout 20 kubectl get --raw "/api/v1/namespaces/$system/services/$release-simulator:8090/proxy$1"; }

last_effect() { simulator /admin/effects | jq '[.effects[].seq] | max // 0'; }

# show_effects SEQ: every change of a record since that one, by the names of the tables.
show_effects() {
  local tables
  tables=$(kubectl -n "$samples" get airtablebases.pyairtable.dev crm -o json | jq '[.status.tables[]? | {(.id): .name}] | add // {}')
  # shellcheck disable=SC2016
  simulator /admin/effects | jq -r --argjson since "$1" --argjson tables "$tables" '
    .effects[] | select(.seq > $since)
    | "  \(.operation)  \(($tables[.table] // .table) + "         " | .[0:9])  \(.record)  \(.fields | tojson | .[0:100])"' ||
    die "the simulator does not tell what it did: kubectl -n $system logs deployment/$release-simulator"
}

try_next() {
  local as_root=''
  [[ $kind != local ]] || ! behind_sudo || as_root='sudo '
  headline "Try next"
  [[ -z $own_tools ]] || echo "  export PATH=$own_tools:\$PATH"
  cat <<EOF
  eval "\$($self kubeconfig)"
  kubectl -n $samples get sagas.pyairtable.dev,workflows.pyairtable.dev,airtablebases.pyairtable.dev
  kubectl -n $samples describe \$(kubectl -n $samples get sagas.pyairtable.dev -o name | tail -n 1)
  kubectl explain workflows.pyairtable.dev.spec.sagaTemplate.steps
  helm test $release -n $system --logs
  kubectl -n $system port-forward service/$release-simulator 8090 &
  AIRTABLE_TOKEN=any $root/dist/pyairtable base plan --file $root/manifests/samples/base-with-schema.yaml --endpoint http://localhost:8090
  $self demo | status | logs
  $as_root$self down
EOF
}
