# shellcheck shell=bash
# lab: VXLAN blocked one way, the other, both ways, underlay MTU lowered: sleeve within 2 s, back within 5 s, nothing twice
# needs: weave docker python3 ss ping tcpdump
# limit: 180

kind=$(fastpath_kind)
lab_host_create hosta 192.0.2.1
lab_host_create hostb 192.0.2.2
lab_dockerd_start hosta hostb
lab_image_load hosta hostb
lab_weave_launch hosta --fast-path="$kind"
lab_weave_launch hostb --fast-path="$kind" 192.0.2.1
lab_weave_containers c1:hosta c2:hostb
address2=$(lab_container_address hostb c2)
fastpath_both 10 fastdp hosta hostb
lab_pinger_start traffic hosta c1 "$address2" 0.01
lab_pinger_start back hostb c2 "$(lab_container_address hosta c1)" 0.01
lab_pinger_more traffic 50

silence() { # WHAT FROM
  local name longest=0 this
  for name in traffic back; do
    this=$(lab_pinger_silence "$name" "$2")
    ((this <= longest)) || longest=$this
  done
  lab_say "$1: longest silence $longest ms"
  lab_at_most "$1: silence" 2000 "$longest"
}

# episode WHAT SIZE BREAK HEAL: both are commands. A ping of SIZE must pass meanwhile.
episode() {
  local what=$1 size=$2 break=$3 heal=$4 moment host why
  moment=$(lab_now_ms)
  $break
  fastpath_both 5 sleeve hosta hostb
  lab_pinger_more traffic 100
  lab_pinger_more back 100
  silence "$what" "$moment"
  for host in hosta hostb; do
    why=$(fastpath_why "$host" "$([[ $host == hosta ]] && echo hostb || echo hosta)")
    lab_match "$what: why $host is on sleeve" '[Vv][Xx][Ll][Aa][Nn]' "$why"
    lab_say "$what: $host says: $why"
  done
  lab_ping hosta c1 "$address2" "$size"
  fastpath_capture hostb
  fastpath_mark_pings hosta c1 "$address2" 20
  fastpath_carried "$what" sleeve 40 "$(fastpath_captured hostb)"
  moment=$(lab_now_ms)
  $heal
  fastpath_both 5 fastdp hosta hostb
  lab_pinger_more traffic 100
  lab_pinger_more back 100
  silence "$what, healed" "$moment"
  fastpath_stays fastdp hosta hostb 2
  fastpath_proof hosta c1 hostb c2
}

heal_a() { lab_unblock_udp hosta 6784; }
a_sends_nothing() { lab_block_udp hosta 6784 out; }
a_receives_nothing() { lab_block_udp hosta 6784 in; }
nothing_passes() { lab_block_udp hosta 6784; }
narrow() { lab_mtu hostb 1400; }
wide() { lab_mtu hostb 1500; }

episode 'VXLAN from A to B blocked' 1300 a_sends_nothing heal_a
episode 'VXLAN from B to A blocked' 1300 a_receives_nothing heal_a
episode 'VXLAN blocked both ways' 10000 nothing_passes heal_a
episode 'underlay MTU 1400' 1200 narrow wide

for name in traffic back; do
  lab_pinger_stop "$name"
  lab_equal "pings of '$name' answered twice" 0 "$(lab_pinger_duplicates "$name")"
  lab_say "pings of '$name' all the while: $(lab_pinger_lost "$name") of $(lab_pinger_sent "$name") lost"
done
