# shellcheck shell=bash
# lab: kill -9 of either daemon under traffic: same name, ring and addresses; containers talk again within 5 s
# needs: weave docker ss ping
# limit: 120

lab_host_create hosta 192.0.2.1
lab_host_create hostb 192.0.2.2
lab_dockerd_start hosta hostb
lab_image_load hosta hostb
lab_weave_launch hosta
lab_weave_launch hostb --no-restart 192.0.2.1
lab_weave_containers c1:hosta c2:hostb
lab_weave_connected 1 hosta hostb
addresses=("$(lab_container_address hosta c1)" "$(lab_container_address hostb c2)")
lab_ping hosta c1 "${addresses[1]}" 64

lab_pinger_start pinger hosta c1 "${addresses[1]}"

replaced() { local now; now=$(lab_weave_pid "$1") && [[ $now != "$2" ]]; }
same_ipam() { [[ $(lab_weave_ipam "$1") == "$2" ]]; }

# survive HOST COUNT CONTAINER [LAUNCH-ARGUMENT...]: kills its daemon, wants everything back, and a fresh address for CONTAINER.
survive() {
  local host=$1 container=$2 name ipam pid killed address gap
  shift 2
  lab_wait 5 'the ring is settled' lab_weave_has_connections "$host" 1
  name=$(lab_weave_name "$host")
  ipam=$(lab_weave_ipam "$host")
  pid=$(lab_weave_pid "$host")
  lab_pinger_more pinger 10
  killed=$(lab_now_ms)
  lab_exec "$host" kill -KILL "$pid"
  if (($#)); then
    lab_wait 5 "the daemon launched with --no-restart stays dead on $host" eval "! lab_weave_pid $host"
    lab_weave_launch "$@"
  fi
  lab_wait 10 "a new daemon on $host" replaced "$host" "$pid"
  lab_wait 10 "connected again on $host" lab_weave_has_connections "$host" 1
  lab_pinger_more pinger 15
  gap=$(lab_pinger_silence pinger "$killed")
  lab_say "daemon of $host killed: longest silence between the containers $gap ms"
  lab_at_most "containers reach each other after the kill on $host" 5000 "$gap"
  lab_equal "peer name of $host" "$name" "$(lab_weave_name "$host")"
  lab_within 5 same_ipam "$host" "$ipam" ||
    lab_fail "status ipam of $host changed from '$(tr '\n' '|' <<<"$ipam")' to '$(lab_weave_ipam "$host" | tr '\n' '|')'"
  lab_weave_containers "$container:$host"
  address=$(lab_container_address "$host" "$container")
  [[ " ${addresses[*]} " != *" $address "* ]] || lab_fail "$container on $host was given $address, which another container has"
  addresses+=("$address")
}

survive hosta c3
survive hostb c4 hostb --no-restart 192.0.2.1
lab_ping hosta c3 "${addresses[3]}" 64 1400
lab_ping hostb c4 "${addresses[0]}" 64
