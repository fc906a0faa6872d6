# shellcheck shell=bash
# lab: what DNS answers: names by hand, any case, types without data, reverse, 50 addresses in all sizes; the world through upstream servers
# needs: weave docker dig getent musl-gcc dnsmasq python3
# kernel: host
# limit: 120
# catalogue: 240 245 250 265 290 295

# The world: a server with 60 addresses of one name and reverse names, and another that says something else.
lab_host_create world 192.0.2.53
lab_attach world net0 192.0.2.54
{
  printf '203.0.113.5 outside.example\n'
  for ((i = 1; i <= 60; i++)); do printf '203.0.113.%d many.example\n' "$((100 + i))"; done
} >"$LAB_DIR/world"
lab_upstream world "$LAB_DIR/world" --address=/#/ --listen-address=192.0.2.53 --bind-interfaces --ptr-record=5.113.0.203.in-addr.arpa,outside.example
printf '203.0.113.6 outside.example\n' >"$LAB_DIR/other"
lab_spawn world other dnsmasq --keep-in-foreground --conf-file=/dev/null --no-resolv --no-hosts --addn-hosts="$LAB_DIR/other" \
  --user=root --pid-file= --listen-address=192.0.2.54 --bind-interfaces --address=/#/

lab_host_create hosta 192.0.2.1
lab_host_create hostb 192.0.2.2
lab_exec hosta sh -c 'echo nameserver 192.0.2.53 >/etc/resolv.conf'
lab_dockerd_start hosta
lab_resolver_image hosta
lab_weave_launch hosta
lab_weave_launch hostb --dns-listen-address 127.0.0.1:53 192.0.2.1
lab_named_container hosta c1 -h one.weave.local --network-alias=SeEtWo
lab_named_container hosta c2 --network-alias=seetwo
address1=$(lab_container_address hosta c1)
address2=$(lab_container_address hosta c2)
lab_wait 5 'one' lab_knows hosta one.weave.local "$address1"
lab_wait 5 'c2' lab_knows hosta c2.weave.local "$address2"
far() { [[ $(lab_exec hostb dig @127.0.0.1 +short +tries=1 "$1.weave.local" | sort -V | tr '\n' ' ') == "${*:2}${2:+ }" ]]; } # NAME ADDRESS...

lab_case 245
# Two containers whose names differ in case alone have one name.
lab_wait 5 'containers of two spellings' lab_knows hosta SEETWO.weave.local "$address1" "$address2"
lab_equal 'containers of two spellings by dns-lookup' "$(printf '%s\n' "$address1" "$address2" | sort -V)" "$(lab_weave hosta dns-lookup seetwo | sort -V)"

lab_case 240
# By hand: a container's own addresses, others, none; with and without a name; and gone again in all these ways.
lab_weave hosta dns-add c2 -h alias.weave.local
lab_weave hosta dns-add c1
lab_weave hosta dns-add 10.32.9.1 10.32.9.2 c2 -h extra.weave.local
lab_weave hosta dns-add 192.0.2.200 -h outside.weave.local
lab_equal 'a container by another name' "$address2" "$(lab_addresses hosta alias.weave.local)"
lab_equal 'a container by its own name' "$address1" "$(lab_addresses hosta one.weave.local)"
lab_equal 'more addresses of a container' '10.32.9.1 10.32.9.2' "$(lab_addresses hosta extra.weave.local)"
lab_equal 'an address of no container' 192.0.2.200 "$(lab_weave hosta dns-lookup outside)"
lab_match 'status dns of no container' '^outside +192\.0\.2\.200 +weave:extern ' "$(lab_weave hosta status dns)"
lab_wait 5 'names by hand reach the other host' far extra 10.32.9.1 10.32.9.2
lab_capture hosta weave dns-add c2 -h name.elsewhere.example
lab_equal 'exit of dns-add outside the domain' 0 "$LAB_STATUS"
lab_match 'dns-add outside the domain' 'not in the domain weave\.local' "$LAB_STDERR"
lab_capture hosta weave dns-add c2
lab_match 'dns-add of a container without a domain' '^0 .*has no domain' "$LAB_STATUS $LAB_STDERR"
lab_capture hosta weave dns-add nobody -h x.weave.local
lab_match 'dns-add of no such container' '^1 unable to inspect container nobody: No such container: nobody' "$LAB_STATUS $LAB_STDERR"
lab_capture hosta weave dns-add 10.32.9.3
lab_match 'dns-add without a name' '^1 .*[Uu]sage' "$LAB_STATUS $LAB_STDERR"
lab_weave hosta dns-remove 10.32.9.1 c2 -h EXTRA.weave.local
lab_equal 'one address is removed' 10.32.9.2 "$(lab_addresses hosta extra.weave.local)"
lab_weave hosta dns-remove 192.0.2.200 -h outside.weave.local
lab_equal 'an address of no container is removed' '' "$(lab_weave hosta dns-lookup outside)"
lab_capture hostb weave dns-remove 10.32.9.2 -h extra.weave.local
lab_equal 'a name of a container elsewhere is none of ours' '0|' "$LAB_STATUS|$LAB_STDERR"
lab_weave hosta dns-add 192.0.2.201 -h theirs.weave.local
lab_wait 5 'a name of no container reaches the other host' far theirs 192.0.2.201
lab_capture hostb weave dns-remove 192.0.2.201 -h theirs.weave.local
lab_equal 'a name that another host has registered' \
  "0|(theirs.weave.local is still registered by peer $(lab_weave_name hosta): remove it on that host)" "$LAB_STATUS|$LAB_STDERR"
