# shellcheck shell=bash
# lab: with a password everything between hosts is sealed; another or no password is refused with a plain reason
# needs: weave docker tcpdump python3 ping curl
# kernel: host
# catalogue: 110 115
# limit: 120

lab_host_create hosta 192.0.2.1
lab_host_create hostb 192.0.2.2
lab_host_create hostc 192.0.2.3
lab_dockerd_start hosta hostb
lab_image_load hosta hostb
secret=correct-horse
printf '%s\n' "$secret" | tee "$LAB_DIR/hosts/hosta/run/password" >"$LAB_DIR/hosts/hostb/run/password"
lab_weave_launch hosta --password "$secret" --fast-path=none
lab_weave_launch hostb --password-file /run/password --fast-path=none 192.0.2.1
lab_weave_connected 1 hosta hostb
lab_weave_containers c1:hosta c2:hostb
address2=$(lab_container_address hostb c2)

suite='(aes-256-gcm|chacha20-poly1305)' # by the processor
lab_case 110
encrypted() { lab_weave "$1" status connections | grep -qE "established +encrypted +sleeve .* mtu=[0-9]+ cipher=$suite( |\$)"; }
for host in hosta hostb; do
  lab_wait 10 "an encrypted connection of $host" encrypted "$host"
  ! grep -rq "$secret" "$LAB_DIR/hosts/$host/run/weave" || lab_fail "the password is in a file of /run/weave on $host"
  pid=$(lab_weave_pid "$host")
  for place in "/proc/$pid/cmdline" "/proc/$pid/environ"; do
    lab_exec "$host" test -e "$place" || lab_fail "no $place"
    ! lab_exec "$host" grep -qaFf /run/password "$place" || lab_fail "the password is in $place of weaver on $host"
  done
  ! lab_exec "$host" sh -c 'grep -laFf /run/password /proc/[0-9]*/cmdline' 2>/dev/null ||
    lab_fail "the password is in the command line of a process of $host"
  lab_weave "$host" report >"$LAB_DIR/report.$host"
  lab_match 'a report' '"cipher"' "$(cat "$LAB_DIR/report.$host")"
  ! grep -qF "$secret" "$LAB_DIR/report.$host" || lab_fail "the password is in the report of $host"
  lab_match 'status' "Ciphers: $suite 1" "$(lab_weave "$host" status)"
done

