# shellcheck shell=bash
# lab: no consensus is said and ends with the third host; claims after lost data; reset in turn; observers, seeds, other ranges and names; claims and take-overs at the same moment
# needs: weave curl
# kernel: host
# limit: 120
# catalogue: 320 330 340 350 362 380

ask() { # HOST METHOD PATH EXPECTED-STATUS [BODY-PATTERN]
  lab_ip "$1" "$2" "$3"
  [[ $LAB_STATUS == "$4" ]] || lab_fail "$2 $3 on $1: $LAB_STATUS $LAB_STDOUT, not $4"
  [[ -z ${5:-} ]] || lab_match "$2 $3 on $1" "$5" "$LAB_STDOUT"
}
fresh() { # HOST...: nothing of weave is left
  local host
  for host in "$@"; do lab_weave "$host" reset --force 2>/dev/null; done
}
for number in 1 2 3; do lab_host_create "host$number" "192.0.2.$number"; done
others=(--no-dns 192.0.2.1 192.0.2.2 192.0.2.3)

lab_case 320 340
# --- One of three: nothing is decided, and everybody is told for whom it waits.
lab_weave_launch host1 "${others[@]}"
lab_equal 'idle status ipam' '' "$(lab_weave host1 status ipam)"
lab_equal 'idle' idle "$(lab_ipam_state host1)"
start=$(lab_now_ms)
ask host1 POST '/ip/a?timeout=1' 503 'initial peers reachable; missing .*192.0.2.2.*192.0.2.3'
lab_at_most 'the answer without consensus' 2000 $(($(lab_now_ms) - start))
lab_match 'weave status' 'WaitingFor: .*missing .*192.0.2.2' "$(lab_weave host1 status)"
lab_match 'weave status' 'Status: awaiting consensus \(quorum: 2, known: 1\)' "$(lab_weave host1 status)"
ask host1 PUT '/ip/out/10.1.2.3/24?timeout=1' 204
lab_ip_background host1 claim PUT '/ip/b/10.47.0.9/12?timeout=30'
lab_ip_background host1 prime GET /ring
lab_weave_launch host2 "${others[@]}"
lab_ip_answer claim 10
lab_equal "a claim that waited ($LAB_STDOUT)" 204 "$LAB_STATUS"
lab_ip_answer prime 5
lab_equal 'weave prime' 200 "$LAB_STATUS"
lab_weave_launch host3 "${others[@]}"
lab_weave_connected 2 host1 host2 host3

lab_case 320
# --- Lost data: an address claimed again is asked from the peer that has it now.
lost=$(lab_ip_allocate host1 lost)
lab_ip_allocate host3 x >/dev/null
lab_weave host1 reset 2>/dev/null
lab_weave_launch host1 "${others[@]}"
lab_weave_connected 2 host1
start=$(lab_now_ms)
ask host1 PUT "/ip/lost/$lost/12?timeout=10" 204
lab_say "claim of an address that was given to another peer: $(($(lab_now_ms) - start)) ms"
lab_at_most 'a claim from another peer' 2000 $(($(lab_now_ms) - start))

lab_case 330
# --- Reset in turn, with allocation going on at once.
for host in host2 host3; do
  lab_weave "$host" reset 2>/dev/null
  start=$(lab_now_ms)
  lab_ip_allocate host1 "after-$host" >/dev/null
  lab_at_most "allocation after the reset of $host" 1000 $(($(lab_now_ms) - start))
  lab_equal "what reset leaves on $host" '' "$(lab_weave_remains "$host")"
  lab_weave_launch "$host" "${others[@]}"
  lab_weave_connected 2 "$host"
  start=$(lab_now_ms)
  lab_ip_allocate "$host" again >/dev/null
  lab_at_most "allocation on $host launched again" 1000 $(($(lab_now_ms) - start))
done
lab_ip_no_duplicates host1 host2 host3

lab_case
# --- The same address asked for on two hosts at the same moment: one gets it.
for round in $(seq 20); do
  for host in host2 host3; do lab_ip_background "$host" "$host" PUT "/ip/r$round/10.40.1.$round/12?timeout=10"; done
  won=0
  for host in host2 host3; do
    lab_ip_answer "$host" 12
    [[ $LAB_STATUS != 204 ]] || won=$((won + 1))
  done
  lab_equal "winners of 10.40.1.$round" 1 "$won"
