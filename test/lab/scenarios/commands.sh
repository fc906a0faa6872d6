# shellcheck shell=bash
# lab: every command: what it prints, on which stream, and its exit status, with the daemon down, up, and with services switched off; --json, --help
# needs: weave python3 dig
# kernel: host
# limit: 90

lab_host_create hosta 192.0.2.1

# row STATUS STDOUT STDERR COMMAND...: the latter two are patterns for the whole of the stream; a dot is any character.
row() {
  lab_capture hosta "${@:4}"
  lab_equal "${*:4}: exit status (stderr: $LAB_STDERR)" "$1" "$LAB_STATUS"
  [[ $LAB_STDOUT =~ ^$2$ ]] || lab_fail "${*:4}: stdout is '$LAB_STDOUT', not '$2'"
  [[ $LAB_STDERR =~ ^$3$ ]] || lab_fail "${*:4}: stderr is '$LAB_STDERR', not '$3'"
}
usage=$'Usage:\n.*'
any='.*'
json() { # EXPRESSION COMMAND...: stdout is JSON (x) for which it holds.
  lab_capture hosta "${@:2}"
  lab_equal "${*:2}: exit status ($LAB_STDERR)" 0 "$LAB_STATUS"
  python3 -c 'import json, sys; x = json.loads(sys.argv[1]); assert eval(sys.argv[2]), x' "$LAB_STDOUT" "$1" ||
    lab_fail "${*:2}: not ($1): $LAB_STDOUT"
}

# Help: of each command, on stderr, with status 0; misuse the same with 1.
row 1 '' "$usage" weave
row 0 '' "$usage" weave help
row 0 '' "$usage" weave --help
row 0 '' "$usage" weave --local help
row 1 '' "Unknown weave command 'frobnicate'"$'\n'"$usage" weave frobnicate
commands=$(lab_exec hosta weave help 2>&1 | sed -n 's/^weave \([a-z-]*\).*/\1/p')
(($(wc -w <<<"$commands") >= 22)) || lab_fail "weave help lists only: $commands"
# One shell for many commands: each prints its words, exit status, bytes on stdout, and the lines WHICH of its stderr.
many() { # WHICH LINE...
  lab_exec hosta bash -c 'which=$1; shift
    for line; do
      out=$(weave $line 2>/tmp/stderr)
      echo "$line|$?|${#out}|$(sed -n "$which" /tmp/stderr | paste -sd " ")"
    done' _ "$@"
}
mapfile -t helps < <(printf '%s --help\n' $commands bridge-type docker-bridge-ip attach-bridge env config launch-router stop-router launch-plugin \
  stop-plugin launch-proxy stop-proxy run start restart launch-dns stop-dns setup-cni)
lab_equal 'weave COMMAND --help' "$(for line in "${helps[@]}"; do echo "$line|0|0|Usage: weave ${line% --help}"; done)" \
  "$(many '1p;3p' "${helps[@]}" | sed -E 's/(Usage: weave [a-z-]+).*/\1/')"
misuses=('version x' 'prime x' 'connect' 'forget' 'attach' 'detach' 'expose -h' 'expose -h a -h b' 'hide x' 'dns-add' 'dns-remove' 'dns-lookup'
  'dns-lookup a b' 'report x' 'report -f' 'stop x' 'reset x' 'rmpeer' 'env x' 'config x' 'bridge-type x' 'docker-bridge-ip x' 'stop-plugin x')
lab_equal 'misuse' "$(printf '%s|1|0|Usage:\n' "${misuses[@]}")" "$(many 1p "${misuses[@]}")"
row 1 '' "Invalid 'weave status' sub-command: a b"$'\n'"$usage" weave status a b

