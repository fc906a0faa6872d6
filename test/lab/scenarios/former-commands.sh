# shellcheck shell=bash
# lab: commands of Weave Net 1.x: launch-router, stop-plugin and launch-plugin in a running daemon, what is gone and what to do instead
# needs: weave docker python3
# kernel: host
# limit: 90

lab_host_create hosta 192.0.2.1
lab_exec hosta sh -c 'echo "nameserver 192.0.2.53" >/etc/resolv.conf' # or launch warns
lab_dockerd_start hosta
lab_image_load hosta

gives() { # STATUS STDERR-PATTERN COMMAND...
  lab_capture hosta weave "${@:3}"
  lab_equal "weave ${*:3}: exit status ($LAB_STDERR)" "$1" "$LAB_STATUS"
  lab_equal "weave ${*:3}: stdout" '' "$LAB_STDOUT"
  [[ $LAB_STDERR =~ $2 ]] || lab_fail "weave ${*:3}: stderr is '$LAB_STDERR', not '$2'"
}
networks() { lab_docker hosta network ls --format '{{.Name}}' | grep -cx weave || true; }
plugin_sections() { lab_weave hosta status | grep -c 'Service: plugin' || true; }
off() {
  lab_equal "plugin sections in the status $1" 0 "$(plugin_sections)"
  lab_capture hosta docker run --rm --net=weave busybox:lab sleep 0
  lab_match "docker run --net=weave $1: stderr" "$2" "$LAB_STDERR"
}

# What is gone says what to do instead; with no daemon.
removed='^The .weave XX. command has been removed as of Weave Net version 2\.0
Please see release notes for further information
.*(docker run --net=weave|docker start|docker restart|weave launch)'
for command in run start restart launch-proxy launch-dns stop-dns; do gives 1 "${removed/XX/$command}" "$command"; done
gives 0 '^Weave is not running' stop-router
gives 0 '^Plugin is not running\.$' stop-plugin
gives 0 '^Proxy is not running\.$' stop-proxy
gives 7 '^weave is not running .*Have you launched it\?$' launch-plugin

# The plugin off and on again, with a container on its network meanwhile.
gives 0 '^$' launch-router
lab_docker hosta run -d --name stays --net=weave --stop-signal KILL busybox:lab sleep 86400 >/dev/null
address=$(lab_container_address hosta stays)
gives 0 "^WARNING: the following containers are still attached to network \"weave\":
  $(lab_docker hosta inspect -f '{{printf "%.12s" .Id}}' stays) 
They go on, " stop-plugin
refused="weave.s Docker plugin is off on this host; 'weave launch-plugin' switches it on"
off 'with the plugin off' "$refused"
gives 0 '^Plugin is not running\.$' stop-plugin
lab_container_net hosta stays ip -4 address show dev ethwe0 | grep -q " $address/" || lab_fail 'the attached container lost its address'
start=$(lab_now_ms)
lab_docker hosta rm -f stays >/dev/null
lab_at_most 'docker rm -f with the plugin off' 2000 "$(($(lab_now_ms) - start))"
gives 0 '^$' launch-plugin
lab_equal 'networks named weave' 1 "$(networks)"
lab_docker hosta run --rm --net=weave busybox:lab sleep 0
lab_equal 'plugin sections in the status' 1 "$(plugin_sections)"
gives 0 '^$' launch-plugin

# Off with nobody attached, over a crash of the daemon, until the next launch.
gives 0 '^$' stop-plugin
lab_equal 'networks named weave' 0 "$(networks)"
pid=$(lab_weave_pid hosta)
lab_exec hosta kill -KILL "$pid"
restarted() { local now; now=$(lab_weave_pid hosta) && [[ $now != "$pid" ]] && lab_weave hosta status >/dev/null; }
lab_wait 10 'the daemon runs again' restarted
off 'after a crash' 'weave'
lab_equal 'networks named weave after a crash' 0 "$(networks)"
gives 0 '^$' launch-plugin
lab_equal 'networks named weave' 1 "$(networks)"
gives 0 '^$' stop-plugin
gives 0 '' stop-router
gives 0 '^$' launch
lab_equal 'networks named weave after a launch' 1 "$(networks)"
lab_docker hosta run --rm --net=weave busybox:lab sleep 0
gives 0 '' stop

# A daemon launched without it can have it, unless somebody else answers Docker at its socket, or it is to have none.
gives 0 '^$' launch --plugin=false --plugin-socket= --plugin-mesh-socket=
gives 1 '^weave was launched without a socket for Docker ' launch-plugin
gives 0 '' stop
lab_spawn hosta squatter python3 -c '
import socket, time
s = socket.socket(socket.AF_UNIX); s.bind("/run/docker/plugins/weave.sock"); s.listen(); time.sleep(600)'
lab_wait 5 'somebody else has the socket' lab_exec hosta test -S /run/docker/plugins/weave.sock
gives 0 '^$' launch --plugin=false
gives 1 '^Docker cannot be served: another process answers on /run/docker/plugins/weave.sock; make that free, or ' launch-plugin
lab_end hosta squatter KILL
lab_exec hosta rm /run/docker/plugins/weave.sock
gives 0 '' stop
gives 0 '^$' launch --plugin=false
lab_equal 'plugin sections in the status' 0 "$(plugin_sections)"
gives 0 '^$' launch-plugin
lab_docker hosta run --rm --net=weave busybox:lab sleep 0
gives 0 '' stop
