# shellcheck shell=bash
# lab: a host moves from Weave Net as docs/moving.md says: running containers keep addresses, MACs and names, nothing of the old remains, peers not yet moved stay connected
# needs: weave docker python3 go ping ip iptables iptables-legacy nft
# kernel: host
# limit: 90
# catalogue: 191 390

# No daemon of the original is at hand. Assumed of what it leaves after `docker stop weave` (protocol/surfaces.md §1.1, §1.3, §10, §15; datapath.md §7.6, §8):
# bridge with its peer name as MAC and, without Open vSwitch, MTU 65535 and the pair vethwe-bridge/vethwe-pcap; interfaces named after process ids (attach)
# and endpoints (plugin); all rules of iptables in the legacy tables, as its image brings that kind, and some in the host's own; IPsec policies as after
# an unclean end. The database is one that an original wrote, with the id of a container of ours put into it. The peer that has not moved is made of the original's
# mesh library, with names and addresses written from the protocol's text.
lab_original_build
lab_host_create host1 192.0.2.1
lab_host_create host2 192.0.2.2
lab_exec host1 sh -c 'echo "192.0.2.2 host2" >>/etc/hosts'
lab_dockerd_start host1
lab_image_load host1
lab_docker host1 tag busybox:lab weaveworks/weave:2.8.1
lab_docker host1 tag busybox:lab weaveworks/weavedb:latest

# The bridge, and who is on it.
ours=00:00:00:00:00:01 theirs=00:00:00:00:00:02
# shellcheck disable=SC2016
lab_exec host1 sh -ec '
  ip link add weave address '"$ours"' type bridge
  ip link add vethwe-bridge mtu 65535 type veth peer name vethwe-pcap mtu 65535
  ip link set vethwe-bridge master weave up; ip link set vethwe-pcap up
  ip link set weave mtu 65535 up; ip addr add 10.32.0.2/12 dev weave
  ip xfrm policy add dir out src 192.0.2.1/32 dst 192.0.2.2/32 proto udp mark 0x20000 mask 0x20000 \
    tmpl src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x1234 mode transport'
# shellcheck disable=SC2016
original_rules() { # PROGRAM
  lab_exec host1 sh -ec '
    for table in mangle nat filter; do $1 -t $table -N WEAVE-CANARY; done
    $1 -N WEAVE-EXPOSE; $1 -A WEAVE-EXPOSE -d 10.32.0.0/12 -j ACCEPT
    $1 -A FORWARD -i docker0 -o weave -j DROP; $1 -A FORWARD -i weave -o weave -j ACCEPT; $1 -A FORWARD -o weave -j WEAVE-EXPOSE
    $1 -A FORWARD -i weave ! -o weave -j ACCEPT; $1 -A FORWARD -o weave -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
    $1 -A INPUT -i docker0 -d 172.17.0.1 -p tcp --dport 6783 -j DROP; $1 -A INPUT -i docker0 -p udp --dport 53 -j ACCEPT
    $1 -t nat -N WEAVE; $1 -t nat -A POSTROUTING -j WEAVE; $1 -t nat -A WEAVE -s 10.32.0.0/12 ! -d 10.32.0.0/12 -j MASQUERADE
    $1 -t mangle -N WEAVE-IPSEC-OUT; $1 -t mangle -A OUTPUT -j WEAVE-IPSEC-OUT' sh "$1"
}
original_rules iptables
original_rules iptables-legacy

lab_spawn host1 plugin python3 "$LAB_ROOT/lib/original_driver.py" --bridge weave --mtu 65535 --pool 10.32.0.0/12 10.39.9.9 10.32.0.9
lab_wait 5 'the plugin listens' lab_exec host1 test -S /run/docker/plugins/weavemesh.sock
lab_docker host1 network create --driver weavemesh --ipam-driver weavemesh --subnet 10.32.0.0/12 weave >/dev/null
lab_container_start host1 p1 --net=weave
lab_container_start host1 p2 --net=weave
lab_container_start host1 m1 --hostname m1.weave.local --dns 172.17.0.1 --dns-search weave.local
pid=$(lab_container_pid host1 m1) id=$(lab_docker host1 inspect -f '{{.Id}}' m1)
# shellcheck disable=SC2016
lab_exec host1 sh -ec '
  ip link add vethwepl$1 mtu 65535 type veth peer name vethwepg$1 mtu 65535
  ip link set vethwepg$1 netns $1; ip link set vethwepl$1 master weave up
  exec nsenter --target $1 --net sh -ec "ip link set vethwepg$1 name ethwe; ip addr add 10.32.0.3/12 dev ethwe; ip addr add 10.33.5.1/24 dev ethwe; ip link set ethwe up"' sh "$pid"
