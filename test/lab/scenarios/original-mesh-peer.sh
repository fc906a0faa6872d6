# shellcheck shell=bash
# lab: peers of the original mesh library join both ways, in protocol versions 2 and 1, with a password too: one topology, gossip relayed
# needs: weave go
# kernel: host
# limit: 120

lab_original_build

# hosta (ours) <- original1 <- hostb (ours) <- original2: each kind dials the other kind. original2 knows only version 1.
lab_host_create hosta 192.0.2.1
lab_host_create orig1 192.0.2.2
lab_host_create hostb 192.0.2.3
lab_host_create orig2 192.0.2.4

declare -A original_input
original() { # HOST NAME [PEER...]: a library peer whose standard input is the pipe HOST.in
  local host=$1 descriptor
  mkfifo "$LAB_DIR/$host.in"
  # The writer must exist first or the peer would block on opening its input.
  exec {descriptor}<>"$LAB_DIR/$host.in"
  original_input[$host]=$descriptor
  # shellcheck disable=SC2016
  lab_spawn "$host" mesh sh -c 'input=$1; shift; exec "$@" <"$input"' sh "$LAB_DIR/$host.in" \
    "$LAB_DIR/mesh_peer" -name "$2" -nickname "$host" "${@:3}"
}
tell() { printf '%s\n' "$2" >&"${original_input[$1]}"; } # HOST COMMAND
heard() { grep -qF -- "$2" "$LAB_DIR/logs/$1-mesh.log"; }

original orig1 7a:00:00:00:00:01 -discovery=false
original orig2 7a:00:00:00:00:02 -discovery=false -newest 1
lab_weave_launch hosta --no-discovery --min-protocol-version 2
lab_weave_launch hostb --no-discovery 192.0.2.2
tell orig1 'connect 192.0.2.1'
tell orig2 'connect 192.0.2.3'

lab_weave_connected 1 hosta
lab_weave_connected 2 hostb
established_at() { # HOST COUNT: as the original itself sees it
  tell "$1" status
  (($(grep '^status ' "$LAB_DIR/logs/$1-mesh.log" | tail -n 1 | grep -o '"State":"established"' | wc -l) >= $2))
}
lab_wait 10 'the original between two of ours is established with both' established_at orig1 2
lab_wait 10 'the original behind ours is established' established_at orig2 1

version_with() { # HOST PEER
  grep -F "|$2(" "$(lab_weave_log "$1")" | grep -F 'connection ready; using protocol version ' | tail -n 1 | grep -o '[0-9]*$'
}
lab_equal 'version with an original' 2 "$(version_with hosta 7a:00:00:00:00:01)"
lab_equal 'version with an old original' 1 "$(version_with hostb 7a:00:00:00:00:02)"
lab_match 'the log of a host with a kernel fast path beside an old original' '7a:00:00:00:00:02\(.* --fast-path=none' "$(<"$(lab_weave_log hostb)")"
lab_match 'status of hosta' 'Protocol: weave 2$' "$(lab_weave hosta status)"
lab_match 'status of hostb' 'Protocol: weave 1\.\.2$' "$(lab_weave hostb status)"
# The original resets what it ends, so only its own word on this is sure to be had.
tell orig2 'connect 192.0.2.1'
too_old() { grep -qF 'remote version range [2,2] is incompatible with ours [1,1]' "$LAB_DIR/logs/orig2-mesh.log"; }
lab_wait 5 'the old original is refused where --min-protocol-version is 2' too_old

knows() { (($(lab_weave "$1" status peers | grep -cE '^[0-9a-f:]{17}\(') == $2)); }
lab_wait 10 'all four in the topology of hosta' knows hosta 4
lab_wait 10 'all four in the topology of hostb' knows hostb 4

# orig1 and orig2 know each other only through hostb, which has never heard of their channel.
# Routes follow the topology within a second or two; a unicast before that is an error, as in the original.
unicast() { tell "$1" "unicast $2 $3"; heard "$4" "unicast $5 $3"; }
lab_wait 15 'a unicast relayed by ours' unicast orig1 7a:00:00:00:00:02 one-to-two orig2 7a:00:00:00:00:01
lab_wait 15 'a unicast relayed the other way' unicast orig2 7a:00:00:00:00:01 two-to-one orig1 7a:00:00:00:00:02
broadcast() { tell "$1" "broadcast $2"; heard "$3" "broadcast $4 $2"; }
lab_wait 15 'a broadcast relayed by ours' broadcast orig1 from-one orig2 7a:00:00:00:00:01
lab_wait 15 'a broadcast relayed the other way' broadcast orig2 from-two orig1 7a:00:00:00:00:02

# hosta and hostb know each other only through orig1: their ring travels through the original.
lab_weave hosta prime
ring_is_known() { lab_weave "$1" status ipam | grep -q "(hosta)"; }
lab_wait 10 'the ring of hosta reaches hostb through the original' ring_is_known hostb

lab_end orig2 mesh KILL
lab_wait 10 'the dead original leaves the topology' knows hosta 3

# With a password: an original of each version, each dialled by ours, which joins them.
lab_host_create hostc 192.0.2.5
lab_host_create orig3 192.0.2.6
lab_host_create orig4 192.0.2.7
original orig3 7a:00:00:00:00:03 -discovery=false -password open-sesame -newest 1
original orig4 7a:00:00:00:00:04 -discovery=false -password open-sesame
lab_weave_launch hostc --no-discovery --password open-sesame 192.0.2.6 192.0.2.7
lab_weave_connected 2 hostc
lab_equal 'version with an old original and a password' 1 "$(version_with hostc 7a:00:00:00:00:03)"
lab_equal 'version with an original and a password' 2 "$(version_with hostc 7a:00:00:00:00:04)"
encrypted() { (($(lab_weave hostc status connections | grep -cE ' established +encrypted +sleeve ') == 2)); }
lab_wait 5 'both connections are encrypted' encrypted
lab_wait 10 'the old original is established' established_at orig3 1
lab_wait 15 'a unicast from the old original, sealed' unicast orig3 7a:00:00:00:00:04 three-to-four orig4 7a:00:00:00:00:03
lab_wait 15 'a unicast to the old original, sealed' unicast orig4 7a:00:00:00:00:03 four-to-three orig3 7a:00:00:00:00:04
