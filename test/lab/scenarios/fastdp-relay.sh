# shellcheck shell=bash
# lab: A - B - C by kernel paths where A and C cannot reach each other; then with sleeve between B and C
# needs: weave docker python3 ss ping tcpdump
# limit: 150

kind=$(fastpath_kind)
lab_underlay west
lab_underlay east
lab_host_create hosta 192.0.2.1 west
lab_host_create hostb 192.0.2.2 west
lab_attach hostb east 198.51.100.2
lab_host_create hostc 198.51.100.3 east
lab_dockerd_start hosta hostc
lab_image_load hosta hostc
lab_weave_launch hostb --no-discovery --docker-api= --plugin=false --fast-path="$kind"
lab_weave_launch hosta --no-discovery --fast-path="$kind" 192.0.2.2
lab_weave_launch hostc --no-discovery --fast-path="$kind" 198.51.100.2
lab_weave_connected 2 hostb
lab_weave_containers c1:hosta c2:hostc
address1=$(lab_container_address hosta c1)
address2=$(lab_container_address hostc c2)
fastpath_both 10 fastdp hosta hostb
fastpath_both 10 fastdp hostc hostb
lab_ping hosta c1 "$address2" 64 1400 10000
lab_ping hostc c2 "$address1" 64 1400 10000

# relay WEST-CARRIER EAST-CARRIER: what pings between A and C are carried by on either side of B.
relay() {
  local west east
  fastpath_capture hostb eth0
  fastpath_capture hostb eth1
  fastpath_mark_pings hosta c1 "$address2" 20
  west=$(fastpath_captured hostb eth0)
  east=$(fastpath_captured hostb eth1)
  fastpath_carried 'between A and B' "$1" 40 "$west"
  fastpath_carried 'between B and C' "$2" 40 "$east"
  if [[ $1 == vxlan ]]; then fastpath_vnis 'between A and B' hosta hostc 20 "$west"; fi
  if [[ $2 == vxlan ]]; then fastpath_vnis 'between B and C' hosta hostc 20 "$east"; fi
  lab_say "pings between A and C: $1 between A and B, $2 between B and C"
}

relay vxlan vxlan
fastpath_cheap '400 pings relayed by kernel paths' hostb fastpath_mark_pings hosta c1 "$address2" 400 64 0.005
fastpath_broadcasts hosta:c1 hostc:c2
fastpath_broadcasts hostc:c2 hosta:c1
lab_match 'status flows of the relay' 'tun_id=0x[0-9a-f]+: [0-9a-f:]+\(host[ac]\)->[0-9a-f:]+\(host[ac]\)' "$(lab_weave hostb status flows)"

lab_pinger_start traffic hosta c1 "$address2" 0.02
lab_pinger_more traffic 10
blocked=$(lab_now_ms)
lab_block_udp hostc 6784
fastpath_both 5 sleeve hostb hostc
lab_pinger_more traffic 20
silence=$(lab_pinger_silence traffic "$blocked")
lab_say "VXLAN blocked at C: silence between A and C $silence ms"
lab_at_most 'silence between A and C when VXLAN is blocked at C' 2000 "$silence"
fastpath_uses fastdp hosta hostb || lab_fail 'A and B left fastdp although their VXLAN works'
relay vxlan sleeve
fastpath_cheap '400 pings relayed between kernel path and sleeve' hostb fastpath_mark_pings hosta c1 "$address2" 400 64 0.005
lab_ping hosta c1 "$address2" 64 1300 10000
lab_ping hostc c2 "$address1" 64 1300 10000
fastpath_broadcasts hosta:c1 hostc:c2
fastpath_broadcasts hostc:c2 hosta:c1

lab_unblock_udp hostc 6784
fastpath_both 5 fastdp hostb hostc
lab_pinger_more traffic 20
relay vxlan vxlan
lab_pinger_stop traffic
lab_equal 'pings answered twice' 0 "$(lab_pinger_duplicates traffic)"
lab_say "pings all the while: $(lab_pinger_lost traffic) of $(lab_pinger_sent traffic) lost"