lab_end host1 plugin
lab_exec host1 rm -f /run/docker/plugins/weavemesh.sock

# The daemon, as long as it runs, and its database.
lab_docker host1 create --name weavedb -v /weavedb --label weavevolumes weaveworks/weavedb:latest true >/dev/null
volume=$(lab_docker host1 inspect -f '{{range .Mounts}}{{.Source}}{{end}}' weavedb)
lab_exec host1 python3 - "$LAB_ROOT/../vectors/ipam.json" "$volume/weavedata.db" "$id" <<'PY'
import json, sys
path, target, container = sys.argv[1:]
with open(path, encoding="utf-8") as file:
    vector = next(v for v in json.load(file)["bolt"] if v["name"] == "live_daemon")
content = bytearray(vector["file_size"])
for start, text in vector["file_segments"]:
    part = bytes.fromhex(text)
    content[start:start + len(part)] = part
old = b"0123456789abcdef" * 4
assert old in content
with open(target, "wb") as file:
    file.write(content.replace(old, container.encode()))
PY
before=$(lab_exec host1 md5sum "$volume/weavedata.db")
lab_docker host1 run -d --name weave --net=host --restart=always --stop-signal KILL --volumes-from weavedb weaveworks/weave:2.8.1 sleep 86400 >/dev/null
links() { # who has what: it must not change
  local name
  for name in m1 p1 p2; do
    lab_container_net host1 "$name" ip -o addr show to 10.32.0.0/12 | tr -s ' ' | cut -d ' ' -f 2,4
    lab_container_net host1 "$name" ip -o link | sed -nE 's/^[0-9]+: (ethwe[^:@]*).* link.ether ([0-9a-f:]+) .*/\1 \2/p'
  done
  lab_exec host1 sh -c 'ls /sys/class/net/weave/brif | grep -E "^vethw(l|epl)"; cat /sys/class/net/weave/address'
}
known=$(links)
lab_match 'what there is before' '10\.33\.5\.1/24' "$known"

# The host that has not moved.
mkfifo "$LAB_DIR/host2.in"
exec {input}<>"$LAB_DIR/host2.in"
# shellcheck disable=SC2016
lab_spawn host2 mesh sh -c 'input=$1; shift; exec "$@" <"$input"' sh "$LAB_DIR/host2.in" \
  "$LAB_DIR/mesh_peer" -name "$theirs" -nickname host2 -discovery=false -range 10.32.0.0/12 -quorum 2
tell() { printf '%s\n' "$*" >&"$input"; }
said() { grep -E -- "$1" "$LAB_DIR/logs/host2-mesh.log"; } # REGULAR-EXPRESSION

fitted() { lab_container_net host1 "$1" ip -o link show "$2" | grep -q " mtu $mtu "; } # CONTAINER INTERFACE
swept() { [[ -z $(lab_exec host1 sh -c 'iptables-legacy-save; iptables-save 2>/dev/null | grep -E "CANARY|IPSEC|^-A FORWARD .*(-i|-o) weave|^-A INPUT -[id]"; ip xfrm policy' | grep -E 'WEAVE|weave|docker0 .*--dport|mark' || true) ]]; }
mtu=1376
if swept || fitted m1 ethwe || fitted p1 ethwe0; then lab_fail 'what is to be changed is so before'; fi

