# shellcheck shell=bash
# Things that go wrong.

lab_link_down() { lab_exec "$1" ip link set "${2:-eth0}" down; } # HOST [INTERFACE]
lab_link_up() { lab_exec "$1" ip link set "${2:-eth0}" up; }

# lab_unplug HOST [NUMBER] / lab_plug_in: the switch's side of the cable; the host sees its carrier go.
lab_unplug() { ip link set "$1-${2:-0}" down; }
lab_plug_in() { ip link set "$1-${2:-0}" up; }

# lab_block_udp HOST PORT [in|out]: the host neither sends to nor receives from anyone on this UDP port, silently; or only one of both.
lab_block_udp() {
  lab_exec "$1" nft -f - 2>/dev/null <<RULES || lab_block_udp_legacy "$1" "$2" -I "${3:-}"
table inet lab_fault_$2 {
  $([[ ${3:-} == out ]] || echo "chain in { type filter hook input priority -300; udp dport $2 drop; }")
  $([[ ${3:-} == in ]] || echo "chain out { type filter hook output priority -300; udp dport $2 drop; }")
}
RULES
}

# lab_unblock_udp HOST PORT: whichever way it was blocked.
lab_unblock_udp() {
  lab_exec "$1" nft delete table inet "lab_fault_$2" 2>/dev/null || lab_block_udp_legacy "$1" "$2" -D
}

lab_block_udp_legacy() { # HOST PORT -I|-D [in|out]
  local rule=(-p udp --dport "$2" -j DROP)
  if [[ $3 == -D ]]; then
    lab_exec "$1" iptables-legacy -t raw -D PREROUTING "${rule[@]}" 2>/dev/null || true
    lab_exec "$1" iptables-legacy -t raw -D OUTPUT "${rule[@]}" 2>/dev/null || true
    return
  fi
  [[ ${4:-} == out ]] || lab_exec "$1" iptables-legacy -t raw -I PREROUTING "${rule[@]}"
  [[ ${4:-} == in ]] || lab_exec "$1" iptables-legacy -t raw -I OUTPUT "${rule[@]}"
}

# lab_mtu HOST MTU [NUMBER]: both ends of the host's cable.
lab_mtu() {
  lab_exec "$1" ip link set "eth${3:-0}" mtu "$2"
  ip link set "$1-${3:-0}" mtu "$2"
}

# lab_black_hole_mtu HOST MTU [NUMBER]: only the switch's side, so longer frames vanish without a word in both directions;
# those that many are sent as at once only after lab_wire.
lab_black_hole_mtu() { ip link set "$1-${3:-0}" mtu "$2"; }

# lab_wire HOST [NUMBER]: from this interface each packet travels by itself, as on a wire. Between virtual ones many pass as one, which
# no switch finds too long.
lab_wire() { lab_exec "$1" ip link set "eth${2:-0}" gso_max_segs 1; }
