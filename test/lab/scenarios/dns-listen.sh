# shellcheck shell=bash
# lab: where DNS listens: before Docker is there, with its port taken, when Docker's bridge changes its address, at an address of choice, refused options
# needs: weave docker dig dnsmasq ss
# kernel: host
# limit: 120

lab_host_create hosta 192.0.2.1

# Options that cannot be.
refused() { # PATTERN OPTION...
  lab_capture hosta weave launch "${@:2}"
  lab_match "exit of weave launch ${*:2}" '^(1|125)$' "$LAB_STATUS"
  lab_match "stderr of weave launch ${*:2}" "$1" "$LAB_STDERR"
  lab_weave_stopped hosta
}
refused 'invalid domain name weave\.\.local: empty label' --dns-domain weave..local
refused 'a domain name such as weave\.local is expected' --dns-domain 'we ave'
refused 'an address and a port such as' --dns-listen-address docker0
refused '192\.0\.2\.77:53: Cannot assign requested address.*--dns-listen-address' --dns-listen-address 192.0.2.77:53

# Without Docker there is nobody to ask: that is told, and no reason to wait.
lab_weave_launch hosta
lab_match 'status before Docker' 'Obstacle: DNS does not answer: .*docker0.*Docker makes this bridge when it starts.*--dns-listen-address' "$(lab_weave hosta status)"
lab_weave hosta dns-add 10.32.0.9 -h early.weave.local
lab_capture hosta weave dns-args
lab_match 'dns-args before Docker' '^1 .*DNS does not answer yet' "$LAB_STATUS $LAB_STDERR"
lab_dockerd_start hosta
lab_wait 5 'DNS answers when Docker is there' lab_knows hosta early.weave.local 10.32.0.9
lab_absent 'status when Docker is there' 'Obstacle|Not ready' "$(lab_weave hosta status)"

# Docker's bridge with another address, as after a change of Docker's settings.
lab_exec hosta ip address add 172.19.0.1/16 dev docker0
lab_exec hosta ip address delete 172.17.0.1/16 dev docker0
lab_wait 8 'dns-args follow the bridge' eval "lab_weave hosta dns-args | grep -qF -- '--dns=172.19.0.1 '"
lab_equal 'DNS at the new address' 10.32.0.9 "$(lab_weave hosta dns-lookup early)"
lab_exec hosta ip address add 172.17.0.1/16 dev docker0
lab_exec hosta ip address delete 172.19.0.1/16 dev docker0

# Somebody else has the port: launch waits and says why, status says so too; all is well when the port is free.
lab_weave hosta stop >/dev/null 2>&1
lab_spawn hosta squatter dnsmasq --keep-in-foreground --conf-file=/dev/null --no-resolv --no-hosts --user=root --pid-file= \
  --listen-address=172.17.0.1 --bind-interfaces
lab_wait 5 'the squatter listens' eval "lab_exec hosta ss -Hlnu 'sport = :53' | grep -q ."
lab_spawn hosta launch weave launch
lab_wait 5 'the daemon runs' lab_weave_pid hosta
why='DNS does not answer: listen udp 172\.17\.0\.1:53: Address already in use: free that address, .*--dns-listen-address.*--no-dns'
lab_wait 5 'launch says what it waits for' grep -qE "^Waiting for weave: $why" "$LAB_DIR/logs/hosta-launch.log"
lab_capture hosta weave status
lab_match 'status with the port taken' "^1 .*Not ready: $why" "$LAB_STATUS $(tr '\n' ' ' <<<"$LAB_STDERR")"
lab_end hosta squatter
lab_wait 5 'DNS answers when its port is free' lab_knows hosta early.weave.local 10.32.0.9
lab_wait 5 'launch ends' eval '! lab_alive hosta launch'
lab_absent 'status when the port is free' 'Obstacle|Not ready' "$(lab_weave hosta status)"
lab_weave hosta stop >/dev/null 2>&1

# An address of choice: its own port, and taken.
lab_weave_launch hosta --dns-listen-address 127.0.0.1:5353
lab_match 'dns-args with an address of choice' '^--dns=127\.0\.0\.1 ' "$(lab_weave hosta dns-args)"
lab_equal 'asked at an address of choice' 10.32.0.9 "$(lab_exec hosta dig @127.0.0.1 -p 5353 +short early.weave.local)"
lab_equal 'who listens' 127.0.0.1:5353 "$(lab_exec hosta ss -Hlntu 'sport = :53 or sport = :5353' | awk '{print $5}' | sort -u)"
lab_weave hosta stop >/dev/null 2>&1
lab_spawn hosta squatter dnsmasq --keep-in-foreground --conf-file=/dev/null --no-resolv --no-hosts --user=root --pid-file= \
  --listen-address=192.0.2.1 --bind-interfaces
lab_wait 5 'the squatter listens' eval "lab_exec hosta ss -Hlnu 'sport = :53' | grep -q ."
refused '192\.0\.2\.1:53: Address already in use.*--dns-listen-address' --dns-listen-address 192.0.2.1:53