lab_weave hosta dns-remove c2
for name in alias extra c2; do lab_equal "$name after the container's names were removed" '' "$(lab_addresses hosta "$name.weave.local")"; done
lab_wait 5 'removal reaches the other host' far extra
lab_weave hosta dns-add c2 -h c2.weave.local

lab_case 245
# Any case, asked and registered; the answer repeats the question.
lab_weave hosta dns-add 10.32.9.5 -h TwIcE.weave.local
lab_weave hosta dns-add 10.32.9.6 -h twice.weave.local
lab_equal 'two spellings are one name' '10.32.9.5 10.32.9.6' "$(lab_addresses hosta tWIcE.WeAvE.LoCaL)"
lab_match 'the answer repeats the question' '^tWIcE\.WeAvE\.LoCaL\..*A.*10\.32\.9\.5' "$(lab_dig hosta tWIcE.WeAvE.LoCaL +noall +answer)"
lab_equal 'reverse in any case' TwIcE.weave.local. "$(lab_dig hosta +short PTR 5.9.32.10.In-Addr.ARPA)"
lab_equal 'reverse by dns-lookup' twice.weave.local. "$(lab_weave hosta dns-lookup 10.32.9.6)"

lab_case 250
# What is not there: other types are empty with an SOA to remember that by, other names do not exist. One question each, over UDP and TCP.
for how in +notcp +tcp; do
  for type in AAAA MX TXT SRV HTTPS ANY; do
    reply=$(lab_dig hosta one.weave.local "$type" "$how")
    lab_match "$type $how of a name that exists" 'status: NOERROR' "$reply"
    lab_match "flags of $type $how" 'flags: qr aa rd ra.* QUERY: 1, ANSWER: 0, AUTHORITY: 1' "$reply"
    lab_match "SOA of $type $how" '^weave\.local\..*SOA' "$reply"
  done
  reply=$(lab_dig hosta nobody.weave.local "$how")
  lab_match "no such name $how" 'status: NXDOMAIN' "$reply"
  lab_match "SOA of no such name $how" '^weave\.local\..*SOA' "$reply"
done

lab_case 265
# An address that one container after the other has.
for name in first second; do
  lab_docker hosta run -d --name "$name" --net=weave --ip 10.40.0.99 --stop-signal KILL resolvers:lab sleep 86400 >/dev/null
  lab_wait 5 "reverse of $name" eval "[[ \$(lab_dig hosta +short -x 10.40.0.99) == $name.weave.local. ]]"
  lab_docker hosta rm -f "$name" >/dev/null
  lab_wait 2 "reverse of $name is gone" eval "[[ -z \$(lab_dig hosta +short -x 10.40.0.99) ]]"
done

