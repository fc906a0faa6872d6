# shellcheck shell=bash
# lab: interfaces and records that crashes leave at bad moments are found and taken away; what containers have stays
# needs: weave docker ping
# kernel: host
# limit: 120

lab_host_create hosta 192.0.2.1
lab_dockerd_start hosta
lab_image_load hosta
lab_weave_launch hosta
lab_container_start hosta c1 --net=weave
lab_container_start hosta c2 --net=weave

# As a crash leaves them between making a pair and handing it over.
lab_exec hosta ip link add vethwl0123456ab type veth peer name vethwg0123456ab
lab_exec hosta ip link add vethwepl4711 type veth peer name vethwepg4711

# The daemon is killed while containers start and go, sooner and later in that.
for ((i = 0; i < 8; i++)); do
  lab_docker hosta run -d --rm --stop-signal KILL --name "r$i" --net=weave busybox:lab sleep 86400 >/dev/null 2>&1 &
  start=$!
  lab_docker hosta rm -f "r$((i - 1))" >/dev/null 2>&1 &
  end=$!
  sleep "0.$((i * 5 + 10))" # the moment of the fault
  killed=$(lab_weave_pid hosta || true)
  [[ -z $killed ]] || lab_exec hosta kill -KILL "$killed" || true
  wait "$start" || true
  wait "$end" || true
done
ready() { [[ $(lab_exec hosta curl -s -o /dev/null -w '%{http_code}' --unix-socket /run/weave/control.sock http://weave/status) == 200 ]]; }
lab_wait 10 'the daemon is back' ready

host_ends() { lab_exec hosta ip -o link | grep -oE 'vethw(l|epl)[^@:]*' | sort; }
attached() { lab_docker hosta ps -q --filter network=weave | grep -c . || true; }
lab_say "interfaces after the crashes: $(host_ends | grep -c .) for $(attached) containers"
settled() { [[ $(host_ends | grep -c .) == "$(attached)" ]]; }
start=$(lab_now_ms)
lab_wait 60 'an interface for each container, and no other' settled
lab_say "no leftovers after $(lab_since "$start") s"
for name in vethwl0123456ab vethwepl4711; do
  lab_match 'the log' "removed what a crash has left: interface $name" "$(lab_exec hosta cat /run/weave/weaver.log)"
done
lab_ping hosta c1 "$(lab_container_address hosta c2)" 64