# What the document says, in its words.
blocks=$LAB_DIR/blocks
count=$(python3 "$LAB_ROOT/lib/documents.py" --scenario moving "$blocks" "$LAB_RUN_DIR/documents/docs/moving.md")
((count >= 6)) || lab_fail "only $count blocks of commands in docs/moving.md"
follow() { # STEP
  local block
  block=$(grep -lx "moving $1" "$blocks"/*/scenario) || lab_fail "docs/moving.md has no step $1"
  lab_capture host1 env HOME="$LAB_DIR" bash -e "${block%/*}/script"
  lab_equal "exit of step $1 of docs/moving.md ($LAB_STDERR)" 0 "$LAB_STATUS"
}
sed -i "s|/root/|$LAB_DIR/|" "$blocks"/*/script
follow before

lab_capture host1 weave launch host2
lab_equal 'exit of weave launch beside a running original' 1 "$LAB_STATUS"
lab_match 'what it says' "docker stop weave" "$LAB_STDERR"
lab_capture host1 weave reset --force
lab_equal 'exit of weave reset beside a running original' 1 "$LAB_STATUS"
lab_match 'what it says' "docker stop weave', then reset again" "$LAB_STDERR"
lab_equal 'what there is after it' "$known" "$(links)"
lab_equal 'the database after it' "$before" "$(lab_exec host1 md5sum "$volume/weavedata.db")"
# Stopped by hand and not removed, it would be back when Docker starts.
lab_docker host1 stop -t 0 weave >/dev/null
lab_capture host1 weave launch --no-restart --ipalloc-range 10.2.0.0/16 host2
lab_equal 'exit of weave launch with another range' 1 "$LAB_STATUS"
lab_match 'what it says' "cannot import $volume/weavedata.db: persisted data are for IPAM range 10\.32\.0\.0-10\.47\.255\.255, our range is" "$LAB_STDERR"
lab_equal 'restart policy of the container' no "$(lab_docker host1 inspect -f '{{.HostConfig.RestartPolicy.Name}}' weave)"
lab_equal 'what there is after it' "$known" "$(links)"
# One that is no container of that name holds the lock of its database.
follow stop
lab_spawn host1 holder python3 -c '
import fcntl, socket, sys, time
port = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
port.bind(("", 6783))
file = open(sys.argv[1], "r+b")
fcntl.flock(file, fcntl.LOCK_EX)
print("locked", flush=True)
time.sleep(600)' "$volume/weavedata.db"
lab_wait 5 'the database is locked' grep -q locked "$LAB_DIR/logs/host1-holder.log"
lab_capture host1 weave launch --no-restart host2
lab_equal 'exit of weave launch with a database in use' 1 "$LAB_STATUS"
lab_match 'what it says' "cannot import $volume/weavedata.db: it is in use by a running Weave Net" "$LAB_STDERR"
lab_capture host1 weave launch --no-restart --import none host2
lab_equal 'exit of weave launch with a port in use' 1 "$LAB_STATUS"
lab_match 'what it says' ':6783.*in use' "$LAB_STDERR"
lab_match 'MTU of the bridge, as before' ' mtu 65535 ' "$(lab_exec host1 ip -o link show weave)"
lab_exec host1 test -e /sys/class/net/vethwe-pcap
lab_end host1 holder

lab_case 390
start=$(lab_now_ms)
follow launch
lab_say "weave launch: $(lab_since "$start") s"
lab_weave_connected 1 host1
named() { [[ $(lab_weave host1 dns-lookup "$1") == *"$2"* ]]; } # NAME ADDRESS
lab_wait 5 'name of m1' named m1 10.32.0.3
lab_wait 5 'name of p1' named p1 10.39.9.9
follow check
lab_match 'peer name' "^$ours" "$LAB_STDOUT"
lab_match 'connection with the host that has not moved' 'established .*'"$theirs" "$LAB_STDOUT"
lab_match 'addresses of m1 in weave ps' "^${id:0:12} [0-9a-f:]{17} 10\.32\.0\.3/12 10\.33\.5\.1/24\$" "$LAB_STDOUT"
for name in p1 p2; do
  lab_match "$name in weave ps" "^$(lab_docker host1 inspect -f '{{.Id}}' "$name" | cut -c 1-12) [0-9a-f:]{17} $(lab_container_address host1 "$name")/12\$" "$LAB_STDOUT"
done
lab_match 'name of m1' '^10\.32\.0\.3$' "$LAB_STDOUT"

lab_case
lab_equal 'containers and bridge' "$known" "$(links)"
lab_equal 'the database' "$before" "$(lab_exec host1 md5sum "$volume/weavedata.db")"
mtu=$(lab_exec host1 cat /sys/class/net/weave/mtu)
lab_wait 5 'MTU of m1' fitted m1 ethwe
lab_wait 5 'MTU of p1' fitted p1 ethwe0
lab_ping host1 m1 10.39.9.9 64 8000
lab_wait 5 'rules and policies of the original are gone' swept
lab_match 'a name as m1 asks for it' '10\.39\.9\.9' "$(lab_docker host1 exec m1 nslookup p1.weave.local 2>&1)"
lab_absent 'devices' 'vethwe-pcap|vethwe-bridge' "$(lab_exec host1 ls /sys/class/net)"
lab_match 'exposed' 'weave:expose .* 10\.32\.0\.2/12' "$(lab_weave host1 ps)"

lab_say 'nothing is handed out twice, by us or by the host that has not moved'
for _ in 1 2 3 4 5 6; do lab_ip host1 POST "/ip/new$_"; printf '%s\n' "${LAB_STDOUT%/*}"; done >"$LAB_DIR/new"
lab_equal 'addresses in use that were given out again' '' "$(grep -xE '10\.32\.0\.[1239]|10\.33\.5\.1|10\.39\.9\.9|10\.38\.0\.7' "$LAB_DIR/new" || true)"
knows_ring() { tell ring; [[ $(said '^ring ' | tail -n 1) == *'"Entries":[{'* ]]; }
lab_wait 10 'host2 knows the ring' knows_ring
for address in 10.32.0.3 10.39.9.9 10.32.0.9; do
  tell claim "$address"
  lab_wait 5 "host2 is denied $address" said "^denied $address .* by $ours"
done
tell name-add theirs.weave.local. 10.38.1.1
there() { [[ $(lab_weave host1 dns-lookup theirs) == 10.38.1.1 ]]; }
lab_wait 5 'names of host2' there
lab_wait 5 'host2 knows the name of m1' said '^name m1\.weave\.local\. 10\.32\.0\.3 '

lab_say 'ends and new beginnings'
lab_docker host1 restart -t 0 m1 >/dev/null
attached() { lab_container_net host1 m1 ip -o -4 addr show ethwe | grep -q '10\.32\.0\.3/12'; }
lab_wait 5 'm1 has its address again after a restart' attached
stopped=$(lab_container_address host1 p2)
start=$(lab_now_ms)
lab_docker host1 stop -t 0 p2 >/dev/null
lab_at_most 'docker stop of p2' 3000 $(($(lab_now_ms) - start))
lab_docker host1 start p2 >/dev/null
lab_equal 'address of p2 after stop and start' "$stopped" "$(lab_container_address host1 p2)"
lab_ping host1 m1 "$stopped" 64
for name in p1 m1; do
  start=$(lab_now_ms)
  lab_docker host1 rm -f "$name" >/dev/null
  lab_at_most "docker rm of $name" 3000 $(($(lab_now_ms) - start))
done
freed() { ! lab_ip_held host1 | grep -qxE '10\.39\.9\.9|10\.32\.0\.3|10\.33\.5\.1'; }
lab_wait 10 'addresses of removed containers are free' freed
lab_container_start host1 fresh --net=weave
lab_ping host1 fresh "$(lab_container_address host1 p2)" 64

lab_case 191
rules() { lab_exec host1 iptables-save 2>/dev/null | grep -i weave; }
wanted=$(rules)
lab_exec host1 sh -c "kill -KILL $(lab_weave_pid host1); ip link delete weave; iptables -F; iptables -t nat -F"
again() { [[ $(rules) == "$wanted" ]] && lab_exec host1 ip -o -d link show weave | grep -q " $ours .* bridge " && lab_docker host1 exec fresh ping -q -c 1 -W 1 "$(lab_container_address host1 p2)"; }
lab_wait 15 'the killed daemon is back with bridge and rules' again
lab_case

lab_say 'the way back'
lab_wait 5 'the daemon answers' lab_weave host1 status
follow back
lab_equal 'VXLAN devices' '' "$(lab_exec host1 ip -o link show type vxlan)"
lab_equal 'UDP ports' '' "$(lab_exec host1 ss -Hlnu 'sport = :6783 or sport = :6784')"
lab_equal 'tables of nftables' '' "$(lab_exec host1 nft list tables | grep -w weave || true)"
lab_equal 'containers on the bridge' 2 "$(lab_exec host1 sh -c 'ls /sys/class/net/weave/brif | grep -c ^vethwl')"
lab_equal 'MAC of the bridge' "$ours" "$(lab_exec host1 cat /sys/class/net/weave/address)"

lab_say 'reset, of what an original has left too'
lab_docker host1 rm -f p2 fresh >/dev/null
lab_docker host1 network rm weave >/dev/null
lab_docker host1 create --name weavedb -v /weavedb weaveworks/weavedb:latest true >/dev/null
volume=$(lab_docker host1 inspect -f '{{range .Mounts}}{{.Source}}{{end}}' weavedb)
lab_exec host1 touch "$volume/weavedata.db"
lab_exec host1 iptables -F
lab_exec host1 iptables -X WEAVE-EXPOSE
lab_exec host1 iptables -t nat -F
original_rules iptables
original_rules iptables-legacy
lab_weave host1 reset --force
lab_exec host1 test -e "$volume/weavedata.db.old"
lab_equal 'what is left' '' "$(lab_weave_remains host1)"
follow finish
