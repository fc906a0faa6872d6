# shellcheck shell=bash
# lab: a full range: what is freed elsewhere is had at once; hosts that die, are taken over and return; peers whose rings do not fit
# needs: weave curl
# kernel: host
# limit: 120
# catalogue: 335 360

ask() { # HOST METHOD PATH EXPECTED-STATUS [BODY-PATTERN]
  lab_ip "$1" "$2" "$3"
  [[ $LAB_STATUS == "$4" ]] || lab_fail "$2 $3 on $1: $LAB_STATUS $LAB_STDOUT, not $4"
  [[ -z ${5:-} ]] || lab_match "$2 $3 on $1" "$5" "$LAB_STDOUT"
}
took() { printf '%s\n' $(($(lab_now_ms) - $1)); }

# --- A full range: three hosts share /28, fourteen addresses.
lab_ipam_hosts 3 --no-dns --ipalloc-range 10.32.0.0/28
for number in $(seq 14); do lab_ip_allocate "host$((number % 3 + 1))" "c$number" >/dev/null; done
lab_ip_no_duplicates host1 host2 host3
lab_equal 'addresses of a /28 in use' 14 "$(for host in host1 host2 host3; do lab_ip_held "$host"; done | sort -u | wc -l)"
start=$(lab_now_ms)
ask host1 POST '/ip/more?timeout=1' 503 '^timed out: no free address in 10.32.0.0/28 here; none left at .*host2.*host3|host3.*host2'
lab_at_most 'the answer that nothing is left' 2000 "$(took "$start")"

# What is released elsewhere is had at once.
lab_ip_background host1 waiting POST '/ip/waiting?timeout=20'
lab_wait 5 'an allocation waits' eval "lab_weave host1 status | grep -q 'waiting for IP(s) to become available'"
start=$(lab_now_ms)
ask host2 DELETE /ip/c1 204
lab_ip_answer waiting 5
lab_equal 'the waiting allocation' 200 "$LAB_STATUS"
lab_say "released on host2, had on host1 after $((LAB_ANSWERED - start)) ms"
lab_at_most 'a released address reaches who waits for it' 1000 $((LAB_ANSWERED - start))
lab_ip_no_duplicates host1 host2 host3

lab_case 335
# --- A host that dies: who has space is named, and the command that helps.
lab_host_power_off host3
gone() { lab_weave "$1" status ipam | grep -q 'host3.*unreachable'; }
lab_wait 40 'host1 notices that host3 is gone' gone host1
ask host1 POST '/ip/more?timeout=1' 503 "unreachable: [0-9a-f:]+\(host3\) \(use 'rmpeer' if dead\)"

# A reachable peer cannot be taken over; a dead one can, by nickname also after a restart.
lab_capture host1 weave rmpeer host2
lab_equal 'rmpeer of a reachable peer' 1 "$LAB_STATUS"
lab_match 'rmpeer of a reachable peer' 'host2.* is still in the mesh' "$LAB_STDERR"
lab_weave host1 stop 2>/dev/null
lab_weave_launch host1 --no-dns --ipalloc-range 10.32.0.0/28 192.0.2.2
lab_weave_connected 1 host1 host2
lab_wait 10 'host2 notices too' gone host2
lab_capture host1 weave rmpeer host3
lab_equal 'rmpeer by nickname after a restart' 0 "$LAB_STATUS"
lab_match 'rmpeer by nickname after a restart' '^[1-9][0-9]* IPs taken over from host3$' "$LAB_STDOUT"
start=$(lab_now_ms)
no_host3() { ! lab_weave host2 status ipam | grep -q host3; }
lab_wait 5 'host2 knows of it' no_host3
lab_at_most 'the other peer knows of the take-over' 1000 "$(took "$start")"
lab_capture host1 weave rmpeer host3
lab_equal 'rmpeer again' '0:0 IPs taken over from host3' "$LAB_STATUS:$LAB_STDOUT"
lab_ip_allocate host1 after >/dev/null
lab_ip_no_duplicates host1 host2

lab_case
# It returns with its old database and addresses in use: its status says so, nobody else is given them meanwhile.
lab_host_power_on host3
lab_weave_launch host3 --no-dns --ipalloc-range 10.32.0.0/28 192.0.2.1 192.0.2.2
lab_weave_connected 2 host3
lab_wait 15 'host3 is told that its addresses belong to others' eval "lab_weave host3 status ipam | grep -q '^Conflict: '"
lab_say "host3: $(lab_weave host3 status ipam | grep '^Conflict')"

lab_case 360
# --- Rings formed apart: each says what is wrong and what to do; a third is unharmed.
lab_weave host1 stop 2>/dev/null
lab_weave host1 reset --force 2>/dev/null
lab_host_create host4 192.0.2.4
lab_weave_launch host4 --no-dns --ipalloc-range 10.32.0.0/28
lab_ip_allocate host4 a >/dev/null
lab_weave host4 connect 192.0.2.2
foreign() { lab_weave host4 status ipam | grep -q 'seeded by different peers.*weave reset' || lab_weave host2 status ipam | grep -q 'seeded by different peers.*weave reset'; }
lab_wait 10 'the peers say that their rings do not fit' foreign
lab_weave_pid host2 >/dev/null || lab_fail 'host2 has died of it'
lab_weave_pid host3 >/dev/null || lab_fail 'host3 has died of it'
# Whichever end has noticed it: who dialled says so.
told() { lab_weave host4 status connections | grep -q 'failed .*seeded by different peers'; }
lab_wait 10 'status connections of host4 says why' told
