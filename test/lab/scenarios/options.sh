# shellcheck shell=bash
# lab: wrong options, wrong commands, unresolvable peers, launching twice, a port in use: clear errors and exit codes
# needs: weave python3 ss
# kernel: host
# limit: 120
# catalogue: 904

lab_host_create hosta 192.0.2.1

nothing_runs() { [[ -z $(lab_weave_running hosta) ]]; }

# refuses EXITS PATTERN ARGUMENT...: the command fails like that, says why on stderr, and nothing is left running.
refuses() {
  local exits=$1 pattern=$2
  shift 2
  lab_capture hosta "$@"
  lab_match "exit of '$*' (stderr: $(head -n 2 <<<"$LAB_STDERR" | tr '\n' '|'))" "^($exits)$" "$LAB_STATUS"
  lab_match "stderr of '$*'" "$pattern" "$LAB_STDERR"
  [[ $1 != weave || ${2:-} != launch ]] || lab_wait 3 "nothing runs after '$*'" nothing_runs
}

# Misuse.
refuses 1 '[Uu]sage' weave
refuses 0 '[Uu]sage' weave help
refuses 1 "Unknown weave command 'frobnicate'" weave frobnicate
refuses 125 '--bogus' weaver --bogus
refuses '1|125' '--bogus' weave launch --bogus
refuses '1|125' '--bogus' weave launch 192.0.2.9 --bogus
refuses 1 'invalid peer name format: "zz"' weave launch --name zz
refuses 1 'invalid CIDR address: 10.0.0.0/33 .--ipalloc-range: a subnet such as ' weave launch --ipalloc-range 10.0.0.0/33
refuses 1 'invalid peer name format: "foo" .--name: a peer name such as ' weave launch --name foo
refuses 1 'unknown port in peer name "bad_host:xx" .a host to connect to is ' weave launch bad_host:xx
refuses 1 'invalid value "5" for flag --mtu: a number of bytes from 576 ' weave launch --mtu 5
refuses 1 'option --proxy is not supported: there is no Docker API proxy' weave launch --proxy
refuses 1 "Invalid 'weave status' sub-command: nonsense" weave status nonsense

# No daemon.
refuses 1 . weave status
refuses 7 . weave connect 192.0.2.9
refuses 7 . weave forget 192.0.2.9
refuses 0 'Weave is not running' weave stop

# A port that is taken: the daemon's own words.
lab_spawn hosta squatter python3 -c '
import socket, time
s = socket.socket(); s.bind(("0.0.0.0", 6783)); s.listen(); time.sleep(600)'
lab_wait 5 'the squatter listens' lab_weave_pid hosta
lab_capture hosta weave launch
lab_equal 'exit of weave launch with its port in use' 1 "$LAB_STATUS"
lab_match 'stderr of weave launch with its port in use' '6783.*(in use)|(in use).*6783' "$LAB_STDERR"
lab_end hosta squatter KILL
lab_equal 'what the failed launch left' '' "$(lab_weave_running hosta)"

lab_case 904
# A peer that cannot be resolved is retried, not fatal; options may follow peers.
lab_weave_launch hosta no-such-host.invalid --no-discovery
lab_match 'status connections' '^-> no-such-host\.invalid(:6783)? ' "$(lab_weave hosta status connections)"
lab_equal 'status targets' no-such-host.invalid "$(lab_weave hosta status targets)"
lab_match 'status' '^ +PeerDiscovery: disabled$' "$(lab_weave hosta status)"

lab_case
# Twice.
lab_capture hosta weave launch
lab_equal 'exit of a second launch' 3 "$LAB_STATUS"
lab_equal 'stderr of a second launch' "weave is already running; you can stop it with 'weave stop'." "$LAB_STDERR"
lab_capture hosta weave connect
lab_equal 'exit of weave connect without a peer' 1 "$LAB_STATUS"
lab_capture hosta weave connect :99
lab_equal 'exit of weave connect :99' 1 "$LAB_STATUS"
lab_match 'stderr of weave connect :99' 'invalid peer name ":99", should be host\[:port\]' "$LAB_STDERR"
lab_weave hosta stop
lab_weave_stopped hosta
