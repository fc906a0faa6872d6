# shellcheck shell=bash
# Hosts and the networks between them. A host has its own network, mounts (/run, /etc, /var/lib, /sys), host name, processes
# and machine id. $LAB_DIR/hosts/NAME holds it: run/ and var-lib/ are its directories, init is its first process' id.

readonly lab_host_namespaces=(--mount --net --uts --ipc --pid)

# lab_underlay NAME: an Ethernet switch in the scenario's own network namespace. NAME has at most 12 characters.
lab_underlay() {
  ip link add "$1" type bridge mcast_snooping 0
  echo 1 >"/proc/sys/net/ipv6/conf/$1/disable_ipv6"
  ip link set "$1" up
}

# lab_host_create NAME ADDRESS [UNDERLAY]: a running host with eth0 = ADDRESS/24 on the underlay (default: net0, made when missing).
lab_host_create() {
  local name=$1 address=$2 underlay=${3:-net0} dir=$LAB_DIR/hosts/$1
  mkdir -p "$dir"/{run,var-lib,etc-upper,etc-work,cgroup}
  : >"$dir/links"
  ip link show dev "$underlay" >/dev/null 2>&1 || lab_underlay "$underlay"
  lab_host_boot "$name"
  lab_attach "$name" "$underlay" "$address"
}

# lab_attach HOST UNDERLAY [ADDRESS]: the host's next interface (eth0, eth1, …); without an address it is only set up.
lab_attach() {
  local host=$1 underlay=$2 address=${3:-} dir=$LAB_DIR/hosts/$1 number
  number=$(wc -l <"$dir/links")
  printf '%s %s\n' "$underlay" "$address" >>"$dir/links"
  lab_plug "$host" "$number" "$underlay" "$address"
}

lab_plug() { # HOST NUMBER UNDERLAY [ADDRESS]
  local port=$1-$2 dir=$LAB_DIR/hosts/$1 mac
  # The same card in the same slot after a reboot, or the neighbours would talk to the old one for a while.
  mac=$(md5sum <<<"$port" | sed -E 's/^(..)(..)(..)(..)(..).*/02:\1:\2:\3:\4:\5/')
  ip link add "$port" type veth peer name "eth$2" address "$mac" netns "$dir/net"
  ip link set "$port" master "$3"
  echo 1 >"/proc/sys/net/ipv6/conf/$port/disable_ipv6"
  ip link set "$port" up
  if [[ -n ${4:-} ]]; then lab_exec "$1" ip address add "$4/24" dev "eth$2"; fi
  lab_exec "$1" ip link set "eth$2" up
}

# lab_host_boot HOST: starts its first process, with an empty /run and the /etc and /var/lib it had before.
lab_host_boot() {
  local name=$1 dir=$LAB_DIR/hosts/$1 outer
  find "$dir/run" -mindepth 1 -delete
  rm -f -- "$dir/ready"
  : >"$dir/net"
  unshare --net="$dir/net" true
  nsenter --net="$dir/net" unshare --mount --uts --ipc --pid --fork --kill-child --mount-proc --propagation private \
    bash "$LAB_ROOT/lib/host_init.sh" "$name" "$dir" >"$LAB_DIR/logs/$name-init.log" 2>&1 </dev/null &
  outer=$!
  lab_wait 10 "host $name starts" test -e "$dir/ready"
  pgrep -P "$outer" >"$dir/init"
}

# lab_host_power_off HOST: everything in it ends at once, as when the plug is pulled. Its disks stay.
lab_host_power_off() {
  local dir=$LAB_DIR/hosts/$1 pid number=0
  pid=$(<"$dir/init")
  kill -KILL "$pid"
  lab_wait 10 "host $1 goes down" eval "! kill -0 $pid"
  while [[ -n $(ip -o link show dev "$1-$number" 2>/dev/null) ]]; do
    ip link delete "$1-$number"
    number=$((number + 1))
  done
  umount "$dir/net"
}

# lab_host_power_on HOST: boots it again with the interfaces it had.
lab_host_power_on() {
  local number=0 underlay address
  lab_host_boot "$1"
  while read -r underlay address; do
    lab_plug "$1" "$number" "$underlay" "$address"
    number=$((number + 1))
  done <"$LAB_DIR/hosts/$1/links"
}

# lab_exec HOST COMMAND...: runs a command in the host, in directory /, and returns its status.
lab_exec() {
  local pid
  pid=$(<"$LAB_DIR/hosts/$1/init")
  shift
  nsenter --target "$pid" "${lab_host_namespaces[@]}" "$@"
}

# lab_spawn HOST NAME COMMAND...: a background process of the host; its output is logs/HOST-NAME.log, its id (in the host) HOST/NAME.pid.
lab_spawn() {
  local host=$1 name=$2 pid_file=$LAB_DIR/hosts/$1/$2.pid init
  shift 2
  rm -f -- "$pid_file"
  init=$(<"$LAB_DIR/hosts/$host/init")
  # shellcheck disable=SC2016
  (exec nsenter --target "$init" "${lab_host_namespaces[@]}" \
    sh -c 'echo $$ >"$0.new"; mv "$0.new" "$0"; exec "$@"' "$pid_file" "$@") \
    >"$LAB_DIR/logs/$host-$name.log" 2>&1 </dev/null &
  lab_wait 10 "$name on $host starts" test -s "$pid_file"
}

# lab_end HOST NAME [SIGNAL]: ends a spawned process and waits for it.
lab_end() {
  local pid
  pid=$(<"$LAB_DIR/hosts/$1/$2.pid")
  lab_exec "$1" kill "-${3:-TERM}" "$pid" 2>/dev/null || true
  lab_wait 10 "$2 on $1 ends" eval "! lab_exec $1 kill -0 $pid"
}

lab_alive() { # HOST NAME
  lab_exec "$1" kill -0 "$(<"$LAB_DIR/hosts/$1/$2.pid")"
}

# lab_capture HOST COMMAND...: runs it and fills LAB_STATUS, LAB_STDOUT and LAB_STDERR.
# shellcheck disable=SC2034
lab_capture() {
  LAB_STATUS=0
  # Through files: a daemon that keeps its starter's output open must not hold us up.
  lab_exec "$@" >"$LAB_DIR/stdout" 2>"$LAB_DIR/stderr" </dev/null || LAB_STATUS=$?
  LAB_STDOUT=$(<"$LAB_DIR/stdout")
  LAB_STDERR=$(<"$LAB_DIR/stderr")
}
