# shellcheck shell=bash
# lab: a stopped, hung, crashed or killed weave leaves a process that answers Docker, and nothing when nothing is left
# needs: weave docker
# kernel: host
# limit: 120

lab_host_create hosta 192.0.2.1
lab_dockerd_start hosta
lab_image_load hosta
lab_weave_launch hosta
for ((i = 1; i <= 5; i++)); do lab_container_start hosta "c$i" --net=weave; done

# removed WHAT CONTAINER: in bounded time. Docker alone takes 45 s when nobody answers.
removed() {
  local start took
  start=$(lab_now_ms)
  lab_capture hosta docker rm -f "$2"
  took=$(($(lab_now_ms) - start))
  lab_say "docker rm -f $1: $took ms"
  lab_at_most "docker rm -f $1" 8000 "$took"
  lab_equal "exit of that (stderr: $LAB_STDERR)" 0 "$LAB_STATUS"
}
stand_in() { lab_exec hosta pgrep -f 'weave stand-in --of=/run/weave$' >/dev/null; }
no_stand_in() { ! stand_in; }
waiting() { lab_exec hosta pgrep -f 'weave stand-in --in-waiting'; }

# Everything that is called weave is killed. What waits for that has another name.
lab_exec hosta pkill -KILL 'weaver?'
removed "after pkill -KILL weave" c1
lab_wait 5 'the stand-in answers' stand_in

# launch takes over; another one in waiting takes the place of one that is killed.
lab_weave_launch hosta
no_stand_in || lab_fail 'launch left the stand-in'
lab_container_start hosta again --net=weave
first=$(waiting)
lab_exec hosta kill -KILL "$first"
another() { local now; now=$(waiting) && [[ $now != "$first" ]]; }
lab_wait 5 'another one waits' another

# Every process is killed at once: nobody is left to act until somebody calls weave.
lab_exec hosta pkill -KILL 'weaver?|plugin-stand-in'
lab_capture hosta weave stop
lab_equal "exit of weave stop (stderr: $LAB_STDERR)" 0 "$LAB_STATUS"
stand_in || lab_fail 'weave stop left Docker without an answer'
removed 'after all was killed, and weave stop' c2

# A daemon that hangs, and no watchdog.
WEAVE_WATCHDOG=0 lab_weave_launch hosta
lab_exec hosta kill -STOP "$(lab_weave_pid hosta)"
start=$(lab_now_ms)
lab_capture hosta weave stop
lab_say "weave stop with a daemon that hangs: $(lab_since "$start") s"
lab_at_most 'that' 12000 $(($(lab_now_ms) - start))
lab_equal "exit of that (stderr: $LAB_STDERR)" 0 "$LAB_STATUS"
lab_match 'what it said' 'weave does not answer and is killed' "$LAB_STDERR"
stand_in || lab_fail 'weave stop left Docker without an answer'
removed 'after weave stop killed a daemon that hung' c3

# It goes when Docker has nothing of ours any more.
lab_docker hosta rm -f c4 c5 again >/dev/null
lab_docker hosta network rm weave >/dev/null
lab_wait 10 'the stand-in ends with the last network' no_stand_in
lab_weave_stopped hosta

lab_weave_launch hosta --no-restart
lab_container_start hosta c6 --net=weave
lab_exec hosta kill -KILL "$(lab_weave_pid hosta)"
removed 'after the daemon of --no-restart was killed' c6
lab_docker hosta network rm weave >/dev/null
lab_wait 10 'the stand-in of --no-restart ends with the last network' no_stand_in
lab_weave_stopped hosta

# On sockets of one's own, reset, and launched on the usual ones.
lab_weave_launch hosta --plugin-socket=/run/docker/plugins/own.sock --plugin-mesh-socket=/run/docker/plugins/ownmesh.sock
lab_container_start hosta c7 --net=weave
lab_capture hosta weave reset
lab_equal "exit of weave reset (stderr: $LAB_STDERR)" 0 "$LAB_STATUS"
stand_in || lab_fail 'weave reset left Docker without an answer'
removed 'after weave reset' c7
stand_in || lab_fail 'the stand-in went although Docker has the network weave'
# The network is still one of the other driver, which launch says.
lab_capture hosta weave launch
lab_equal "exit of weave launch with a network of another driver ($LAB_STDERR)" 5 "$LAB_STATUS"
no_stand_in || lab_fail 'launch left the stand-in on other sockets'
lab_exec hosta test ! -e /run/docker/plugins/own.sock || lab_fail 'a socket of the former launch is left'
