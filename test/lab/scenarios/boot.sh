# shellcheck shell=bash
# lab: reboots without systemd: the init script starts weave before Docker, launch and stop turn it on and off, a late launch helps
# needs: weave docker
# kernel: host
# limit: 120

lab_host_create hosta 192.0.2.1
weave=$(lab_exec hosta sh -c 'command -v weave')
sed "s#/usr/bin/weave#$weave#; s#^PATH=.*#PATH=$(dirname "$weave"):/usr/sbin:/usr/bin:/sbin:/bin#" "$LAB_RUN_DIR/debian/weave.init" |
  lab_exec hosta sh -c 'cat >/etc/init.d/weave && chmod 755 /etc/init.d/weave && update-rc.d weave defaults-disabled'
at_boot() { lab_exec hosta sh -c 'ls /etc/rc2.d' | grep -q '^S..weave$'; }
! at_boot || lab_fail 'the script runs at boot before weave was launched'
# Before the first launch peers are those of the settings, in either of their places.
lab_exec hosta sh -c 'mkdir -p /etc/sysconfig; echo PEERS=192.0.2.9 >/etc/sysconfig/weave; /etc/init.d/weave start'
lab_equal 'targets before the first launch' 192.0.2.9 "$(lab_weave hosta status targets)"
lab_weave hosta stop
lab_dockerd_start hosta
lab_image_load hosta
lab_weave_launch hosta --password secret
at_boot || lab_fail 'launch does not run the script at boot'
lab_container_start hosta always1 --net=weave --restart=always
lab_container_start hosta always2 --net=weave --restart=always
lab_container_start hosta c1 --net=weave

running() { [[ $(lab_docker hosta inspect -f '{{.State.Running}}' "$1") == true ]]; }
attached() { running "$1" && lab_container_net hosta "$1" ip -o -4 address show dev ethwe0 | grep -q 'inet 10\.'; }
reboot() {
  lab_host_power_off hosta
  lab_host_power_on hosta
}
script() { lab_exec hosta /etc/init.d/weave "$1"; }

reboot
start=$(lab_now_ms)
script start >/dev/null
took=$(($(lab_now_ms) - start))
lab_say "the script took $took ms"
lab_at_most 'start of the script' 4000 "$took"
lab_match 'what it started' 'encryption: on|Encryption: enabled' "$(lab_weave hosta status)"
start=$(lab_now_ms)
lab_dockerd_start hosta
for name in always1 always2; do lab_wait 10 "$name is back after the reboot" attached "$name"; done
took=$(($(lab_now_ms) - start))
lab_say "engine and containers back in $took ms"
lab_at_most 'engine and containers back' 12000 "$took"

killed=$(lab_weave_pid hosta)
script status >/dev/null
script restart >/dev/null
replaced() { local now; now=$(lab_weave_pid hosta) && [[ $now != "$killed" ]]; }
lab_wait 10 'the script restarts the daemon' replaced
attached always1 || lab_fail 'a restart of weave took the interface of a container'
script stop >/dev/null
lab_weave_stopped hosta
! script status >/dev/null || lab_fail 'status of the stopped script is 0'
script start >/dev/null

# Nothing of weave at boot, and networks and endpoints in Docker's store: left alone, Docker waits for more than a minute (62 to
# 76 s measured with one network and two containers) and does not start the containers. A launch in the meantime saves both.
lab_capture hosta weave stop
! at_boot || lab_fail 'stop leaves the script for the next boot'
reboot
start=$(lab_now_ms)
lab_dockerd_spawn hosta
lab_wait 10 'Docker misses the plugin' grep -q 'Unable to locate plugin' "$LAB_DIR/logs/hosta-dockerd.log"
lab_weave_launch hosta --password secret
lab_dockerd_wait hosta
for name in always1 always2; do lab_wait 10 "$name is back after the launch" attached "$name"; done
took=$(($(lab_now_ms) - start))
lab_say "engine and containers back in $took ms, weave launched late"
lab_at_most 'engine and containers back, weave launched late' 25000 "$took"
