# shellcheck shell=bash
# lab: Docker restarts, starts and removes without waiting for weave, whether that runs, is stopped or has crashed
# needs: weave docker
# kernel: host
# limit: 120
# catalogue: 640

lab_host_create hosta 192.0.2.1
lab_dockerd_start hosta
lab_image_load hosta
WEAVE_WATCHDOG=2 lab_weave_launch hosta
lab_container_start hosta always --net=weave --restart=always
lab_container_start hosta c1 --net=weave
lab_container_start hosta c2 --net=weave
lab_container_start hosta c4 --net=weave
address=$(lab_container_address hosta c1)

# timed WHAT LIMIT-MS COMMAND...: as lab_capture on hosta, within the time.
timed() {
  local what=$1 limit=$2 start took
  shift 2
  start=$(lab_now_ms)
  lab_capture hosta "$@"
  took=$(($(lab_now_ms) - start))
  lab_say "$what: $took ms"
  lab_at_most "$what" "$limit" "$took"
}

running() { [[ $(lab_docker hosta inspect -f '{{.State.Running}}' "$1") == true ]]; }
attached() { running "$1" && lab_container_net hosta "$1" ip -o -4 address show dev ethwe0 | grep -q 'inet 10\.'; }

# restart_engine WHAT: with its containers of --restart=always, against the design's 5 s on an idle machine.
restart_engine() {
  local start took
  lab_end hosta dockerd
  start=$(lab_now_ms)
  lab_dockerd_start hosta
  lab_wait 10 "the container of --restart=always is attached: $1" attached always
  took=$(($(lab_now_ms) - start))
  lab_say "$1: engine and container back in $took ms"
  lab_at_most "$1" 12000 "$took"
}

restart_engine 'the engine restarts'
lab_docker hosta start c1 c2 c4 >/dev/null
address=$(lab_container_address hosta c1)
killed=$(lab_weave_pid hosta)
replaced() { local now; now=$(lab_weave_pid hosta) && [[ $now != "$killed" ]]; }
lab_exec hosta kill -KILL "$killed"
timed 'docker rm -f right after the daemon crashed' 8000 docker rm -f c2
lab_equal "exit of that (stderr: $LAB_STDERR)" 0 "$LAB_STATUS"
lab_wait 10 'a new daemon' replaced

# A daemon that is there and says nothing: Docker waits for it, but not longer than the watchdog.
killed=$(lab_weave_pid hosta)
lab_exec hosta kill -STOP "$killed"
timed 'docker rm -f while the daemon is frozen' 8000 docker rm -f c4
lab_equal "exit of that (stderr: $LAB_STDERR)" 0 "$LAB_STATUS"
lab_wait 10 'a new daemon' replaced
lab_match 'the log' 'weaver has given no sign of life for 2 s' "$(lab_exec hosta cat /run/weave/weaver.log)"
restart_engine 'the engine restarts after weave did'
lab_docker hosta start c1 >/dev/null
address=$(lab_container_address hosta c1)

lab_capture hosta weave stop
lab_equal "exit of weave stop (stderr: $LAB_STDERR)" 0 "$LAB_STATUS"
timed 'docker volume ls while weave is stopped' 3000 docker volume ls
timed 'docker ps while weave is stopped' 3000 docker ps
timed 'docker run --net=weave while weave is stopped' 5000 docker run --rm --net=weave busybox:lab true
[[ $LAB_STATUS != 0 ]] || lab_fail 'docker run --net=weave worked while weave was stopped'
lab_match 'what it said' "weave is not running on this host: start it with 'weave launch'" "$LAB_STDERR"
timed 'docker rm -f while weave is stopped' 5000 docker rm -f c1
lab_equal "exit of that (stderr: $LAB_STDERR)" 0 "$LAB_STATUS"
lab_match 'what is on record for the daemon' "ReleaseAddress .*\"$address\"" "$(lab_exec hosta cat /var/lib/weave/released)"

# What was given up meanwhile is given up: the address, the interface, and the record.
lab_weave_launch hosta
told() { ! lab_exec hosta test -e /var/lib/weave/released; }
lab_wait 10 'the daemon has been told' told
holders=$(lab_exec hosta curl -s --unix-socket /run/weave/control.sock http://weave/ip)
lab_match 'who has addresses' "\"$(lab_container_address hosta always)" "$holders"
lab_absent 'who has addresses' "\"$address[/\"]" "$holders"
hosts_veths=$(lab_exec hosta ip -o link | grep -c vethwl || true)
lab_equal 'interfaces of weave for one container' 1 "$hosts_veths"
lab_container_start hosta c3 --net=weave
lab_wait 5 'a new container is attached' attached c3
