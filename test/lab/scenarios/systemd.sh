# shellcheck shell=bash
# lab: systemd as init: launch, wrong options, kill -9, reboot, stop, reset; Docker's and weave's units as they are installed
# needs: weave docker ss ping python3 systemctl journalctl
# limit: 150

[[ -x /lib/systemd/systemd ]] || lab_skip 'needs systemd as a program (package systemd)'
[[ -z ${LAB_INSIDE_UML:-} ]] || lab_skip "two and a half minutes there, and nothing of it is the kernel's; runs on this machine's"
[[ $(stat -fc %T /sys/fs/cgroup) == cgroup2fs || -d /sys/fs/cgroup/unified ]] || lab_skip 'needs control groups of version 2'
lab_systemd_host_create hosta 192.0.2.1
lab_host_create hostb 192.0.2.2
trap 'lab_systemd_journal hosta' EXIT

daemon() { lab_unit hosta weave.service MainPID; }
replaced() { local now; now=$(daemon) && ((now != 0 && now != $1)); }
nothing_runs() { [[ -z $(lab_weave_running hosta) ]]; }
reboot() {
  lab_host_power_off hosta
  lab_host_power_on hosta
  lab_systemd_wait hosta
}
wants() { # ENABLED ACTIVE: what both units are, and what a reboot will do with them
  local unit
  for unit in weave.service weave-plugin.socket; do
    lab_equal "is-enabled $unit" "$1" "$(lab_enabled hosta "$unit")"
    lab_wait 5 "$unit is $2" lab_unit_is hosta "$unit" ActiveState "$2"
  done
}
running_container() { [[ $(lab_docker hosta inspect -f '{{.State.Running}}' "$1") == true ]]; }

# A launch that fails says why in the daemon's words, and leaves nothing to fail again at the next boot.
wants disabled inactive
lab_capture hosta weave launch --bogus
lab_equal 'exit of weave launch --bogus' 1 "$LAB_STATUS"
lab_match 'stderr of weave launch --bogus' '^weave did not start' "$LAB_STDERR"
lab_match 'stderr of weave launch --bogus' '^ +.*--bogus' "$LAB_STDERR"
wants disabled inactive
lab_spawn hosta squatter python3 -c '
import socket, time
s = socket.socket(); s.bind(("0.0.0.0", 6783)); s.listen(); time.sleep(600)'
lab_wait 5 'the squatter listens' lab_weave_pid hosta
lab_capture hosta weave launch
lab_equal 'exit of weave launch with its port in use' 1 "$LAB_STATUS"
lab_match 'stderr of weave launch with its port in use' '6783.*(in use)|(in use).*6783' "$LAB_STDERR"
lab_absent 'stderr of weave launch with its port in use' 'bogus' "$LAB_STDERR"
lab_end hosta squatter KILL
wants disabled inactive
lab_wait 3 'nothing runs after failed launches' nothing_runs

# One that works: a unit that is ready, to be started at every boot.
lab_dockerd_start hostb
lab_weave_launch hostb
lab_weave_launch hosta 192.0.2.2
wants enabled active
lab_equal 'state of the service' running "$(lab_unit hosta weave.service SubState)"
lab_equal 'restarts of the service' 0 "$(lab_unit hosta weave.service NRestarts)"
lab_exec hosta systemctl --no-pager status weave >/dev/null
lab_match 'the journal' ' Started ' "$(lab_exec hosta journalctl --no-pager --unit=weave)"
lab_weave_connected 1 hosta hostb
lab_match 'weave status' '^ +Connections: 1 \(1 established\)$' "$(lab_weave hosta status)"
lab_capture hosta weave launch
lab_equal 'exit of a second launch' 3 "$LAB_STATUS"

# An engine that starts later.
start=$(lab_now_ms)
lab_exec hosta systemctl enable --quiet --now docker.service docker.socket containerd.service
lab_say "docker.service up in $(lab_since "$start") s"
lab_image_load hosta hostb
lab_wait 10 'the network weave is made once Docker is there' lab_docker hosta network inspect weave
lab_container_start hosta c1 --net=weave --restart=always
lab_weave_containers c2:hostb
address2=$(lab_container_address hostb c2)
lab_ping hosta c1 "$address2" 64 1400
lab_match 'firewall rules made with the capabilities of the unit' ' weave ' "$(lab_exec hosta iptables-save)"

lab_docker hosta run -d --name shared --net=container:c1 --stop-signal KILL busybox:lab sleep 86400 >/dev/null
lab_equal 'attach with the capabilities of the unit' 10.77.1.1 "$(lab_weave hosta attach 10.77.1.1/24 --rewrite-hosts c1)"
lab_equal 'hosts file' 10.77.1.1 "$(lab_docker hosta exec c1 hostname -i)"
lab_equal 'detach through a container that shares the network' 10.77.1.1 "$(lab_weave hosta detach 10.77.1.1/24 shared)"
lab_equal 'interfaces left' 1 "$(lab_weave hosta ps c1 | grep -c .)"
lab_docker hosta rm -f shared >/dev/null

# kill -9, more often than systemd puts up with by default.
name=$(lab_weave_name hosta)
ipam=$(lab_weave_ipam hosta)
for ((kills = 0; kills < 6; kills++)); do
  pid=$(daemon)
  lab_exec hosta kill -KILL "$pid"
  lab_wait 10 "a new daemon after kill $((kills + 1))" replaced "$pid"
  lab_wait 10 'it is ready' lab_unit_is hosta weave.service SubState running
