# shellcheck shell=bash
# lab: networks of one's own with both drivers, --ip, refusals, connect and disconnect, restarts of engine and container
# needs: weave docker ping
# kernel: host
# catalogue: 195 300 820 902
# limit: 120

lab_weave_pair

docker_on() { lab_docker "$@" >/dev/null; }
refused() { # WHAT REASON HOST DOCKER-ARGUMENT...
  local what=$1 reason=$2 output
  shift 2
  ! output=$(lab_docker "$@" 2>&1) || lab_fail "$what was not refused"
  lab_match "$what" "$reason" "$output"
}

for host in hosta hostb; do
  docker_on "$host" network create --driver weavemesh --ipam-driver weavemesh --subnet 10.40.0.0/16 --ip-range 10.40.8.0/24 n1
done
docker_on hosta network create --driver weave --ipam-driver weave --subnet 10.41.0.0/16 n2
refused 'a pool outside the range' 'out of bounds' \
  hosta network create --driver weavemesh --ipam-driver weavemesh --subnet 10.99.0.0/16 n3
refused 'an IPv6 pool' 'IPv6' \
  hosta network create --driver weavemesh --ipam-driver weavemesh --ipv6 --subnet fd00:1::/64 --subnet 10.42.0.0/16 n3
refused "Docker's own IPAM" '--ipam-driver weave.*works.weave.ipam=docker' hosta network create --driver weave n3
docker_on hosta network create --driver weave -o works.weave.ipam=docker --subnet 172.30.0.0/24 n3
docker_on hosta network rm n3
refused 'an option that is neither' 'unrecognized value' \
  hosta network create --driver weave --ipam-driver weave -o works.weave.isolate=perhaps --subnet 10.42.0.0/16 n3
refused 'isolation within the default subnet' '--ipalloc-default-subnet' \
  hosta network create --driver weave --ipam-driver weave -o works.weave.isolate --subnet 10.42.0.0/16 n3

lab_case 820
# Names of a network's containers by Docker's own DNS.
docker_on hosta network create --driver weavemesh --ipam-driver weavemesh --subnet 10.44.0.0/16 plugin820
docker_on hosta run -d --name c1 --network plugin820 --ip 10.44.0.1 busybox:lab sleep 1000
docker_on hosta run -d --name c2 --network plugin820 busybox:lab sleep 1000
lab_match 'c2 is in the subnet' '^10\.44\.' "$(lab_container_address hosta c2 plugin820)"
lab_docker hosta exec c2 ping -q -c 1 -W 5 c1 >/dev/null || lab_fail 'c2 does not reach c1 by name'
docker_on hosta rm -f c1 c2
docker_on hosta network rm plugin820

docker_on hosta run -d --name a1 --network n1 --ip 10.40.0.1 busybox:lab sleep 1000
docker_on hostb run -d --name b1 --network n1 busybox:lab sleep 1000
address() { lab_docker "$1" inspect -f "{{(index .NetworkSettings.Networks \"$3\").IPAddress}}" "$2"; }
lab_equal 'a1' 10.40.0.1 "$(address hosta a1 n1)"
lab_match 'b1 is in the range of its network' '^10\.40\.8\.' "$(address hostb b1 n1)"
lab_case 902
refused 'the address of a1 a second time' 'in use' hosta run --network n1 --ip 10.40.0.1 busybox:lab sh -c :
refused 'the address of a1 on the other host' 'owned by other peer' hostb run --network n1 --ip 10.40.0.1 busybox:lab sh -c :
lab_case 820
lab_ping hostb b1 10.40.0.1 64

lab_case 195
# The network weave has the multicast route, networks of one's own if they say so, also after a container has started again.
mroute() { lab_container_net "$1" "$2" ip route show 224.0.0.0/4 | sed -E 's/ +$//'; } # HOST CONTAINER
docker_on hosta network create --driver weavemesh --ipam-driver weavemesh --subnet 10.45.0.0/16 --opt works.weave.multicast bare
docker_on hosta network create --driver weavemesh --ipam-driver weavemesh --subnet 10.46.0.0/16 --opt works.weave.multicast=false without
for network in weave bare without n1; do
  docker_on hosta run -d --name "on-$network" --network "$network" busybox:lab sleep 1000
