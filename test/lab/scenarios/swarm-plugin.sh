# shellcheck shell=bash
# lab: a swarm's service on two hosts over the managed plugin: addresses, names, rescheduling, disable and enable
# needs: weave docker python3 strip ldd
# kernel: host
# limit: 200
# catalogue: 850

lab_host_create hosta 192.0.2.1
lab_host_create hostb 192.0.2.2
lab_dockerd_start hosta hostb
lab_image_load hosta hostb

# The plugin is made of the programs without what only a debugger reads.
mkdir "$LAB_DIR/stripped"
for program in weave weaver; do strip -o "$LAB_DIR/stripped/$program" "$LAB_RUN_DIR/bin/$program"; done

plugin_make() { # HOST NAME VARIABLE=VALUE...
  local host=$1
  shift
  lab_exec "$host" env WEAVE_BIN_DIR="$LAB_DIR/stripped" "$LAB_RUN_DIR/documents/tools/docker-plugin" "$@" >/dev/null
  # The runner removes what is left of its control groups.
  lab_docker "$host" plugin inspect -f '{{.Id}}' weave:latest >>"$LAB_RUN_DIR/plugins"
}
# Until the daemon answers on the host.
plugin_enable() { lab_docker "$1" plugin enable weave:latest >/dev/null && lab_weave "$1" status >/dev/null; }
plugin_disable() { lab_docker "$1" plugin disable -f weave:latest >/dev/null; }
replica() { lab_docker "$1" ps -q --filter label=com.docker.swarm.service.name=s --filter status=running; } # HOST
replicas_are() { # HOST COUNT...
  while (($#)); do
    [[ $(replica "$1" | grep -c .) == "$2" ]] || return 1
    shift 2
  done
}
replica_name() { lab_docker "$1" inspect -f '{{slice .Name 1}}' "$2"; } # HOST CONTAINER: a name of Docker's for it alone
replica_address() { lab_container_address "$1" "$2" n; }

start=$(lab_now_ms)
plugin_make hostb weave:latest &
making=$!
lab_capture hosta env WEAVE_BIN_DIR="$LAB_DIR/stripped" "$LAB_RUN_DIR/documents/tools/docker-plugin" weave WEAVE_MULTICAST=1 NO_SUCH=1
lab_equal 'exit of docker-plugin with a variable that is none' 1 "$LAB_STATUS"
lab_match 'what it says' 'NO_SUCH' "$LAB_STDERR"
lab_match 'what it says' 'the plugin weave is not made: its variables are ' "$LAB_STDERR"
lab_equal 'plugins after that' '' "$(lab_docker hosta plugin ls -q)"
plugin_make hosta weave WEAVE_MULTICAST=1
wait "$making"
lab_say "two plugins made in $(lab_since "$start") s"

# A swarm hears of a driver that comes later only after up to 20 s; here each host's is there when it joins.
plugin_enable hosta
lab_docker hosta swarm init --advertise-addr 192.0.2.1 --listen-addr 192.0.2.1 >/dev/null
token=$(lab_docker hosta swarm join-token -q worker)
lab_match 'status without a swarm' '^ +Targets: 0$' "$(lab_weave hosta status)"
# Its managers are learned at the next start, once.
plugin_disable hosta
plugin_enable hosta
lab_docker hostb swarm join --token "$token" 192.0.2.1:2377 >/dev/null
plugin_enable hostb
lab_docker hostb swarm leave >/dev/null
lab_docker hostb swarm join --token "$token" 192.0.2.1:2377 >/dev/null
lab_equal 'targets of hostb' 192.0.2.1 "$(lab_weave hostb status targets)"
lab_weave_connected 1 hosta hostb

lab_case 850
status=$(lab_weave hosta status)
lab_match 'status of hosta' '^ +Service: plugin \(v2\)$' "$status"
lab_match 'status of hosta' '^ +Name: [0-9a-f:]{17}\(hosta\)$' "$status"
lab_absent 'status of hosta' 'DriverName|Service: (ipam|dns)' "$status"
name=$(lab_weave_name hosta)

start=$(lab_now_ms)
lab_docker hosta network create --driver weave:latest --attachable n >/dev/null
# This kernel has no IPVS, which a virtual address of the service would need.
lab_docker hosta service create --name s --replicas 2 --endpoint-mode dnsrr --network n --no-resolve-image --detach \
  --stop-signal KILL busybox:lab sleep 86400 >/dev/null
lab_wait 20 'a replica on each host' replicas_are hosta 1 hostb 1
lab_say "two replicas run after $(lab_since "$start") s"
c1=$(replica hosta)
c2=$(replica hostb)
address1=$(replica_address hosta "$c1")
address2=$(replica_address hostb "$c2")
lab_match 'address of the first' '^10\.0\.[0-9]+\.[0-9]+$' "$address1"
[[ $address1 != "$address2" ]] || lab_fail "both replicas have $address1"
lab_ping hosta "$c1" "$address2" 64 1300 5000
lab_ping hostb "$c2" "$address1" 64
# Docker's engines tell each other names by gossip of their own, and what is lost of that comes by their next exchange, 30 s later.
ping_by_name() { # HOST CONTAINER HOST-OF-REPLICA REPLICA
  local name address
  name=$(replica_name "$3" "$4")
  address=$(replica_address "$3" "$4")
  knows() { lab_docker "$1" exec "$2" nslookup "$name" 127.0.0.11 2>/dev/null | grep -qE "^Address.*$address\$"; }
  lab_wait 40 "Docker's name $name" knows "$1" "$2"
  lab_ping "$1" "$2" "$name" 64
}
ping_by_name hosta "$c1" hostb "$c2"
ping_by_name hostb "$c2" hosta "$c1"
both() { [[ $(lab_docker "$1" exec "$2" nslookup tasks.s 127.0.0.11 | grep -cE "^Address.*($address1|$address2)\$") == 2 ]]; }
lab_wait 40 'the name of the service has both addresses' both hosta "$c1"
# As for any of weave's networks: interface, MAC from the address, MTU of the overlay, multicast where it is wanted.
interfaces=$(lab_container_net hosta "$c1" ip -o link)
IFS=. read -ra bytes <<<"$address1"
lab_match 'MAC of the first' "$(printf 'ethwe0@.* 02:77:%02x:%02x:%02x:%02x ' "${bytes[@]}")" "$interfaces"
mtu=$(lab_exec hosta cat /sys/class/net/weave/mtu)
lab_match 'MTU of the first' "ethwe0@.* mtu $mtu " "$interfaces"
lab_match 'routes of the first' '^224\.0\.0\.0/4 dev ethwe0' "$(lab_container_net hosta "$c1" ip route)"
lab_absent 'routes of the second' '^224' "$(lab_container_net hostb "$c2" ip route)"
lab_docker hostb run -d --name c3 --net n --stop-signal KILL busybox:lab sleep 86400 >/dev/null # any container may come to an attachable one
lab_ping hosta "$c1" "$(replica_address hostb c3)" 64

lab_say 'the host of a replica is drained, and comes back'
node=$(lab_docker hostb info -f '{{.Swarm.NodeID}}') # its name is also that of the one that left
lab_docker hosta node update --availability drain "$node" >/dev/null
lab_wait 20 'both replicas on hosta' replicas_are hosta 2 hostb 0
moved=$(replica hosta | grep -v "$c1")
lab_ping hosta "$c1" "$(replica_address hosta "$moved")" 64
lab_docker hosta node update --availability active "$node" >/dev/null
lab_docker hosta service scale --detach s=3 >/dev/null
lab_wait 20 'a replica on hostb again' replicas_are hosta 2 hostb 1
c2=$(replica hostb)
address2=$(replica_address hostb "$c2")
lab_ping hosta "$c1" "$address2" 64
ping_by_name hosta "$c1" hostb "$c2"

lab_say 'only Docker starts and ends it'
for verb in launch stop reset; do
  lab_capture hosta weave "$verb"
  lab_equal "exit of weave $verb" 1 "$LAB_STATUS"
  lab_match "stderr of weave $verb" "managed plugin of Docker's .* so it cannot $verb here; .*docker plugin disable" "$LAB_STDERR"
done
lab_pinger_start across hosta "$c1" "$address2"
lab_pinger_more across 3
plugin_disable hosta
lab_weave_stopped hosta
lab_ping hosta "$c1" "$(replica_address hosta "$moved")" 64
plugin_enable hosta
lab_weave_connected 1 hosta hostb
lab_equal 'the peer name after disable and enable' "$name" "$(lab_weave_name hosta)"
lab_match 'connections of hosta after disable and enable' '^ +Connections: 1 \(1 established\)$' "$(lab_weave hosta status)"
lab_ping hosta "$c1" "$address2" 64
lab_pinger_more across 3
lab_pinger_stop across
silence=$(lab_pinger_silence across 0)
lab_say "longest silence between the hosts over disable and enable: $silence ms"
lab_at_most 'silence over disable and enable' 3000 "$silence"
lab_docker hosta service scale --detach s=5 >/dev/null
lab_wait 20 'five replicas' replicas_are hosta 3 hostb 2
lab_ping hostb "$c2" "$(replica_address hosta "$(replica hosta | head -n 1)")" 64

lab_say 'settings, and another plugin in the place of one'
lab_exec hostb sh -c 'umask 077; echo "a password" >/etc/weave.password'
plugin_disable hosta
lab_docker hosta plugin set weave:latest 'WEAVE_PASSWORD=a password'
plugin_disable hostb
lab_docker hostb plugin rm -f weave:latest >/dev/null
plugin_make hostb weave:latest EXTRA_ARGS=--password-file=/host/etc/weave.password
plugin_enable hosta
plugin_enable hostb
lab_weave_connected 1 hosta hostb
lab_match 'connections of hosta' ' established encrypted ' "$(lab_weave hosta status connections)"
lab_ping hosta "$c1" "$address2" 64
lab_docker hosta service scale --detach s=6 >/dev/null
lab_wait 20 'six replicas' replicas_are hosta 3 hostb 3

lab_say 'the engine of one host is restarted'
start=$(lab_now_ms)
lab_end hostb dockerd
lab_dockerd_start hostb
lab_wait 30 'six replicas' replicas_are hosta 3 hostb 3
lab_say "an engine restarted with its plugin and replicas in $(lab_since "$start") s"
lab_weave_connected 1 hosta hostb
lab_ping hosta "$c1" "$(replica_address hostb "$(replica hostb | head -n 1)")" 64

lab_say 'the end: nothing of it stays'
lab_docker hosta service rm s >/dev/null
lab_docker hostb rm -f c3 >/dev/null
lab_wait 20 'the replicas end' replicas_are hosta 0 hostb 0
lab_docker hosta network rm n >/dev/null
for host in hosta hostb; do
  endpoints_gone() { ! lab_exec "$host" ip -o link | grep -q vethwl; }
  lab_wait 10 "the endpoints on $host go" endpoints_gone
  plugin_disable "$host"
  lab_docker "$host" plugin rm weave:latest >/dev/null
  lab_capture "$host" weave reset --force
  lab_equal "exit of weave reset --force on $host (stderr: $LAB_STDERR)" 0 "$LAB_STATUS"
  lab_equal "what is left on $host" '' "$(lab_weave_remains "$host" | tr '\n' ' ')"
done
