# shellcheck shell=bash
# lab: two hosts with Open vSwitch, one taken over from Weave Net: containers talk by VXLAN only, and ovs-dpctl used meanwhile harms nothing
# needs: weave docker python3 ss ping tcpdump iperf3 ovs-dpctl curl tc
# kernel: uml
# catalogue: 191
# limit: 120

lab_host_create hosta 192.0.2.1
lab_host_create hostb 192.0.2.2
lab_dockerd_start hosta hostb
lab_image_load hosta hostb

lab_case 191
# What a Weave Net that was killed leaves in the kernel (protocol/datapath.md §7.1, §8.2), with flows that send what comes from
# containers astray.
lab_exec hosta sh -ec '
  ip link add weave address 00:00:00:00:00:0a type bridge
  ip link set weave mtu 1376 up
  ip link add vethwe-bridge mtu 1376 type veth peer name vethwe-datapath mtu 1376
  ip link set vethwe-bridge master weave up; ip link set vethwe-datapath up'
lab_exec hosta python3 "$LAB_ROOT/lib/original_datapath.py" datapath 6784 vethwe-datapath
for eth in 0x0800,ipv4\(\) 0x0806,arp\(\); do
  lab_exec hosta ovs-dpctl add-flow datapath "in_port(1),eth(),eth_type(${eth/,/),}" \
    'set(tunnel(tun_id=0x123456,src=192.0.2.1,dst=192.0.2.77,ttl=64,flags(df|key))),2'
done
lab_exec hosta sh -ec '
  ip xfrm policy add dir out src 192.0.2.1/32 dst 192.0.2.2/32 proto udp mark 0x20000 mask 0x20000 \
    tmpl src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x1234 mode transport
  key=0x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20212223
  associate() { id="src $1 dst $2 proto esp spi $3"; shift 3; ip xfrm state add $id "$@" mode transport replay-window 256 flag esn aead "rfc4106(gcm(aes))" $key 128; }
  associate 192.0.2.1 192.0.2.2 0x1234
  associate 192.0.2.2 192.0.2.1 0x1235
  associate 192.0.2.2 192.0.2.1 0x7777 reqid 42'
associations() { lab_exec hosta ip xfrm state | sed -nE 's/.*spi 0x0*([0-9a-f]+) .*/\1/p' | sort | tr '\n' ' '; }
lab_equal 'associations, one of somebody else' '1234 1235 7777 ' "$(associations)"
lab_match 'datapath of Weave Net' 'port 2: vxlan-6784 \(vxlan' "$(lab_exec hosta ovs-dpctl show datapath)"
lab_match 'its flows' 'dst=192\.0\.2\.77' "$(lab_exec hosta ovs-dpctl dump-flows datapath)"
lab_weave_launch hosta --fast-path=openvswitch
lab_weave_launch hostb --fast-path=openvswitch 192.0.2.1
lab_weave_containers c1:hosta c2:hostb
address2=$(lab_container_address hostb c2)
fastpath_both 10 fastdp hosta hostb
lab_absent 'flows of Weave Net' 'dst=192\.0\.2\.77' "$(lab_exec hosta ovs-dpctl dump-flows datapath)"
lab_equal 'associations that stay' '7777 ' "$(associations)"
lab_equal 'policies' '' "$(lab_exec hosta ip xfrm policy)"
lab_equal 'name of the peer' 00:00:00:00:00:0a "$(lab_weave_name hosta)"
lab_case
for pair in hosta:hostb hostb:hosta; do
  lab_match "status connections of ${pair%:*}" ' established fastdp .* mtu=1376( |$)' "$(fastpath_line "${pair%:*}" "${pair#*:}")"
  lab_equal "why ${pair%:*} does not use fastdp" '' "$(fastpath_why "${pair%:*}" "${pair#*:}")"
done
lab_match 'interface of c1' 'ethwe0.* mtu 1376 ' "$(lab_container_net hosta c1 ip -o link show dev ethwe0)"

# Round trip and loss by Open vSwitch, on a wire that takes 30 ms one way.
path_figure() { lab_exec hosta curl -sf http://127.0.0.1:6782/metrics | sed -nE "s/^weave_path_$1\{.*path=\"fastdp\".*\} //p"; } # METRIC
path_slow() { python3 -c 'import sys; sys.exit(not 0.029 < float(sys.argv[1]) < 0.06)' "$(path_figure round_trip_seconds)"; }
lab_exec hosta tc qdisc add dev eth0 root netem delay 30ms
lab_within 15 path_slow || lab_fail "round trip of fastdp: $(path_figure round_trip_seconds) s"
lab_say "round trip with 30 ms one way: $(path_figure round_trip_seconds) s, loss $(path_figure loss_ratio)"
lab_equal 'loss of fastdp' 0 "$(path_figure loss_ratio)"
lab_exec hosta tc qdisc del dev eth0 root

lab_ping hosta c1 "$address2" 64 1400 10000
lab_ping hostb c2 "$(lab_container_address hosta c1)" 64 1400 10000
fastpath_proof hosta c1 hostb c2
fastpath_transfer hosta c1 hostb c2
fastpath_broadcasts hosta:c1 hostb:c2
fastpath_flows hosta hostb

# A user looks at the datapath while traffic runs. Its tool asks the kernel for upcalls by another way.
dpctl() { lab_exec hosta ovs-dpctl "$@" || lab_fail "ovs-dpctl $* failed"; }
lab_pinger_start traffic hosta c1 "$address2" 0.02
lab_pinger_more traffic 10
lab_match 'ovs-dpctl dump-dps' '^system@datapath$' "$(dpctl dump-dps)"
show=$(dpctl show)
for port in vethwe-datapath vethwe-user vxlan-6784; do lab_match 'ovs-dpctl show' "port [0-9]+: $port" "$show"; done
flows=$(dpctl dump-flows)
lab_match 'ovs-dpctl dump-flows' 'in_port\([0-9]+\).*packets:[0-9]+, bytes:[0-9]+, used:.*actions:.*set\(tunnel\(tun_id=0x[0-9a-f]+,src=192\.0\.2\.1,dst=192\.0\.2\.2,' "$flows"
lab_say "ovs-dpctl dump-flows: $(wc -l <<<"$flows") flows, such as: $(grep -m 1 'set(tunnel' <<<"$flows")"
for _ in 1 2 3 4 5; do
  dpctl show >/dev/null
  dpctl dump-flows -m >/dev/null
  dpctl dump-dps >/dev/null
done
lab_pinger_more traffic 50
lab_pinger_stop traffic
lab_say "pings meanwhile: $(lab_pinger_lost traffic) of $(lab_pinger_sent traffic) lost, $(lab_pinger_duplicates traffic) twice"
lab_at_most 'silence while ovs-dpctl ran' 500 "$(lab_pinger_silence traffic 0)"
lab_equal 'pings answered twice' 0 "$(lab_pinger_duplicates traffic)"

# What was not known before can only be learned by upcalls.
lab_weave_containers c3:hostb c4:hosta
lab_ping hosta c1 "$(lab_container_address hostb c3)" 64
lab_ping hosta c4 "$(lab_container_address hostb c3)" 64
lab_ping hostb c2 "$(lab_container_address hosta c4)" 64
lost=$(dpctl show | sed -nE 's/.*lookups:.*lost:([0-9]+).*/\1/p')
lab_say "upcalls lost by the kernel so far: $lost"
fastpath_stays fastdp hosta hostb 2
