# shellcheck shell=bash
# lab: a container that is started on another host with its MAC and IP address is reached within a second of its first frame
# needs: weave python3 ss ping
# limit: 120

# Containers made by hand: an engine asks for an address of the host's own share of the ring, which does not move.
readonly mover_ip=10.47.255.201 mover_mac=02:77:0a:2f:ff:c9 watcher_ip=10.47.255.200
kinds=(bpf none)
[[ -z ${LAB_INSIDE_UML:-} ]] || kinds=(openvswitch bpf none)
lab_host_create hosta 192.0.2.1
lab_host_create hostb 192.0.2.2
lab_host_create hostc 192.0.2.3

launch() { # KIND
  local host
  lab_weave_launch hosta --docker-api= --plugin=false --fast-path="$1"
  for host in hostb hostc; do lab_weave_launch "$host" --docker-api= --plugin=false --fast-path="$1" 192.0.2.1; done
  lab_weave_connected 2 hosta hostb hostc
  [[ $1 == none ]] || for host in hostb hostc; do fastpath_both 10 fastdp hosta "$host"; done
}

plug() { # HOST NAME ADDRESS [MAC]
  local mtu
  mtu=$(lab_exec "$1" cat /sys/class/net/weave/mtu)
  lab_exec "$1" ip netns add "$2"
  lab_exec "$1" ip link add "vethwepl$2" mtu "$mtu" type veth peer name eth0 mtu "$mtu" ${4:+address "$4"} netns "$2"
  lab_exec "$1" ip link set "vethwepl$2" master weave up
  lab_exec "$1" ip -n "$2" address add "$3/12" dev eth0
  lab_exec "$1" ip -n "$2" link set eth0 up
  # The kernel may take up to a second to notice the carrier; nothing sent before would enter the bridge.
  lab_wait 5 "the port of $2 on $1 forwards" lab_exec "$1" grep -q 3 "/sys/class/net/vethwepl$2/brport/state"
}
unplug() { # HOST NAME
  lab_exec "$1" ip netns delete "$2"
  lab_wait 5 "the interface of $2 on $1 goes" eval "! lab_exec $1 ip link show dev vethwepl$2"
  # Without a kernel path a frame of an address heard from elsewhere half a second ago may be our own, coming back.
  [[ $kind != none ]] || lab_pause 0.6
}

# move FROM TO: the mover goes and comes; its first frame is an ARP request that everybody sees. The watcher pings all the while.
move() {
  local moment answered
  unplug "$1" mover
  plug "$2" mover "$mover_ip" "$mover_mac"
  moment=$(lab_now_ms)
  lab_exec "$2" ip netns exec mover ping -q -c 1 -W 1 "$watcher_ip" >/dev/null || true
  lab_pinger_more watch 10
  answered=$(lab_pinger_answered_after watch "$moment")
  lab_say "$kind: moved from $1 to $2: answers after $answered ms"
  lab_at_most "$kind: moved from $1 to $2: answers" 1000 "$answered"
}

# move_quietly FROM TO: nobody but the watcher's host hears of it: the first frame goes straight to the watcher.
move_quietly() {
  local moment answered
  unplug "$1" mover
  plug "$2" mover "$mover_ip" "$mover_mac"
  lab_exec "$2" ip -n mover neighbour replace "$watcher_ip" lladdr "$watcher_mac" dev eth0
  moment=$(lab_now_ms)
  lab_exec "$2" ip netns exec mover ping -q -c 1 -W 1 "$watcher_ip" >/dev/null || true
  lab_pinger_more watch 10
  answered=$(lab_pinger_answered_after watch "$moment")
  lab_say "$kind: moved quietly from $1 to $2: answers after $answered ms"
  lab_at_most "$kind: moved quietly from $1 to $2: answers" 1000 "$answered"
}

for kind in "${kinds[@]}"; do
  launch "$kind"
  plug hosta watcher "$watcher_ip"
  watcher_mac=$(lab_exec hosta ip netns exec watcher cat /sys/class/net/eth0/address)
  plug hostb mover "$mover_ip" "$mover_mac"
  lab_pinger_spawn watch hosta "$mover_ip" 0.02 ip netns exec watcher
  lab_pinger_more watch 20
  move hostb hostc
  move hostc hosta
  move hosta hostb
  move_quietly hostb hostc
  move_quietly hostc hostb
  lab_pinger_stop watch
  lab_equal "$kind: pings answered twice" 0 "$(lab_pinger_duplicates watch)"
  unplug hostb mover
  unplug hosta watcher
  for host in hosta hostb hostc; do lab_weave "$host" stop >/dev/null; done
done