done
lab_ip_no_duplicates host1 host2 host3

lab_case 362
# --- Another range: what was recorded for the old one goes, and allocation works.
for host in host1 host2 host3; do lab_weave "$host" stop 2>/dev/null; done
for number in 1 2 3; do lab_weave_launch "host$number" --ipalloc-range 10.64.0.0/16 "${others[@]}"; done
start=$(lab_now_ms)
lab_match 'an address of the new range' '^10\.64\.' "$(lab_ip_allocate host1 a)"
lab_at_most 'allocation in the new range' 10000 $(($(lab_now_ms) - start))
grep -q 'Deleting persisted data for IPAM range 10.32.0.0-10.47.255.255; our range is 10.64.0.0-10.64.255.255' "$(lab_weave_log host1)" ||
  lab_fail 'the log does not say that the old range was dropped'

lab_case 340 350
# --- Observers do not vote, but their need starts the election.
fresh host1 host2 host3
lab_weave_launch host1 --ipalloc-init observer "${others[@]}"
lab_weave_launch host2 --ipalloc-init consensus=2 "${others[@]}"
lab_weave_connected 1 host1 host2
lab_ip_background host1 observer POST '/ip/a?timeout=30'
primes() { [[ $(lab_ipam_state host1) == priming ]]; }
lab_wait 5 'the observer waits' primes
lab_match 'one elector of two' 'quorum: 2, known: 1' "$(lab_ipam_state host2)"
lab_weave_launch host3 --ipalloc-init consensus=2 "${others[@]}"
lab_ip_answer observer 10
lab_equal "the observer's address ($LAB_STDOUT)" 200 "$LAB_STATUS"

lab_case 380
# --- Seeds: both allocate without ever having met; another name drops what was stored.
fresh host1 host2 host3
lab_weave_launch host1 --no-dns --name ::1 --ipalloc-init seed=::1,::2
lab_weave_launch host2 --no-dns --name ::2 --ipalloc-init seed=::1,::2
lab_equal 'address of ::1' 10.32.0.1 "$(lab_ip_allocate host1 a)"
lab_equal 'address of ::2' 10.40.0.0 "$(lab_ip_allocate host2 a)"
lab_weave host1 connect 192.0.2.2
lab_weave_connected 1 host1 host2
lab_match 'status ipam' '^00:00:00:00:00:02\(host2\) {16}524288 IPs \(50.0% of total\) \(1 active\)$' "$(lab_weave_ipam host2)"
lab_weave host2 stop 2>/dev/null
lab_weave_launch host2 --no-dns --name ::3
grep -q 'Deleting persisted data for peername 00:00:00:00:00:02' "$(lab_weave_log host2)" || lab_fail 'the log does not say that the old name was dropped'
ask host2 GET /ip 200 '"owned":null'

lab_case
# --- Two hosts take over a dead one at the same moment: they share what is left, and nothing is given twice.
fresh host1 host2
small=(--no-dns --ipalloc-range 10.32.0.0/27 192.0.2.1 192.0.2.2 192.0.2.3)
fresh host3
for number in 1 2 3; do lab_weave_launch "host$number" "${small[@]}"; done
lab_weave_connected 2 host1 host2 host3
for host in host1 host2 host3; do lab_ip_allocate "$host" first >/dev/null; done
lab_host_power_off host3
for host in host1 host2; do
  lab_wait 40 "$host notices that host3 is gone" eval "lab_weave $host status ipam | grep -q 'host3.*unreachable'"
done
for host in host1 host2; do lab_ip_background "$host" "$host" DELETE /peer/host3; done
for host in host1 host2; do
  lab_ip_answer "$host" 5
  lab_match "take-over on $host" '^200 [0-9]+ IPs taken over from host3' "$LAB_STATUS $LAB_STDOUT"
done
agree() { [[ $(lab_weave_ipam host1 | sed 's/ ([0-9]* active)//') == "$(lab_weave_ipam host2 | sed 's/ ([0-9]* active)//')" ]]; }
lab_wait 10 'both agree on who owns what' agree
for number in $(seq 28); do
  host=host$((number % 2 + 1))
  lab_ip "$host" POST "/ip/all$number?timeout=3"
done
lab_ip_no_duplicates host1 host2
lab_equal 'addresses in use in a /27 with one dead host' 30 "$(for host in host1 host2; do lab_ip_held "$host"; done | sort -u | wc -l)"
