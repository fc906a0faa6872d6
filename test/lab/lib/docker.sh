# shellcheck shell=bash
# Real Docker engines and the containers in them.

# lab_dockerd_start HOST...: one engine a host, started in parallel; returns when all serve.
lab_dockerd_start() {
  local host start
  start=$(lab_now_ms)
  for host in "$@"; do lab_dockerd_spawn "$host"; done
  for host in "$@"; do lab_dockerd_wait "$host"; done
  lab_say "engines on $* up in $(lab_since "$start") s"
}

lab_dockerd_spawn() {
  local driver=vfs
  if grep -qw overlay /proc/filesystems; then driver=overlay2; fi
  lab_spawn "$1" dockerd dockerd --iptables="$LAB_DOCKER_IPTABLES" --ip6tables=false --storage-driver="$driver" \
    --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent="/weavelab-$LAB_ID-$1" --shutdown-timeout=5
}

lab_dockerd_wait() {
  lab_within 30 lab_dockerd_settled "$1" || true
  lab_dockerd_serves "$1" || lab_fail "the engine on $1 does not serve: $(tail -n 1 "$LAB_DIR/logs/$1-dockerd.log" | cut -c 1-200)"
}

lab_dockerd_serves() { grep -q 'API listen on' "$LAB_DIR/logs/$1-dockerd.log"; }
lab_dockerd_settled() { lab_dockerd_serves "$1" || ! lab_alive "$1" dockerd; }

# lab_image_load HOST...: image busybox:lab, in parallel.
lab_image_load() {
  local host pid pids=()
  for host in "$@"; do
    lab_docker "$host" import --change 'CMD ["sh"]' - busybox:lab <"$LAB_RUN_DIR/image.tar" >/dev/null &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do wait "$pid"; done
}

lab_docker() { # HOST ARGUMENT...
  local host=$1
  shift
  lab_exec "$host" docker "$@"
}

# lab_container_start HOST NAME [DOCKER-RUN-OPTION...]: a container that does nothing until it is killed.
lab_container_start() {
  local host=$1 name=$2
  shift 2
  lab_docker "$host" run -d --name "$name" --hostname "$name" --stop-signal KILL "$@" busybox:lab sleep 86400 >/dev/null
}

# lab_container_address HOST NAME [NETWORK]: its address as the engine knows it.
lab_container_address() {
  lab_docker "$1" inspect -f "{{(index .NetworkSettings.Networks \"${3:-weave}\").IPAddress}}" "$2"
}

lab_container_pid() { lab_docker "$1" inspect -f '{{.State.Pid}}' "$2"; } # HOST NAME

# lab_container_net HOST NAME COMMAND...: a command of this machine in the container's network namespace.
lab_container_net() {
  local host=$1 pid
  pid=$(lab_container_pid "$1" "$2")
  shift 2
  lab_exec "$host" nsenter --target "$pid" --net "$@"
}

# lab_ping HOST CONTAINER ADDRESS SIZE...: for each payload size, waits up to 5 s for a first answer, then wants 3 of 3. Prints round trips.
lab_ping() {
  local host=$1 container=$2 address=$3 out size line
  shift 3
  # shellcheck disable=SC2016
  out=$(lab_docker "$host" exec "$container" sh -c '
    address=$1 tries=$2; shift 2
    for size; do
      n=0
      until ping -q -c 1 -W 1 -w 1 -s "$size" "$address" >/dev/null; do
        n=$((n + 1)); [ $n -lt "$tries" ] || { echo "$size no answer"; exit 1; }
      done
      echo "size $size $n $(ping -q -c 3 -i 0.2 -W 2 -w 5 -s "$size" "$address" | grep -E "loss|round-trip")"
    done' ping "$address" $((5 * LAB_TIME_SCALE)) "$@") || lab_fail "$container on $host cannot ping $address: ${out##*$'\n'}"
  for size in "$@"; do
    line=$(grep -A 1 "^size $size " <<<"$out" | tr '\n' ' ')
    [[ $line == *' 0% packet loss'* ]] || lab_fail "ping of $size bytes from $container on $host to $address: $line"
    lab_say "ping $container ($host) -> $address, $size bytes: $(sed -E 's/.*= *([0-9.]+)\/([0-9.]+)\/([0-9.]+) ms.*/min \1 avg \2 max \3 ms/' <<<"$line")$(
      sed -nE "s/^size $size ([1-9][0-9]*) .*/ (first answer after \1 lost)/p" <<<"$line")"
  done
}
