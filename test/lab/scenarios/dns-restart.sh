# shellcheck shell=bash
# lab: one name of many containers on three hosts that stop, start and are removed; daemons that stop, launch and are killed; an engine that restarts
# needs: weave docker dig getent musl-gcc
# kernel: host
# limit: 120
# catalogue: 120 210 215 255 260

hosts=(hosta hostb hostc)
for ((i = 1; i <= 3; i++)); do lab_host_create "${hosts[i - 1]}" "192.0.2.$i"; done
lab_dockerd_start "${hosts[@]}"
lab_resolver_image "${hosts[@]}"
lab_weave_launch hosta
lab_weave_launch hostb 192.0.2.1
lab_weave_launch hostc 192.0.2.1
lab_weave_connected 2 "${hosts[@]}"
# One ring before three hosts ask for addresses at once: this is about names.
lab_weave hosta prime
for host in "${hosts[@]}"; do lab_wait 5 "the ring on $host" eval "lab_weave $host status ipam | grep -q '(hosta)'"; done

lab_case 210
# Nine containers of one name.
started() { # HOST...: one after another on each host, hosts at the same time
  local host number pids=()
  for host; do
    for number in 1 2 3; do lab_named_container "$host" "$host-$number" -h many.weave.local; done &
    pids+=($!)
  done
  for number in "${pids[@]}"; do wait "$number"; done
}
started "${hosts[@]}"
addresses_of() { # HOST...: of its running containers, as its engine says
  local host ids
  for host; do
    ids=$(lab_docker "$host" ps -q)
    # shellcheck disable=SC2086
    [[ -z $ids ]] || lab_docker "$host" inspect -f '{{.NetworkSettings.Networks.weave.IPAddress}}' $ids
  done
}
everywhere() { # WHAT SECONDS HOST...: all three know the addresses of the containers that run on these
  local what=$1 seconds=$2 host start
  shift 2
  mapfile -t expected < <(addresses_of "$@")
  start=$(lab_now_ms)
  for host in "${hosts[@]}"; do lab_wait "$seconds" "$what, on $host" lab_knows "$host" many.weave.local "${expected[@]}"; done
  lab_say "$what: ${#expected[@]} addresses on three hosts after $(lab_since "$start") s"
}
everywhere 'nine of one name' 5 "${hosts[@]}"
lab_equal 'how many' 9 "${#expected[@]}"

# Some stop and start and are removed, again and again; addresses by hand stay.
lab_weave hostb dns-add 10.32.200.1 10.32.200.2 -h more.weave.local
for round in 1 2; do
  pids=()
  for host in "${hosts[@]}"; do
    { lab_docker "$host" stop -t 0 "$host-1" "$host-2" && lab_docker "$host" start "$host-1"; } >/dev/null &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do wait "$pid"; done
  everywhere "some stopped, round $round" 5 "${hosts[@]}"
  for host in "${hosts[@]}"; do lab_docker "$host" start "$host-2" >/dev/null; done
done
lab_case 260
lab_docker hostc rm -f hostc-3 >/dev/null
everywhere 'one removed' 5 "${hosts[@]}"
lab_case 210
for host in "${hosts[@]}"; do lab_wait 5 "addresses by hand on $host" lab_knows "$host" more.weave.local 10.32.200.1 10.32.200.2; done

lab_case 255
# The daemon of hostb stops and is launched again: its names are back, also those added by hand.
lab_weave hostb stop >/dev/null 2>&1
for host in hosta hostc; do lab_wait 5 "names of hostb on $host" lab_knows "$host" more.weave.local; done
# A full mesh, of which two only knew hosta: those who stay are still connected.
lab_case 120
lab_weave_connected 1 hosta hostc
lab_docker hostc exec hostc-1 ping -q -c 1 -W 2 "$(lab_container_address hosta hosta-1)" >/dev/null || lab_fail 'hosta and hostc do not talk without hostb'
lab_case 255
lab_weave_launch hostb 192.0.2.1
everywhere 'after stop and launch' 10 "${hosts[@]}"
for host in "${hosts[@]}"; do lab_wait 5 "addresses by hand on $host after stop and launch" lab_knows "$host" more.weave.local 10.32.200.1 10.32.200.2; done

lab_case 215
# It is killed, and a container dies before it is back: gossip of the others does not bring the dead name back.
lab_exec hostb kill -STOP "$(lab_weave_pid hostb)"
pid=$(lab_weave_pid hostb)
lab_docker hostb kill hostb-3 >/dev/null &
killer=$!
lab_exec hostb kill -KILL "$pid"
wait "$killer"
everywhere 'after a killed daemon' 10 "${hosts[@]}"

lab_case
# The engine of hosta restarts, without its containers.
lab_end hosta dockerd
lab_dockerd_start hosta
everywhere 'after the engine was restarted' 10 "${hosts[@]}"
lab_docker hosta start hosta-1 >/dev/null
everywhere 'a container started after that' 5 "${hosts[@]}"

# Docker itself answers for host names of its own containers, and with those alone; what only others have comes from all.
lab_docker hosta rm -f hosta-1 >/dev/null
everywhere 'none on hosta' 5 "${hosts[@]}"
lab_named_container hosta asker
lab_equal 'from a container' "${#expected[@]}" "$(lab_docker hosta exec asker getent ahostsv4 many.weave.local | grep -c STREAM)"
