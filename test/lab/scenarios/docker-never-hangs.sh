# shellcheck shell=bash
# lab: Docker restarts, starts and removes without waiting for weave, whether that runs, is stopped or has crashed
# needs: weave docker
# kernel: host
# limit: 240
# catalogue: 090 310 640 901

lab_host_create hosta 192.0.2.1
lab_dockerd_start hosta
lab_image_load hosta
WEAVE_WATCHDOG=2 lab_weave_launch hosta
lab_container_start hosta always --net=weave --restart=always
lab_container_start hosta c1 --net=weave
lab_container_start hosta c2 --net=weave
lab_container_start hosta c4 --net=weave
address=$(lab_container_address hosta c1)
lab_docker hosta run -d --name kept --restart=always --stop-signal KILL busybox:lab sleep 86400 >/dev/null
kept=$(lab_weave hosta attach kept)

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

lab_case 640 901
restart_engine 'the engine restarts'
lab_case 310
has_kept() { [[ $(lab_weave hosta ps kept) == *" $kept/12" ]]; }
lab_wait 10 "a container that weave attach gave $kept has it again" has_kept
lab_case
lab_docker hosta start c1 c2 c4 >/dev/null
address=$(lab_container_address hosta c1)
lab_case 090 640
lab_case 090
killed=$(lab_weave_pid hosta)
replaced() { local now; now=$(lab_weave_pid hosta) && [[ $now != "$killed" ]]; }
lab_exec hosta kill -KILL "$killed"
timed 'docker rm -f right after the daemon crashed' 8000 docker rm -f c2
lab_equal "exit of that (stderr: $LAB_STDERR)" 0 "$LAB_STATUS"
lab_wait 10 'a new daemon' replaced
lab_case

# A daemon that is there and says nothing: Docker waits for it, but not longer than the watchdog.
killed=$(lab_weave_pid hosta)
lab_exec hosta kill -STOP "$killed"
timed 'docker rm -f while the daemon is frozen' 8000 docker rm -f c4
lab_equal "exit of that (stderr: $LAB_STDERR)" 0 "$LAB_STATUS"
lab_wait 10 'a new daemon' replaced
lab_match 'the log' 'weaver has given no sign of life for 2 s' "$(lab_exec hosta cat /run/weave/weaver.log)"
lab_case 640 901
restart_engine 'the engine restarts after weave did'
lab_case
lab_docker hosta start c1 >/dev/null
address=$(lab_container_address hosta c1)

lab_capture hosta weave stop
lab_equal "exit of weave stop (stderr: $LAB_STDERR)" 0 "$LAB_STATUS"
lab_case 901
timed 'docker volume ls while weave is stopped' 3000 docker volume ls
timed 'docker ps while weave is stopped' 3000 docker ps
timed 'docker run on another network while weave is stopped' 5000 docker run --rm busybox:lab true
lab_case
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

# Fifty short lives in a network of fourteen addresses, four at a time.
lab_case 640
lab_docker hosta network create --driver weavemesh --ipam-driver weavemesh --subnet 10.40.0.0/28 small >/dev/null
timed '50 short-lived containers in a /28' 90000 sh -c 'seq 50 | xargs -P 4 -I{} docker run --rm --net=small busybox:lab ip -o -4 address show dev ethwe0 | grep -c "inet 10\.40\.0\."'
lab_equal "how many of them had an address (stderr: $LAB_STDERR)" 50 "$LAB_STDOUT"
lab_docker hosta network rm small >/dev/null
lab_case

lab_case
# Weave is stopped with nobody on the network weave, but on others of its drivers.
lab_docker hosta rm -f always c3 >/dev/null
for driver in weave weavemesh; do
  lab_docker hosta network create --driver "$driver" --ipam-driver "$driver" "own-$driver" >/dev/null
  lab_container_start hosta "$driver-1" --net="own-$driver"
  lab_container_start hosta "$driver-2" --net="own-$driver"
  lab_container_start hosta "$driver-3" --net="own-$driver"
done
lab_capture hosta weave stop
lab_equal "exit of weave stop (stderr: $LAB_STDERR)" 0 "$LAB_STATUS"
timed 'docker rm -f of two containers on networks of their own while weave is stopped' 8000 docker rm -f weave-1 weavemesh-1
lab_equal "exit of that (stderr: $LAB_STDERR)" 0 "$LAB_STATUS"

# Supervisor and daemon are killed.
lab_weave_launch hosta
lab_wait 10 'the daemon has been told' told
killed=$(lab_weave_pid hosta)
supervisor=$(lab_exec hosta head -n 1 /run/weave/supervisor.pid | tr -d ' ')
lab_exec hosta kill -KILL "$supervisor" "$killed"
timed 'docker rm -f after supervisor and daemon were killed' 8000 docker rm -f weave-2 weavemesh-2
lab_equal "exit of that (stderr: $LAB_STDERR)" 0 "$LAB_STATUS"

lab_case 090
# With --no-restart a daemon that is killed stays dead, and Docker is answered.
lab_case 090
lab_weave_launch hosta --no-restart
lab_container_start hosta c5 --net=weave
killed=$(lab_weave_pid hosta)
lab_exec hosta kill -KILL "$killed"
timed 'docker rm -f after the daemon of --no-restart was killed' 8000 docker rm -f c5
lab_equal "exit of that (stderr: $LAB_STDERR)" 0 "$LAB_STATUS"
stand_in() { lab_exec hosta pgrep -xf '.*weave stand-in --of=/run/weave' >/dev/null; }
lab_wait 5 'the stand-in answers' stand_in
[[ -z $(lab_weave_pid hosta || true) ]] || lab_fail 'the daemon of --no-restart came back'
lab_case

lab_case
# Reset with containers attached.
lab_weave_launch hosta
lab_capture hosta weave reset
lab_equal "exit of weave reset (stderr: $LAB_STDERR)" 0 "$LAB_STATUS"
timed 'docker rm -f after weave reset' 8000 docker rm -f weave-3 weavemesh-3
lab_equal "exit of that (stderr: $LAB_STDERR)" 0 "$LAB_STATUS"
timed 'docker network rm after weave reset' 5000 docker network rm own-weave own-weavemesh
lab_equal "exit of that (stderr: $LAB_STDERR)" 0 "$LAB_STATUS"
lab_equal 'state after the reset' '' "$(lab_exec hosta find /var/lib/weave ! -type d 2>/dev/null)"
