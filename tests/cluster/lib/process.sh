# Daemons by recorded process id and start time, so that no other process is ever taken for one of them.

# start COMPONENT COMMAND...: unless it runs already.
start() {
  local component=$1 record=$cluster/pids/$1
  shift
  if runs "$component"; then return; fi
  mkdir -p "$cluster/pids" "$cluster/logs"
  rm -f "$record"
  setsid "$lib/recorded" "$record" "$@" </dev/null >>"$cluster/logs/$component.log" 2>&1 &
  disown
  await 5 "$component" "record its process" test -s "$record"
}

# runs COMPONENT: succeeds when the recorded process is alive.
runs() {
  local pid started
  read -r pid started 2>/dev/null <"$cluster/pids/$1" || return 1
  [[ $(start_time "$pid") == "$started" ]]
}

# Clock ticks from boot to the start of the process; nothing when it is dead or a zombie.
start_time() {
  local stat fields
  { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 0
  # The command's name, in parentheses, may hold spaces.
  read -ra fields <<<"${stat##*) }"
  [[ ${fields[0]} == Z ]] || echo "${fields[19]}"
}

# record_process COMPONENT PID: for a process that could not record itself.
record_process() {
  echo "$2 $(start_time "$2")" >"$cluster/pids/$1.new"
  mv "$cluster/pids/$1.new" "$cluster/pids/$1"
}

pid_of() {
  local pid
  read -r pid _ <"$cluster/pids/$1"
  echo "$pid"
}

# end COMPONENT SECONDS: asks it to stop, and after that time makes it stop.
end() {
  local component=$1 deadline=$((SECONDS + $2)) signal=TERM
  while runs "$component"; do
    if [[ $signal == TERM ]] || ((SECONDS >= deadline)); then
      kill -s "$signal" "$(pid_of "$component")" 2>/dev/null || true
      signal=KILL
    fi
    sleep 0.05
  done
}

# await SECONDS COMPONENT WHAT COMMAND...: until the command succeeds; fails at once when the component has died.
await() {
  local seconds=$1 component=$2 what=$3 deadline=$((SECONDS + $1))
  shift 3
  until "$@" >/dev/null 2>&1; do
    if [[ -s $cluster/pids/$component ]] && ! runs "$component"; then
      die_of "$component" "$component ended before it could $what"
    fi
    ((SECONDS < deadline)) || die_of "$component" "$component did not $what within $seconds s"
    sleep 0.05
  done
}