done
for start in first second; do
  lab_match "multicast on weave, $start start" '^224\.0\.0\.0/4 dev ethwe0' "$(mroute hosta on-weave)"
  lab_match "multicast by the bare option, $start start" '^224\.0\.0\.0/4 dev ethwe0' "$(mroute hosta on-bare)"
  lab_equal "multicast by the option false, $start start" '' "$(mroute hosta on-without)"
  lab_equal "multicast without the option, $start start" '' "$(mroute hosta on-n1)"
  [[ $start == second ]] || docker_on hosta restart -t 0 on-weave on-bare on-without on-n1
done
docker_on hosta rm -f on-weave on-bare on-without on-n1
docker_on hosta network rm bare without

lab_case 820
docker_on hosta network connect n2 a1
lab_match 'a1 on its second network' '^10\.41\.' "$(address hosta a1 n2)"
docker_on hosta network disconnect n2 a1
docker_on hosta restart -t 0 a1
lab_ping hostb b1 10.40.0.1 64

lab_case
# A daemon that starts anew knows networks and endpoints: what Docker made before can be taken down and made again.
docker_on hosta network create --driver weavemesh --ipam-driver weavemesh --subnet 10.43.0.0/16 --opt works.weave.multicast=true n4
lab_exec hosta kill -KILL "$(lab_weave_pid hosta)"
lab_wait 10 'the daemon is back' lab_weave_has_connections hosta 1
docker_on hosta run -d --name a4 --network n4 busybox:lab sleep 1000
lab_match 'multicast route after the restart' '224\.0\.0\.0/4' "$(lab_docker hosta exec a4 ip route)"
lab_ping hostb b1 10.40.0.1 64

# The address goes to another container, whose MAC address nobody knows yet.
lab_case 300
docker_on hosta rm -f a1
docker_on hosta run -d --name a5 --network n1 --ip 10.40.0.1 busybox:lab sleep 1000
lab_docker hostb exec b1 ping -q -c 1 -W 1 10.40.0.1 >/dev/null || lab_fail 'an address used again is not reachable at once'
lab_docker hosta exec a5 ping -q -c 1 -W 1 "$(address hostb b1 n1)" >/dev/null || lab_fail 'who uses an address again reaches nobody'

lab_case
docker_on hosta rm -f a4 a5
docker_on hostb rm -f b1
docker_on hosta network rm n1 n2 n4
docker_on hostb network rm n1
left=$(lab_exec hosta ip -o link show | grep -o 'vethw[lg][^:@]*' || true)
lab_equal 'interfaces left behind' '' "$left"
# Everything was given back: the same address can be had again.
docker_on hosta network create --driver weavemesh --ipam-driver weavemesh --subnet 10.40.0.0/16 n1
docker_on hosta run --rm --network n1 --ip 10.40.0.1 busybox:lab sh -c :

lab_case 195
# Launched without it, the network weave has none either.
docker_on hosta network rm n1
lab_weave hosta reset
lab_weave_launch hosta --no-multicast-route 192.0.2.2
docker_on hosta run -d --name bare --net weave busybox:lab sleep 1000
lab_equal 'multicast after launch --no-multicast-route' '' "$(mroute hosta bare)"
# A network that cannot be removed keeps what it was made with, and a launch that asks for something else is told so.
lab_weave hosta stop
lab_weave_launch hosta 192.0.2.2
lab_wait 5 'it is said that the network keeps its option' grep -q 'works.weave.multicast=false, and keeps that' "$(lab_weave_log hosta)"
docker_on hosta restart -t 0 bare
lab_equal 'multicast of a network that was kept' '' "$(mroute hosta bare)"
docker_on hosta rm -f bare
lab_weave hosta stop
lab_weave_launch hosta 192.0.2.2
docker_on hosta run -d --name routed --net weave busybox:lab sleep 1000
lab_match 'multicast after a plain launch' '^224\.0\.0\.0/4 dev ethwe' "$(mroute hosta routed)"
