# shellcheck shell=bash
# lab: takes over what an original Weave Net stored: peer name, ring, addresses, peers; once, and never a file in use or damaged
# needs: weave python3 curl ss
# kernel: host
# limit: 120
# catalogue: 390

lab_host_create hosta 192.0.2.1
lab_host_create hostb 192.0.2.2
lab_host_create hostc 192.0.2.3

state_of() { printf '%s\n' "$LAB_DIR/hosts/$1/var-lib/weave"; } # HOST

# original_file VECTOR FILE: a database that an original daemon wrote.
original_file() {
  mkdir -p "${2%/*}"
  python3 - "$LAB_ROOT/../vectors/ipam.json" "$@" <<'PY'
import json, sys
vectors, name, target = sys.argv[1:]
with open(vectors, encoding="utf-8") as file:
    vector = next(v for v in json.load(file)["bolt"] if v["name"] == name)
content = bytearray(vector["file_size"])
for start, text in vector["file_segments"]:
    part = bytes.fromhex(text)
    content[start:start + len(part)] = part
with open(target, "wb") as file:
    file.write(content)
PY
}

# api HOST METHOD PATH: body and HTTP code of the control API.
api() { lab_exec "$1" curl -sS --max-time 10 --unix-socket /run/weave/control.sock -X "$2" -w ' %{http_code}' "http://weave$3"; }

owned() { # HOST: "<id> <address>…" of everyone, by id.
  api "$1" GET /ip | sed 's/ 200$//' | python3 -c '
import json, sys
for row in sorted(json.load(sys.stdin)["owned"] or [], key=lambda row: row["containerid"]):
    print(row["containerid"], *row["addrs"])'
}

container=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
imported="$container 10.32.0.3/12 10.33.5.1/24
10.39.9.9 10.39.9.9/24
172.17.0.1 172.17.0.1/16
c1 10.32.0.1/12
c9 10.38.0.7/12
weave:expose 10.32.0.2/12"

# A file found in its usual place. The original's name and addresses live on.
lab_case 390
original_file live_daemon "$(state_of hosta)/weavedata.db"
before=$(md5sum <"$(state_of hosta)/weavedata.db")
lab_weave_launch hosta
lab_equal 'peer name of hosta' 00:00:00:00:00:01 "$(lab_weave_name hosta)"
lab_equal 'what hosta owns' "$imported" "$(owned hosta)"
lab_match 'ring of hosta' '^00:00:00:00:00:01\(hosta\) +[0-9]+ IPs \([0-9.]+% of total\) \([0-9]+ active\)' "$(lab_weave hosta status ipam)"
lab_match 'ring of hosta' '^00:00:00:00:00:02\(\) +[0-9]+ IPs .* - unreachable!' "$(lab_weave hosta status ipam)"
lab_equal 'targets of hosta' '192.168.77.1 192.168.77.2 192.168.77.3' "$(lab_weave hosta status targets | sort | tr '\n' ' ' | sed 's/ $//')"
lab_match 'log of hosta' "INFO: .*/var/lib/weave/weavedata\.db: importing peer name 00:00:00:00:00:01 and 3 direct peers, a ring of 7 entries, 7 addresses of 6 owners" \
  "$(<"$(lab_weave_log hosta)")"
lab_match 'address in use, for another id' '^Unable to claim: .*already owned by c1.* 400$' "$(api hosta PUT /ip/other/10.32.0.1/12 | tr '\n' ' ')"
lab_equal 'a new address' '10.32.0.4/12 200' "$(api hosta POST /ip/new)"

# A peer with the name of its bridge learns the ring and takes nothing that is in use.
lab_exec hostb ip link add weave address 7a:00:00:00:00:0b type bridge
lab_weave_launch hostb 192.0.2.1
lab_equal 'peer name of hostb' 7a:00:00:00:00:0b "$(lab_weave_name hostb)"
lab_weave_connected 1 hostb
for address in 10.32.0.1/12 10.39.9.9/24 10.33.5.1/24; do
  lab_match "claim of $address elsewhere" '^Unable to claim: .*owned by other peer 00:00:00:00:00:01.* 400$' \
    "$(api hostb PUT "/ip/other/$address" | tr '\n' ' ')"
done

# Once is enough, and the file was only read.
lab_weave hosta stop
lab_equal 'the file of hosta' "$before" "$(md5sum <"$(state_of hosta)/weavedata.db")"
original_file typical "$(state_of hosta)/weavedata.db"
lab_weave_launch hosta --import /var/lib/weave/weavedata.db
lab_equal 'peer name of hosta, again' 00:00:00:00:00:01 "$(lab_weave_name hosta)"
lab_equal 'what hosta owns, again' "$imported" "$(owned hosta | grep -v '^new ')"
lab_equal 'the new address' '10.32.0.4/12 200' "$(api hosta GET /ip/new)"
lab_match 'log of hosta' 'INFO: .*Nothing is imported from /var/lib/weave/weavedata\.db: this host has a ring of its own already' "$(<"$(lab_weave_log hosta)")"

lab_case
# A file that an original uses, and one that is cut short: nothing starts, and the text says what to do.
refused() { # PATTERN ARGUMENT...
  local pattern=$1
  shift
  lab_capture hostc weave launch --no-restart "$@"
  lab_equal "exit of weave launch $*" 1 "$LAB_STATUS"
  lab_match "stderr of weave launch $*" "$pattern" "$LAB_STDERR"
  lab_match "stderr of weave launch $*" '--import none' "$LAB_STDERR"
}
file=$(state_of hostc)/weave-netdata.db
original_file typical "$file"
lab_spawn hostc original python3 -c '
import fcntl, time
file = open("/var/lib/weave/weave-netdata.db", "r+b")
fcntl.flock(file, fcntl.LOCK_EX)
print("locked", flush=True)
time.sleep(600)'
lab_wait 5 'the file is locked' grep -q locked "$LAB_DIR/logs/hostc-original.log"
refused 'cannot import /var/lib/weave/weave-netdata\.db: it is in use by a running Weave Net, which must be stopped first'
lab_end hostc original
truncate -s 8192 "$file"
refused 'cannot import /var/lib/weave/weave-netdata\.db: page [0-9]+ lies outside the file, which may have been cut short'
lab_capture hostc weave launch --no-restart --import /var/lib/weave/other.db
lab_equal 'exit of weave launch --import of nothing' 1 "$LAB_STATUS"
lab_match 'stderr of it' 'cannot import /var/lib/weave/other\.db: No such file or directory' "$LAB_STDERR"

lab_case 390
# Without it the name is this machine's own.
lab_weave_launch hostc --import none
# shellcheck disable=SC2016
lab_equal 'peer name of hostc' "$(lab_exec hostc sh -c 'cat /etc/machine-id /sys/class/dmi/id/product_uuid 2>/dev/null || true' | python3 -c '
import hashlib, sys
digest = bytearray(hashlib.sha256(b"9oBJ0Jmip-" + sys.stdin.buffer.read()).digest()[:6])
digest[0] = digest[0] & 0xfe | 2
print(digest.hex(":"))')" "$(lab_weave_name hostc)"
lab_equal 'what hostc owns' '' "$(owned hostc)"
for host in hosta hostb hostc; do lab_weave "$host" stop; done