# The daemon down.
down='weave is not running (nobody answers on /run/weave/control.sock). Have you launched it?'
row 0 $'weave script [0-9][^ ]*\nweave [0-9][^ ]*' '' weave version
json 'x["command"] == x["daemon"] and not x["running"]' weave version --json
asking=(prime 'connect 192.0.2.9' 'forget 192.0.2.9' 'attach c' 'detach c' expose hide dns-args 'dns-lookup a' report 'report -f {{.Version}}' launch-plugin)
lab_equal 'the daemon down' "$(printf "%s|7|0|$down\n" "${asking[@]}")" "$(many p "${asking[@]}")"
asking=('dns-add 10.1.1.1 -h a.weave.local' 'dns-remove 10.1.1.1 -h a.weave.local' 'rmpeer a' 'status dns' 'status --json')
lab_equal 'the daemon down' "$(printf "%s|1|0|$down\n" "${asking[@]}")" "$(many p "${asking[@]}")"
down=${down//\(/\\(}; down=${down//\)/\\)}; down=${down//\?/\\?}
row 1 '' "$down" weave status
row 3 '' "weave is not running: nobody answers on /run/weave/control\.sock\. Next: 'weave launch'" weave status --check
lab_equal 'lines of weave status' 2 "$(lab_exec hosta weave status 2>/dev/null | wc -l)"
row 0 '' '' weave ps
json 'x == []' weave ps --json
row 0 '' 'Weave is not running \(ignore on Kubernetes\)\.' weave stop
row 0 '' 'Weave is not running \(ignore on Kubernetes\)\.' weave stop-router
row 0 '' 'Weave is not running \(ignore on Kubernetes\)\.' weave reset
row 1 '' '' weave bridge-type
row 1 '' '.*docker0.*' weave docker-bridge-ip
row 1 '' "there is no bridge 'weave' to join; do 'weave launch' first" weave attach-bridge
row 0 '' 'weave env: there is no Docker API proxy .*' weave env
row 1 '' 'weave config: there is no Docker API proxy .*' weave config
row 1 '' "Nothing to restore\. This is most likely because there was no preceding invocation of 'eval \\\$\(weave env\)' in this shell\." weave env --restore
row 0 'DOCKER_HOST=tcp://x' '' env ORIG_DOCKER_HOST=tcp://x weave env --restore
row 1 '' 'weave setup-cni: Kubernetes and CNI are not part of weave.*' weave setup-cni
lab_exec hosta weave setup --json | python3 -m json.tool >/dev/null || lab_fail 'weave setup --json is no JSON'

# Up. Docker's bridge is there, without Docker.
lab_exec hosta ip link add docker0 type bridge
lab_exec hosta ip address add 172.17.0.1/16 dev docker0
lab_exec hosta ip link set docker0 up
row 1 '' $'weave did not start.*flag needs an argument: --password\n.*' weave launch --name ::1 --password
row 1 '' "--run-dir is not for 'weave launch': .* WEAVE_RUN_DIR=/x" weave launch --run-dir /x
row 1 '' "--cleanup is not for 'weave launch'.*'weaver --cleanup'" weave launch --cleanup
lab_exec hosta ip route add 10.2.128.0/24 dev docker0
row 0 '' $'WARNING: -iprange is deprecated: use --ipalloc-range\nWARNING: WEAVE_DOCKER_ARGS has no effect: weave runs in no container
Network 10.2.0.0/16 overlaps with existing route 10.2.128.0/24 on host\nWARNING: Specified --ipalloc-range 10.2.0.0/16 overlaps with existing route on host.
Unless this is deliberate, you must pick another range and set it on all hosts.\n.*Docker.*' env WEAVE_DOCKER_ARGS=-v weave launch -iprange 10.2.0.0/16 --name ::1
lab_exec hosta ip route del 10.2.128.0/24 dev docker0
row 3 '' "weave is already running; you can stop it with 'weave stop'\." weave launch
row 0 $'weave script [0-9][^ ]*\nweave [0-9][^ ]*' '' weave version
json 'x["running"]' weave version --json
row 0 '' '' weave prime
row 0 '' '' weave connect 192.0.2.9 192.0.2.8
row 0 $'192.0.2.8\n192.0.2.9' '' weave status targets
json 'x == ["192.0.2.8", "192.0.2.9"]' weave status targets --json
row 0 '' '' weave forget 192.0.2.8 192.0.2.7
row 0 '192.0.2.9' '' weave status targets
row 0 '' '' weave connect --replace
row 0 '' '' weave status targets
row 0 '' '' weave status connections
row 1 '' 'invalid peer name ":99", should be host\[:port\]' weave connect :99
row 0 '--dns=172.17.0.1 --dns-search=weave.local.' '' weave dns-args
lab_equal 'bytes of dns-args' 42 "$(lab_exec hosta weave dns-args | wc -c)"
row 0 '--dns 172.17.0.1 --hostname=c.weave.local --dns-search=\.' '' weave dns-args --name c busybox
json 'x == {"dns": "172.17.0.1", "search": "weave.local."}' weave dns-args --json
row 0 '172.17.0.1' '' weave docker-bridge-ip
json 'x == {"address": "172.17.0.1"}' weave docker-bridge-ip --json
row 0 '(bridge|bridged_fastdp)' '' weave bridge-type
json 'x["type"].startswith("bridge")' weave bridge-type --json
row 0 'weave:expose [0-9a-f:]{17}' '' weave ps weave:expose
row 1 '' 'cannot ask Docker at unix:///var/run/docker.sock: .*' weave ps
row 0 10.2.0.1 '' weave expose
row 0 10.2.0.1 '' weave expose
row 0 '10.2.0.1 10.2.9.1' '' weave expose net:default 10.2.9.1/24 -h gw.weave.local
json 'x == {"addresses": ["10.2.0.1/16"]}' weave expose --json
json 'x[0]["id"] == "weave:expose" and x[0]["addresses"] == ["10.2.0.1/16", "10.2.9.1/24"]' weave ps --json weave:expose
row 0 $'10.2.(0|9).1\n10.2.(0|9).1' '' weave dns-lookup gw
row 0 $'gw  .*weave:expose 00:00:00:00:00:01\ngw  .*' '' weave status dns
row 0 10.2.9.1 '' weave hide 10.2.9.1/24
row 0 10.2.0.1 '' weave hide
row 0 '' '' weave hide
json 'x == {"addresses": []}' weave hide --json
row 1 '' 'range 10.3.0.0/16 out of bounds: 10.2.0.0/16' weave expose net:10.3.0.0/16
row 1 '' 'invalid subnet - smaller than minimum size 4: 10.2.0.0/31' weave expose net:10.2.0.0/31
row 1 '' 'invalid subnet - bits after network prefix are not all zero: 10.2.0.2/30' weave expose net:10.2.0.2/30
row 0 '' '' weave dns-add 10.1.1.1 10.1.1.2 -h db.weave.local
row 0 '' '\(db.example.com is not in the domain weave.local. and was ignored\)' weave dns-add 10.1.1.1 -h db.example.com
row 0 $'10.1.1.[12]\n10.1.1.[12]' '' weave dns-lookup db
json 'x["question"] == "db" and sorted(x["answers"]) == ["10.1.1.1", "10.1.1.2"]' weave dns-lookup --json db
row 0 '' '' weave dns-remove 10.1.1.1 -h db.weave.local
row 0 10.1.1.2 '' weave dns-lookup db
row 0 '' '' weave dns-lookup nothing
row 0 '0 IPs taken over from zz' '\(no peer zz with addresses of its own is known\)' weave rmpeer zz
row 1 '' '.*[Dd]ocker.*' weave attach c
row 0 $'\n        Version: [0-9][^\n]*\n\n        Service: router\n'"$any" '' weave status
row 0 $'\n        Version: '"$any" '' weave --local status
for section in connections peers targets dns ipam flows; do
  lab_capture hosta weave status "$section" --json
  lab_equal "weave status $section --json: exit status ($LAB_STDERR)" 0 "$LAB_STATUS"
  python3 -m json.tool <<<"$LAB_STDOUT" >/dev/null || lab_fail "weave status $section --json: $LAB_STDOUT"
done
json 'x["Router"]["Name"] == "00:00:00:00:00:01" and x["IPAM"]["Range"] == "10.2.0.0/16"' weave report
json 'x["Plugin"]["Config"]["DNS"] and x["Ready"]' weave report --json
row 0 '00:00:00:00:00:01\(hosta\)' '' weave report -f '{{.Router.Name}}({{.Router.NickName}})'
row 1 '' 'template: format:1: unclosed action' weave report -f '{{.Router'
row 1 '' $'error during template execution\ntemplate: format:1: can.t evaluate field Bogus' weave report -f '{{.Bogus}}'
lab_exec hosta weave doctor --json | python3 -m json.tool >/dev/null || lab_fail 'weave doctor --json is no JSON'
# What only reads needs no root.
lab_exec hosta install -m 755 "$(command -v weave)" /var/lib/weave-for-all
for line in "report -f {{.Router.NickName}}" version status; do
  row 0 '.*(hosta|weave [0-9].*|Service: router.*)' '' setpriv --reuid=65534 --regid=65534 --clear-groups /var/lib/weave-for-all $line
done
row 7 '' 'no permission to use /run/weave/control.sock; try with sudo' setpriv --reuid=65534 --regid=65534 --clear-groups /var/lib/weave-for-all forget a
# A signal that would end any other program has the state logged.
lab_exec hosta kill -QUIT "$(lab_weave_pid hosta)"
lab_wait 5 'the state is in the log' grep -q 'INFO: .* Name: 00:00:00:00:00:01(hosta)' "$(lab_weave_log hosta)"
row 0 '' '' weave stop
lab_exec hosta ip link delete weave
row 0 00:00:00:00:00:01 '' weaver --print-peer-name

# Services switched off, and a bridge by another name.
row 0 '' '' weave launch --no-dns --ipalloc-range '' --plugin=false --name ::1 --weave-bridge overlay0
row 0 'bridge(d_fastdp)?' '' weave bridge-type
lab_absent 'services in the status' 'Service: (dns|ipam|proxy|plugin)' "$(lab_weave hosta status)"
row 0 '' '' weave status dns
row 0 '' '' weave status ipam
off() { printf '%s is off in the running daemon' "$1"; }
row 0 '' "$(off 'the name service')" weave dns-args
row 4 '' "$(off 'the name service')" weave dns-lookup a
row 4 '' "$(off 'address allocation')" weave prime
row 0 '' "$(off 'the name service')" weave dns-add 10.1.1.1 -h a.weave.local
row 0 '' "$(off 'the name service')" weave dns-remove 10.1.1.1 -h a.weave.local
row 1 '' "IP address allocation must be enabled to use 'net:'" weave expose
row 1 '' "IP address allocation must be enabled to use 'net:'" weave hide
row 0 10.9.1.1 '' weave expose 10.9.1.1/24
row 0 'weave:expose [0-9a-f:]{17} 10.9.1.1/24' '' weave ps weave:expose
row 0 10.9.1.1 '' weave hide 10.9.1.1/24
row 0 '' "$(off 'address allocation')" weave rmpeer a
lab_absent 'services in the report' '"(IPAM|DNS|Proxy|Plugin)"' "$(lab_weave hosta report)"
row 0 '' "$any" weave --local reset
