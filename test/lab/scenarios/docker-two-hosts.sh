# shellcheck shell=bash
# lab: docker run --net=weave on two hosts, ping by address, status, stop, reset
# needs: weave docker python3 ss ping curl
# limit: 120
# catalogue: 101

lab_host_create hosta 192.0.2.1
lab_host_create hostb 192.0.2.2
lab_dockerd_start hosta hostb
lab_image_load hosta hostb

begin=$(lab_now_ms)
lab_weave_launch hosta
lab_weave_launch hostb 192.0.2.1
lab_weave_containers c1:hosta c2:hostb
address1=$(lab_container_address hosta c1)
address2=$(lab_container_address hostb c2)
lab_say "c1 on hosta has $address1, c2 on hostb has $address2"
in_range='^10\.(3[2-9]|4[0-7])\.[0-9]+\.[0-9]+$'
lab_match 'address of c1' "$in_range" "$address1"
lab_match 'address of c2' "$in_range" "$address2"
[[ $address1 != "$address2" ]] || lab_fail "both hosts gave out $address1"

lab_ping hosta c1 "$address2" 64 1400 10000
lab_say "from the first launch to here: $(lab_since "$begin") s"
lab_ping hostb c2 "$address1" 64 1400 10000
lab_match 'interfaces of c1' "ethwe0 .*inet $address1/12" "$(lab_container_net hosta c1 ip -o -4 address)"
lab_match 'multicast route of c1' '^224\.0\.0\.0/4 dev ethwe0' "$(lab_container_net hosta c1 ip route)"

lab_weave_connected 1 hosta hostb

lab_case 101
lab_docker hostb exec -d c2 httpd -f -h /www
fetched() { [[ $(lab_docker hosta exec c1 wget -q -O - "http://$address2/") == 'served by a container of the lab' ]]; }
lab_wait 5 'HTTP between hosts' fetched
in_metrics() {
  lab_exec "$1" curl -sf http://127.0.0.1:6782/metrics | grep -qE '^weave_connections\{encryption="",state="established",type="(sleeve|fastdp)"\} 1$'
}
for host in hosta hostb; do lab_wait 5 "the connection in the metrics of $host" in_metrics "$host"; done

lab_case
for host in hosta hostb; do
  status=$(lab_weave "$host" status)
  lab_match "status of $host" '^ +Connections: 1 \(1 established\)$' "$status"
  lab_match "status of $host" '^ +Peers: 2 \(with 2 established connections\)$' "$status"
  lab_match "status of $host" '^ +Status: ready$' "$status"
  lab_match "status of $host" '^ +Range: 10\.32\.0\.0/12$' "$status"
  lab_equal "peers in status ipam of $host" 2 "$(lab_weave "$host" status ipam | grep -c ' IPs (')"
  lab_equal "peers in status peers of $host" 2 "$(lab_weave "$host" status peers | grep -c '^[0-9a-f]')"
  lab_weave "$host" report | python3 -c 'import json, sys; json.load(sys.stdin)["Router"]["Peers"][1]'
done
lab_equal 'targets of hostb' 192.0.2.1 "$(lab_weave hostb status targets)"

# c2 stays: stop and reset must cope with a container that is still attached.
lab_docker hosta rm -f c1 >/dev/null
for host in hosta hostb; do
  lab_capture "$host" weave stop
  lab_equal "exit of weave stop on $host" 0 "$LAB_STATUS"
done
lab_weave_stopped hosta
lab_absent 'processes on hostb after weave stop' '^weaver$' "$(lab_exec hostb ps -eo comm=)"
lab_exec hostb test -S /run/docker/plugins/weavemesh.sock || lab_fail 'nobody answers Docker for c2 while weave is stopped'
lab_absent 'networks after weave stop' '^weave$' "$(lab_docker hosta network ls --format '{{.Name}}')"

lab_weave_launch hosta 192.0.2.2
lab_capture hosta weave reset
lab_equal "exit of weave reset on hosta (stderr: $LAB_STDERR)" 0 "$LAB_STATUS"
lab_capture hostb weave reset
lab_equal 'exit of weave reset on a host where weave is stopped' 1 "$LAB_STATUS"
lab_match 'stderr of weave reset on a host where weave is stopped' 'use --force' "$LAB_STDERR"
lab_capture hostb weave reset --force
lab_equal "exit of weave reset --force on hostb (stderr: $LAB_STDERR)" 0 "$LAB_STATUS"
# Docker is answered for c2 until it has nothing of ours any more.
lab_docker hostb rm -f c2 >/dev/null
lab_docker hostb network rm weave >/dev/null
no_answerer() { ! lab_exec hostb pgrep -x plugin-stand-in >/dev/null; }
lab_wait 10 'nobody answers Docker any more on hostb' no_answerer
for host in hosta hostb; do
  lab_equal "what weave reset left on $host" '' "$(lab_weave_remains "$host" | tr '\n' ' ')"
done