metrics=$(lab_exec hosta curl -sf http://127.0.0.1:6782/metrics)
grep -qx 'weave_connections{encryption="yes",state="established",type="sleeve"} 1' <<<"$metrics" ||
  lab_fail "no encrypted connection in the metrics: $(grep weave_connections <<<"$metrics" | tr '\n' ' ')"
for metric in 'weave_ips{state="local-used"}' weave_max_ips weave_ipam_unreachable_count weave_dns_entries; do
  grep -qF "$metric " <<<"$metrics" || lab_fail "no $metric in the metrics"
done

lab_case 110
# listen NAME: captures the underlay while marked pings of two sizes cross it.
listen() {
  local capture=$LAB_DIR/$1.pcap
  lab_spawn hosta "$1" tcpdump --immediate-mode -i eth0 -U -w "$capture" udp or tcp port 6783
  lab_wait 10 'tcpdump listens' test -s "$capture"
  lab_container_net hosta c1 ping -q -c 20 -i 0.1 -s 1000 -p 77656176 "$address2" >/dev/null
  lab_container_net hosta c1 ping -q -c 3 -i 0.2 -s 9000 -p 77656176 "$address2" >/dev/null
  lab_end hosta "$1"
}
packets_with_mark() { python3 "$LAB_ROOT/lib/marked.py" "$LAB_DIR/$1.pcap" 77656176776561767765617677656176; }

lab_ping hosta c1 "$address2" 64
listen sealed
read -r marked packets <<<"$(packets_with_mark sealed)"
((packets >= 30)) || lab_fail "only $packets packets were captured"
lab_equal 'packets that show what containers send' 0 "$marked"
lab_say "none of $packets packets on the underlay shows what containers send"

lab_case
# Who has another password, or none, is told why.
reason() { lab_weave "$1" status connections | grep -q "$2"; }
lab_weave_launch hostc --password wrong 192.0.2.1
for host in hosta hostc; do
  lab_wait 10 "$host tells of the passwords" reason "$host" 'failed .*Unable to decrypt TCP msg (the passwords differ)'
done
lab_weave hostc reset
lab_weave_launch hostc 192.0.2.1
lab_wait 10 'hostc is told that a password is wanted' reason hostc \
  'failed .*no password specificed, but peer requested an encrypted connection (this host has no password)'
lab_wait 10 'hosta tells that the peer has none' reason hosta \
  'failed .*password specified, but peer requested an unencrypted connection (the peer has no password)'
lab_weave hostc reset

# Who offers no suite, as the original, is spoken to in secretboxes.
lab_exec hostc env WEAVE_SLEEVE_SUITES= WEAVE_PASSWORD="$secret" weave launch --fast-path=none 192.0.2.1 >/dev/null
for host in hosta hostc; do
  lab_wait 10 "a secretbox at $host" reason "$host" 'established encrypted   sleeve .* cipher=secretbox'
done
lab_weave hostc reset

lab_case 115
# Both ends trust the other's subnet: sealed mesh, clear frames; one alone: sealed.
for host in hosta hostb; do lab_weave "$host" stop; done
lab_capture hosta weave launch --require-encryption
((LAB_STATUS != 0)) || lab_fail '--require-encryption without a password was accepted'
lab_match 'what to do' 'needs a password: give it by --password-file or WEAVE_PASSWORD' "$LAB_STDERR"
lab_weave_launch hosta --password "$secret" --fast-path=none --trusted-subnets 192.0.2.0/24 --require-encryption
# Trust at one end is not enough.
lab_weave_launch hostb --password "$secret" --fast-path=none 192.0.2.1
for host in hosta hostb; do lab_wait 10 "encryption at $host, where one end trusts" encrypted "$host"; done
lab_weave hostb stop
lab_weave_launch hostb --password "$secret" --fast-path=none --trusted-subnets 192.0.2.0/24 192.0.2.1
for host in hosta hostb; do
  lab_wait 10 "$host tells that encryption is required" reason "$host" 'failed .*encryption is required at '
done
lab_weave hosta stop
lab_weave_launch hosta --password "$secret" --fast-path=none --trusted-subnets 192.0.2.0/24 192.0.2.2
unencrypted() { lab_weave "$1" status connections | grep -qE 'established +unencrypted +sleeve'; }
for host in hosta hostb; do lab_wait 10 "a trusted connection of $host" unencrypted "$host"; done
listen clear
read -r marked packets <<<"$(packets_with_mark clear)"
((marked >= 30)) || lab_fail "of $packets packets between hosts that trust each other only $marked show what containers send"

lab_case
# The fast path has to be encrypted by the kernel; who cannot do that says so, and sleeve takes its place.
if ! lab_exec hostc ip xfrm state add src 203.0.113.1 dst 203.0.113.2 proto esp spi 0x1234 mode transport \
  aead 'rfc4106(gcm(aes))' "0x$(printf '11%.0s' {1..36})" 128 2>/dev/null; then
  lab_capture hostc weave launch --password "$secret" --fast-path bpf
  ((LAB_STATUS != 0)) || lab_fail 'a fast path that cannot be encrypted was not refused'
  lab_match 'why a fast path is refused' 'this kernel cannot encrypt by ESP' "$LAB_STDERR"
  lab_weave_launch hostc --password "$secret"
  lab_match 'status without ESP' 'FastPath: none, this kernel cannot encrypt by ESP' "$(lab_weave hostc status)"
fi
