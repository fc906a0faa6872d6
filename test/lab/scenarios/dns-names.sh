# shellcheck shell=bash
# lab: containers ping each other by name on two hosts: host name, container name, alias; names come and go, also by hand
# needs: weave docker python3
# kernel: host
# limit: 120

lab_host_create hosta 192.0.2.1
lab_host_create hostb 192.0.2.2
lab_dockerd_start hosta hostb
lab_image_load hosta hostb
lab_weave_launch hosta
lab_weave_launch hostb 192.0.2.1
lab_weave_connected 1 hosta hostb

for host in hosta hostb; do
  lab_wait 10 "weave dns-args on $host" eval "lab_weave $host dns-args | grep -q -- --dns="
  lab_equal "weave dns-args on $host" '--dns=172.17.0.1 --dns-search=weave.local.' "$(lab_weave "$host" dns-args)"
done
start() { # HOST NAME OPTION...
  # shellcheck disable=SC2046
  lab_container_start "$1" "$2" --net=weave $(lab_weave "$1" dns-args) "${@:3}"
}
start hosta c1 -h foo.weave.local
start hostb c2 -h bar.weave.local --network-alias=shop
address1=$(lab_container_address hosta c1)
address2=$(lab_container_address hostb c2)

knows() { [[ $(lab_weave "$1" dns-lookup "$2" 2>/dev/null) == "$3" ]]; } # HOST NAME ADDRESS
for host in hosta hostb; do
  lab_wait 5 "foo on $host" knows "$host" foo "$address1"
  lab_wait 5 "bar on $host" knows "$host" bar "$address2"
  lab_wait 5 "the name of container c2 on $host" knows "$host" c2.weave.local "$address2"
  lab_wait 5 "the alias of c2 on $host" knows "$host" shop "$address2"
done

reaches() { lab_docker "$1" exec "$2" ping -q -c 1 -W 2 "$3" >/dev/null 2>&1; } # HOST CONTAINER NAME
lab_wait 5 'c1 reaches bar' reaches hosta c1 bar
lab_wait 5 'c1 reaches c2' reaches hosta c1 c2
lab_wait 5 'c1 reaches shop' reaches hosta c1 shop
lab_wait 5 'c2 reaches foo' reaches hostb c2 foo
lab_wait 5 'c2 reaches foo.weave.local' reaches hostb c2 foo.weave.local
! reaches hosta c1 nobody || lab_fail 'a name that nobody has was found'
lab_match 'status dns' "^foo +$address1 +[0-9a-f]{12} +$(lab_weave_name hosta)" "$(lab_weave hostb status dns)"
lab_match 'status' 'Service: dns' "$(lab_weave hosta status)"

# A container that stops takes its names along, on every host; so does one that is renamed or unplugged.
lab_docker hostb rename c2 c9
lab_wait 5 'the new name on hosta' knows hosta c9 "$address2"
lab_wait 5 'the old name is gone' knows hosta c2 ''
lab_docker hostb stop -t 0 c9 >/dev/null
lab_wait 2 'bar is gone on hosta' knows hosta bar ''
lab_docker hostb start c9 >/dev/null
lab_wait 5 'bar is back on hosta' knows hosta bar "$(lab_container_address hostb c9)"

# A daemon that dies: its names stay with its engine and come back with it.
pid=$(lab_weave_pid hostb)
lab_exec hostb kill -KILL "$pid"
lab_wait 10 'bar is known to hosta after the daemon of hostb was killed' knows hosta bar "$(lab_container_address hostb c9)"
lab_wait 10 'the daemon of hostb answers again' knows hostb foo "$address1"

# By hand.
lab_weave hosta dns-add 10.32.0.77 -h hand.weave.local
lab_wait 5 'hand on hostb' knows hostb hand 10.32.0.77
lab_weave hosta dns-remove 10.32.0.77 -h hand.weave.local
lab_wait 5 'hand is gone on hostb' knows hostb hand ''

# A host that dies takes its names along.
lab_weave hostb stop >/dev/null
lab_wait 5 'the names of a host that has left' knows hosta bar ''
