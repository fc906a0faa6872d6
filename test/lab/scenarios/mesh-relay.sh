# shellcheck shell=bash
# lab: A - B - C where A and C cannot reach each other: containers ping through B
# needs: weave docker ss ping
# limit: 120
# catalogue: 120

lab_underlay west
lab_underlay east
lab_host_create hosta 192.0.2.1 west
lab_host_create hostb 192.0.2.2 west
lab_attach hostb east 198.51.100.2
lab_host_create hostc 198.51.100.3 east
! lab_exec hosta ping -c 1 -W 1 198.51.100.3 >/dev/null 2>&1 || lab_fail 'A reaches C without weave'

# B has no engine: it only relays.
lab_dockerd_start hosta hostc
lab_image_load hosta hostc
lab_weave_launch hostb --no-discovery
lab_weave_launch hosta --no-discovery 192.0.2.2
lab_weave_launch hostc --no-discovery 198.51.100.2
lab_weave_connected 1 hosta hostc
lab_weave_connected 2 hostb

lab_case 120
knows_peers() { (($(lab_weave "$1" status peers | grep -c '^[0-9a-f]') == $2)); }
for host in hosta hostb hostc; do
  lab_wait 10 "$host knows three peers" knows_peers "$host" 3
done
lab_equal 'connections of A' 1 "$(lab_weave hosta status connections | grep -cE '^(->|<-)')"

lab_weave_containers c1:hosta c2:hostc
address1=$(lab_container_address hosta c1)
address2=$(lab_container_address hostc c2)
lab_say "c1 on hosta has $address1, c2 on hostc has $address2"
[[ $address1 != "$address2" ]] || lab_fail "both ends gave out $address1"
lab_ping hosta c1 "$address2" 64 1400 10000
lab_ping hostc c2 "$address1" 64 1400 10000

# The relay goes and comes back.
lab_unplug hostb 0
! lab_docker hosta exec c1 ping -q -c 1 -W 1 "$address2" >/dev/null || lab_fail 'A and C talk although B is cut off'
lab_plug_in hostb 0
lab_ping hosta c1 "$address2" 64