done
lab_match 'how long systemd waits for a sign of life' '^WatchdogUSec=10s$' "$(lab_exec hosta systemctl show -p WatchdogUSec weave.service)"
pid=$(daemon)
lab_exec hosta kill -STOP "$pid"
lab_wait 20 'a new daemon in the place of a frozen one' replaced "$pid"
lab_wait 10 'it is ready' lab_unit_is hosta weave.service SubState running
lab_weave_connected 1 hosta hostb
lab_equal 'peer name after kill -9' "$name" "$(lab_weave_name hosta)"
lab_equal 'status ipam after kill -9' "$ipam" "$(lab_weave_ipam hosta)"
lab_ping hosta c1 "$address2" 64

# The plug is pulled: weave is back with its peers, and so is the container that Docker restarts.
reboot
wants enabled active
lab_weave_connected 1 hosta hostb
lab_equal 'peer name after the reboot' "$name" "$(lab_weave_name hosta)"
lab_wait 20 'the container is back after the reboot' running_container c1
lab_ping hosta c1 "$address2" 64
lab_weave_containers c3:hosta
[[ " $(lab_container_address hosta c1) $address2 " != *" $(lab_container_address hosta c3) "* ]] || lab_fail 'c3 was given an address in use'

# The same after an orderly shutdown, during which Docker still finds the plugin.
start=$(lab_now_ms)
lab_systemd_shutdown hosta
lab_say "services shut down in $(lab_since "$start") s"
lab_at_most 'shutdown' 15000 $(($(lab_now_ms) - start))
lab_absent 'journal of the shutdown' ' ERRO: |to connect to plugin|Force shutdown' "$(lab_exec hosta journalctl --no-pager --since="@$((start / 1000))" --unit=docker.service --unit=weave.service)"
reboot
lab_weave_connected 1 hosta hostb
lab_wait 20 'the container is back after the shutdown' running_container c1
lab_ping hosta c1 "$address2" 64

# Stopped is stopped: now, for an engine that restarts, and after a reboot.
lab_docker hosta rm -f c1 c3 >/dev/null
lab_capture hosta weave stop
lab_equal "exit of weave stop (stderr: $LAB_STDERR)" 0 "$LAB_STATUS"
wants disabled inactive
lab_weave_stopped hosta
start=$(lab_now_ms)
lab_exec hosta systemctl restart docker.service
lab_capture hosta docker run --rm --net=weave busybox:lab true
[[ $LAB_STATUS != 0 ]] || lab_fail 'docker run --net=weave worked after weave stop'
lab_at_most 'restart of Docker and a refused container without weave' 10000 $(($(lab_now_ms) - start))
lab_weave_stopped hosta
reboot
wants disabled inactive
lab_weave_stopped hosta

# Launched again; with --no-restart a dead daemon stays dead, until the next launch.
lab_weave_launch hosta --no-restart 192.0.2.2
wants enabled active
lab_weave_connected 1 hosta hostb
lab_equal 'peer name after stop and launch' "$name" "$(lab_weave_name hosta)"
lab_exec hosta kill -KILL "$(daemon)"
lab_wait 5 'the daemon launched with --no-restart stays dead' lab_unit_is hosta weave.service ActiveState failed
lab_weave_launch hosta 192.0.2.2
lab_equal 'Restart= after a launch without --no-restart' always "$(lab_unit hosta weave.service Restart)"
lab_weave_connected 1 hosta hostb
lab_weave_containers c4:hosta
lab_ping hosta c4 "$address2" 64
lab_docker hosta rm -f c4 >/dev/null

# The unit that Weave Net's documents showed hides ours, which launch says.
lab_weave hosta stop
lab_exec hosta sh -c 'printf "[Service]\nExecStartPre=/usr/local/bin/weave launch --no-restart\nExecStart=/usr/bin/docker attach weave\nExecStop=/usr/local/bin/weave stop\n" >/etc/systemd/system/weave.service
  systemctl daemon-reload'
lab_capture hosta weave launch 192.0.2.2
lab_equal "exit of weave launch with another weave.service ($LAB_STDERR)" 0 "$LAB_STATUS"
lab_match 'what it says' "^WARNING: /etc/systemd/system/weave\.service is not weave's own unit.* Next: 'systemctl disable weave; rm " "$LAB_STDERR"
lab_weave hosta stop
lab_exec hosta sh -c 'rm /etc/systemd/system/weave.service; systemctl daemon-reload'

# Also with --no-restart, stop and reset leave nothing, in systemd neither.
lab_weave_launch hosta --no-restart 192.0.2.2
lab_capture hosta weave reset
lab_equal "exit of weave reset (stderr: $LAB_STDERR)" 0 "$LAB_STATUS"
wants disabled inactive
lab_equal 'what weave reset left' '' "$(lab_weave_remains hosta | tr '\n' ' ')"
lab_equal 'what weave reset left in systemd' '' "$(lab_exec hosta find /etc/systemd /run/systemd/system /run/systemd/transient -name 'weave*' 2>/dev/null | tr '\n' ' ')"
lab_equal 'failed units' '' "$(lab_exec hosta systemctl --failed --plain --no-legend)"

# Without launch: the peers come from /etc/default/weave.
lab_exec hosta sh -c 'echo PEERS=192.0.2.2 >/etc/default/weave'
lab_exec hosta systemctl enable --quiet --now weave-plugin.socket weave.service
lab_weave_connected 1 hosta hostb
lab_equal 'status targets' 192.0.2.2 "$(lab_weave hosta status targets)"
lab_exec hosta systemctl restart weave.service
lab_weave_connected 1 hosta hostb
lab_weave hosta reset
wants disabled inactive
