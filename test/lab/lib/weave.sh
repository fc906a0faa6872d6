# shellcheck shell=bash
# What scenarios ask of a host's weave: launching, states, and what it may leave behind.

lab_weave() { # HOST ARGUMENT...
  local host=$1
  shift
  lab_exec "$host" weave "$@"
}

# lab_weave_launch HOST [ARGUMENT...]: must succeed.
lab_weave_launch() {
  local host=$1 start
  shift
  start=$(lab_now_ms)
  lab_capture "$host" weave launch "$@"
  ((LAB_STATUS == 0)) || lab_fail "weave launch $* on $host: exit $LAB_STATUS: $(tail -n 1 <<<"$LAB_STDERR")"
  lab_say "weave launch $*${*:+ }on $host: $(lab_since "$start") s"
}

# lab_weave_pair [LAUNCH-OPTION...]: hosta (192.0.2.1) and hostb (192.0.2.2), each with an engine and weave, connected.
lab_weave_pair() {
  lab_host_create hosta 192.0.2.1
  lab_host_create hostb 192.0.2.2
  lab_dockerd_start hosta hostb
  lab_image_load hosta hostb
  lab_weave_launch hosta "$@"
  lab_weave_launch hostb "$@" 192.0.2.1
  lab_weave_connected 1 hosta hostb
}

lab_weave_log() { printf '%s\n' "$LAB_DIR/hosts/$1/run/weave/weaver.log"; } # HOST

# lab_weave_pid HOST: the daemon is whoever listens for peers (a supervisor may have the same name). Status 1: nobody.
lab_weave_pid() {
  lab_exec "$1" ss -Hltnp 'sport = :6783' | sed -nE 's/.*pid=([0-9]+).*/\1/p' | sort -u | head -n 1 | grep .
}

# lab_weave_name HOST: peer name, as aa:bb:cc:dd:ee:ff.
lab_weave_name() { lab_weave "$1" status | sed -nE 's/^ *Name: ([0-9a-f:]{17})\(.*/\1/p'; }

lab_weave_has_connections() { # HOST COUNT
  (($(lab_weave "$1" status connections | grep -cE '^(->|<-) [^ ]+ +established ') >= $2))
}

# lab_weave_connected COUNT HOST...: each host has at least COUNT established connections.
lab_weave_connected() {
  local count=$1 host start
  shift
  start=$(lab_now_ms)
  for host in "$@"; do
    lab_wait 10 "$count established on $host" lab_weave_has_connections "$host" "$count"
  done
  lab_say "connections of $* established after $(lab_since "$start") s"
}

# lab_weave_ipam HOST: who owns how much, in an order that does not change.
lab_weave_ipam() { lab_weave "$1" status ipam | sed -E 's/ +$//' | sort; }

# lab_weave_containers NAME:HOST...: one container on the network weave each, started in parallel.
lab_weave_containers() {
  local pair pid pids=() start
  start=$(lab_now_ms)
  for pair in "$@"; do
    lab_container_start "${pair#*:}" "${pair%%:*}" --net=weave &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do wait "$pid" || lab_fail "docker run --net=weave failed for one of: $*"; done
  lab_say "docker run --net=weave for $*: $(lab_since "$start") s"
}

# lab_weave_running HOST: what of weave runs or holds a place there; empty when it is stopped.
lab_weave_running() {
  lab_exec "$1" sh -c '
    ps -eo stat=,pid=,comm= | grep -E "^[^Z].* (weaver?|plugin-stand-in)$"
    find /run/docker/plugins -name "weave*.sock" 2>/dev/null
    find /run/weave ! -type d 2>/dev/null | grep -vE "\.log(\.[0-9]+)?$"
    find /var/lib/weave \( -name "*.lock" -o -name "*.pid" \) 2>/dev/null
    ss -Hlntu "sport = :6783" | tr -s " "
    ss -Hlnt "sport = :6784 or sport = :6782" | tr -s " "
    true'
}

# lab_weave_remains HOST: every trace, for after a reset.
# shellcheck disable=SC2016
lab_weave_remains() {
  lab_weave_running "$1"
  lab_exec "$1" sh -c '
    find /var/lib/weave ! -type d 2>/dev/null
    ip -o link | cut -d: -f 2 | tr -d " " | grep -vE "^(lo|eth[0-9]+|docker0|docker_gwbridge|veth[0-9a-f]{7})(@.*)?$"
    for save in iptables-save iptables-legacy-save; do $save 2>/dev/null | grep -i weave; done
    nft list ruleset 2>/dev/null | grep -iE "^table .*weave"
    ip xfrm state 2>/dev/null | head -n 1
    true'
}

lab_weave_stopped() { # HOST
  local left
  left=$(lab_weave_running "$1")
  [[ -z $left ]] || lab_fail "weave stop left on $1: $(tr '\n' '|' <<<"$left")"
}
