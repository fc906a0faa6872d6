# shellcheck shell=bash
# lab: containers ping each other by name on two hosts, with three kinds of resolvers: host name, container name, alias; names come and go
# needs: weave docker python3 dig getent musl-gcc
# kernel: host
# limit: 120
# catalogue: 200 260 270 800

lab_weave_pair
lab_resolver_image hosta hostb

lab_case 800
for host in hosta hostb; do
  lab_equal "weave dns-args on $host" '--dns=172.17.0.1 --dns-search=weave.local.' "$(lab_weave "$host" dns-args)"
done
lab_named_container hosta c1 -h foo.weave.local --add-host elsewhere:192.0.2.99
lab_named_container hostb c2 -h bar.weave.local --network-alias=shop
address1=$(lab_container_address hosta c1)
address2=$(lab_container_address hostb c2)

for host in hosta hostb; do
  for name in foo FOO.weave.local c1; do lab_wait 5 "$name on $host" lab_knows "$host" "${name%.weave.local}.weave.local" "$address1"; done
  for name in bar c2 shop; do lab_wait 5 "$name on $host" lab_knows "$host" "$name.weave.local" "$address2"; done
done

# What is in the same container, on this host and on the other, in full and short, for every kind of resolver.
lab_finds hosta c1 foo.weave.local "$address1"
lab_finds hosta c1 bar.weave.local "$address2"
lab_finds hosta c1 bar "$address2"
lab_finds hosta c1 shop "$address2"
lab_finds hostb c2 foo.weave.local "$address1"
lab_finds hostb c2 foo "$address1"
lab_case 200
lab_equal 'a name from --add-host' 192.0.2.99 "$(lab_docker hosta exec c1 getent hosts elsewhere | cut -d ' ' -f 1)"

lab_case 800
reaches() { lab_docker "$1" exec "$2" ping -q -n -c 1 -W 2 "$3" >/dev/null 2>&1; } # HOST CONTAINER NAME
for name in bar c2 shop bar.weave.local; do lab_wait 5 "c1 reaches $name" reaches hosta c1 "$name"; done
for name in foo c1 foo.weave.local; do lab_wait 5 "c2 reaches $name" reaches hostb c2 "$name"; done
! reaches hosta c1 nobody || lab_fail 'a name that nobody has was found'
lab_match 'status dns' "^foo +$address1 +[0-9a-f]{12} +$(lab_weave_name hosta)" "$(lab_weave hostb status dns)"
lab_match 'status' 'Service: dns' "$(lab_weave hosta status)"

lab_case 200
# The host itself by a name, until it hides.
exposed=$(lab_weave hosta expose -h itself.weave.local)
for host in hosta hostb; do lab_wait 5 "the name of an exposed host on $host" lab_knows "$host" itself.weave.local "$exposed"; done
lab_weave hosta hide >/dev/null
lab_wait 5 'the name of a host that hides' lab_knows hostb itself.weave.local

lab_case 270
# As Weave 1.x wanted it: the arguments of docker run go through dns-args.
named_by_args() { # WORDS OF DOCKER RUN...
  # shellcheck disable=SC2046
  lab_docker hosta run --rm --net=weave $(lab_weave hosta dns-args "$@") "$@" resolvers:lab hostname
}
lab_equal 'host name by --name' c7.weave.local "$(named_by_args --name c7)"
lab_equal 'host name by --name, -h wins' own "$(named_by_args --name c7 -h own)"
lab_equal 'host name without --name' 12 "$(named_by_args | tr -d '\n' | wc -c)"
lab_match 'a name that is too long' 'Container name too long to be used as hostname' \
  "$(lab_weave hosta dns-args --name "$(printf 'x%.0s' {1..60})" 2>&1 >/dev/null)"

lab_case 260
# A container that stops takes its names along, on every host; so does one that is renamed, unplugged or removed.
lab_docker hostb rename c2 c9
lab_wait 5 'the new name on hosta' lab_knows hosta c9.weave.local "$address2"
lab_wait 5 'the old name is gone' lab_knows hosta c2.weave.local
lab_docker hostb stop -t 0 c9 >/dev/null
lab_wait 2 'bar is gone on hosta' lab_knows hosta bar.weave.local
lab_docker hostb start c9 >/dev/null
address2=$(lab_container_address hostb c9)
lab_wait 5 'bar is back on hosta' lab_knows hosta bar.weave.local "$address2"
lab_docker hosta network disconnect weave c1
lab_wait 2 'foo is unplugged' lab_knows hostb foo.weave.local
lab_docker hosta network connect weave c1
lab_wait 5 'foo is plugged in again' lab_knows hostb foo.weave.local "$(lab_container_address hosta c1)"
lab_docker hosta rm -f c1 >/dev/null
lab_wait 2 'foo is removed, on hosta' lab_knows hosta foo.weave.local
lab_wait 2 'foo is removed, on hostb' lab_knows hostb foo.weave.local

lab_case
# A daemon that dies: its names stay with its engine and come back with it.
pid=$(lab_weave_pid hostb)
lab_exec hostb kill -KILL "$pid"
lab_wait 10 'the daemon of hostb answers again' lab_knows hostb bar.weave.local "$address2"
lab_wait 10 'bar is known to hosta after the daemon of hostb was killed' lab_knows hosta bar.weave.local "$address2"

# A host that dies takes its names along.
lab_weave hostb stop >/dev/null 2>&1
lab_wait 5 'the names of a host that has left' lab_knows hosta bar.weave.local
