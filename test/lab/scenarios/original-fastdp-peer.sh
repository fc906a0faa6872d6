# shellcheck shell=bash
# lab: a peer of the original mesh library with the original's fastdp timers: fastdp both ways, traffic both ways, fallback, recovery
# needs: weave go docker
# limit: 120

lab_original_build

lab_host_create hosta 192.0.2.1
lab_host_create orig 192.0.2.2
lab_dockerd_start hosta
lab_image_load hosta
lab_weave_launch hosta

mkfifo "$LAB_DIR/orig.in"
exec {original_input}<>"$LAB_DIR/orig.in"
# From the end of the range, where the ring gives out nothing before all else is gone.
readonly original_container=10.47.255.250
# shellcheck disable=SC2016
lab_spawn orig mesh sh -c 'input=$1; shift; exec "$@" <"$input"' sh "$LAB_DIR/orig.in" \
  "$LAB_DIR/mesh_peer" -name 7a:00:00:00:00:01 -nickname orig -fastdp "$original_container" 192.0.2.1
heard() { grep -qE -- "$1" "$LAB_DIR/logs/orig-mesh.log"; }

uses() { lab_weave hosta status connections | grep -q "established $1"; }
lab_wait 10 'fastdp as we see it' uses fastdp
lab_wait 10 'fastdp as the original sees it' heard '^fastdp .* established'
lab_match 'the line of the original' 'fastdp *7a:00:00:00:00:01\(orig\) mtu=1376' "$(lab_weave hosta status connections)"

lab_weave_containers c1:hosta
address=$(lab_container_address hosta c1)
reaches() { lab_docker hosta exec c1 ping -q -c 1 -W 1 "$original_container" >/dev/null; }
lab_wait 10 'our container reaches the one of the original' reaches
lab_ping hosta c1 "$original_container" 64 1348
pong() { printf 'ping %s\n' "$address" >&"$original_input"; heard "^pong $address"; }
lab_wait 10 'the container of the original reaches ours' pong

# Its heartbeats come every ten seconds: silence is known after two and a half of them.
lab_block_udp orig 6784
start=$(lab_now_ms)
lab_wait 40 'sleeve after VXLAN was blocked' uses sleeve
lab_say "on sleeve $(lab_since "$start") s after VXLAN was blocked"
lab_match 'why it is on sleeve' 'no vxlan heartbeat' "$(lab_weave hosta status connections --json)"
lab_unblock_udp orig 6784
start=$(lab_now_ms)
lab_wait 15 'fastdp after VXLAN was healed' uses fastdp
lab_say "back on fastdp $(lab_since "$start") s after it was healed"
lab_wait 10 'traffic again' reaches