lab_case 295
# Fifty addresses: whole over TCP and in a large datagram, cut with TC in a small one, in another order each time.
big=()
for ((i = 1; i <= 50; i++)); do big+=("10.33.0.$i"); done
lab_weave hosta dns-add "${big[@]}" -h big.weave.local
lab_wait 5 'fifty addresses' lab_knows hosta big.weave.local "${big[@]}"
counted() { lab_dig hosta big.weave.local +noall +answer "$@" | grep -c 10.33.0; }
lab_equal 'fifty over TCP' 50 "$(counted +tcp)"
lab_equal 'fifty by EDNS' 50 "$(counted +notcp +ignore +bufsize=4096)"
some=$(counted +notcp +ignore +noedns)
((some > 5 && some < 50)) || lab_fail "a plain datagram has $some of fifty addresses"
more=$(counted +notcp +ignore +bufsize=700)
((more > some && more < 50)) || lab_fail "a datagram of 700 bytes has $more of fifty addresses, a plain one $some"
lab_match 'TC in a plain datagram' 'flags: qr aa tc rd ra' "$(lab_dig hosta big.weave.local +notcp +ignore +noedns)"
lab_equal 'a client that follows TC' 50 "$(counted +noedns)"
[[ $(lab_dig hosta +short +tcp big.weave.local) != "$(lab_dig hosta +short +tcp big.weave.local)" ]] || lab_fail 'fifty addresses come in the same order'
lab_equal 'fifty for glibc' 50 "$(lab_docker hosta exec c1 getent ahostsv4 big | grep -c STREAM)"
# musl follows TC since 1.2.4; before it takes what is there.
got=$(lab_docker hosta exec c1 musl-lookup big.weave.local 4 | grep -c 10.33.0)
((got >= some)) || lab_fail "musl has $got of fifty addresses, a plain datagram $some"

lab_case 290
# The rest of the world, forward and backward, in all sizes, from a container.
lab_finds hosta c1 outside.example 203.0.113.5
lab_equal 'a reverse name of the world' outside.example. "$(lab_dig hosta +short -x 203.0.113.5)"
lab_match 'a reverse name of the world in a container' '^203\.0\.113\.5 +outside\.example$' "$(lab_docker hosta exec c1 getent hosts 203.0.113.5)"
lab_match 'no such name in the world' 'status: NXDOMAIN' "$(lab_dig hosta nobody.example)"
lab_equal 'sixty of the world' 60 "$(lab_dig hosta +short many.example | grep -c '^203')"
lab_equal 'sixty of the world for glibc' 60 "$(lab_docker hosta exec c1 getent ahostsv4 many.example | grep -c STREAM)"
lab_match 'sixty of the world in a plain datagram' 'flags: qr[a-z ]* tc' "$(lab_dig hosta many.example +notcp +ignore +noedns)"

lab_case
# Questions from other hosts are not for us, and only this one address listens.
lab_equal 'who listens' '172.17.0.1:53' "$(lab_exec hosta ss -Hlntu 'sport = :53' | awk '{print $5}' | sort -u)"
lab_match 'asked from another host' 'refused|no servers could be reached' "$(lab_exec hostb dig @192.0.2.1 +tries=1 +time=1 one.weave.local || true)"

# Another resolv.conf is noticed, in which the host may name us too, to find containers itself; a first server that is dead or silent costs
# little, and the second answers.
lab_exec hosta sh -c 'printf "nameserver 172.17.0.1\nnameserver 192.0.2.99\nnameserver 192.0.2.54\n" >/etc/resolv.conf'
lab_wait 8 'a new resolv.conf' lab_knows hosta outside.example 203.0.113.6
lab_wait 8 'a new resolv.conf in status' eval "lab_weave hosta status | grep -q 'Upstream: 192.0.2.99, 192.0.2.54$'"
lab_equal 'the host finds a container' "$address1" "$(lab_exec hosta getent hosts one.weave.local | cut -d ' ' -f 1)"
start=$(lab_now_ms)
lab_match 'behind a dead server' 'status: NXDOMAIN' "$(lab_dig hosta fresh1.example)"
lab_at_most 'a question behind a dead first server' 1500 $(($(lab_now_ms) - start))
lab_say "a question behind a dead first server: $(lab_since "$start") s"
lab_exec hosta sh -c 'rm /etc/resolv.conf; echo "# nobody" >/etc/resolv.conf'
lab_wait 8 'nobody upstream' eval "lab_weave hosta status | grep -q 'Upstream: none'"
lab_match 'nobody upstream' 'status: SERVFAIL' "$(lab_dig hosta fresh2.example)"
lab_equal 'our own names with nobody upstream' "$address1" "$(lab_addresses hosta one.weave.local)"
