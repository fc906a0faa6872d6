# shellcheck shell=bash
# lab: the package's scripts on a running host: an upgrade under traffic, a removal and a purge with containers attached
# needs: weave docker ss ping systemctl deb-systemd-invoke
# kernel: host
# limit: 120

[[ -x /lib/systemd/systemd ]] || lab_skip 'needs systemd as a program (package systemd)'
[[ $(stat -fc %T /sys/fs/cgroup) == cgroup2fs || -d /sys/fs/cgroup/unified ]] || lab_skip 'needs control groups of version 2'
lab_systemd_host_create hosta 192.0.2.1
lab_host_create hostb 192.0.2.2
trap 'lab_systemd_journal hosta' EXIT
lab_dockerd_start hostb
lab_weave_launch hostb
lab_weave_launch hosta 192.0.2.2
lab_exec hosta systemctl enable --quiet --now docker.service docker.socket containerd.service
lab_image_load hosta hostb
lab_wait 10 'the network weave is made once Docker is there' lab_docker hosta network inspect weave
lab_weave_connected 1 hosta hostb
lab_weave_containers c1:hosta c2:hosta c3:hostb

# script NAME ARGUMENT...: as dpkg runs it. A machine of ours may forbid packages to start services.
script() {
  local name=$1
  shift
  lab_capture hosta sh -c "$(<"$LAB_RUN_DIR/debian/weave.$name")" "$name" "$@"
  lab_equal "exit of the script $name $* (stderr: $LAB_STDERR)" 0 "$LAB_STATUS"
}
lab_exec hosta sh -c '[ ! -e /usr/sbin/policy-rc.d ] || mount --bind /bin/true /usr/sbin/policy-rc.d'

# An upgrade: new programs, the service is restarted, and nothing is noticed of it.
daemon() { lab_unit hosta weave.service MainPID; }
replaced() { local now; now=$(daemon) && ((now != 0 && now != $1)); }
address=$(lab_container_address hosta c1)
lab_pinger_start pinger hosta c1 "$(lab_container_address hostb c3)"
lab_pinger_more pinger 5
former=$(daemon)
# shellcheck disable=SC2016
lab_exec hosta sh -c 'for program in weave weaver; do cp /usr/local/bin/$program /usr/local/bin/$program.new; mv /usr/local/bin/$program.new /usr/local/bin/$program; done'
start=$(lab_now_ms)
script postinst configure 2.9
replaced "$former" || lab_fail 'the upgrade did not restart the daemon'
lab_wait 10 'it is ready' lab_unit_is hosta weave.service SubState running
lab_say "upgraded in $(lab_since "$start") s"
lab_wait 10 'the service is connected again' lab_weave_has_connections hosta 1
lab_pinger_more pinger 10
silence=$(lab_pinger_silence pinger "$start")
lab_say "longest silence between hosts during the upgrade: $silence ms"
lab_at_most 'silence during the upgrade' 2000 "$silence"
lab_equal 'address after the upgrade' "$address" "$(lab_container_net hosta c1 ip -o -4 address show dev ethwe0 | sed -nE 's#.* inet ([0-9.]+)/.*#\1#p')"
for socket in weave weavemesh; do
  lab_match "$socket.sock after the upgrade" '"NetworkDriver"' \
    "$(lab_exec hosta curl -s --max-time 5 -X POST --unix-socket "/run/docker/plugins/$socket.sock" http://plugin/Plugin.Activate)"
done
lab_container_start hosta c4 --net=weave

# Removed and purged with containers attached: Docker does not wait, and nothing of weave runs when they are gone.
script prerm remove
lab_unit_is hosta weave.service ActiveState inactive || lab_fail 'the removal left the service running'
lab_exec hosta sh -c 'rm -f /usr/local/bin/weave* /usr/local/lib/systemd/system/weave*; systemctl daemon-reload'
script postrm remove
script postrm purge
lab_exec hosta test ! -e /var/lib/weave || lab_fail 'the purge left the state'
start=$(lab_now_ms)
lab_capture hosta docker rm -f c1 c2 c4
took=$(($(lab_now_ms) - start))
lab_equal "exit of docker rm -f after the purge (stderr: $LAB_STDERR)" 0 "$LAB_STATUS"
lab_say "docker rm -f of three containers after the purge: $took ms"
lab_at_most 'docker rm -f after the purge' 8000 "$took"
lab_docker hosta network rm weave >/dev/null
nothing_runs() { [[ -z $(lab_weave_running hosta) ]]; }
lab_wait 10 'nothing of weave runs' nothing_runs
