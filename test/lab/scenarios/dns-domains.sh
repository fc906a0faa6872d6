# shellcheck shell=bash
# lab: --dns-domain with and without its final dot, sub-domains, short names through search lists and completed by the server, --no-dns
# needs: weave docker dig getent musl-gcc dnsmasq
# kernel: host
# limit: 120
# catalogue: 205 220 225 230

lab_host_create world 192.0.2.53
printf '203.0.113.5 outside.example\n' >"$LAB_DIR/world"
lab_upstream world "$LAB_DIR/world" --address=/#/
for host in hosta hostb; do
  lab_host_create "$host" "192.0.2.$([[ $host == hosta ]] && echo 1 || echo 2)"
  lab_exec "$host" sh -c 'echo nameserver 192.0.2.53 >/etc/resolv.conf'
done
lab_dockerd_start hosta hostb
lab_resolver_image hosta hostb

lab_case 220
# The same domain, spelt in both ways.
lab_weave_launch hosta --dns-domain foo.bar
lab_weave_launch hostb --dns-domain Foo.Bar. 192.0.2.1
lab_weave_connected 1 hosta hostb
lab_equal 'dns-args without the final dot' '--dns=172.17.0.1 --dns-search=foo.bar.' "$(lab_weave hosta dns-args)"
lab_equal 'dns-args with the final dot' '--dns=172.17.0.1 --dns-search=Foo.Bar.' "$(lab_weave hostb dns-args)"
lab_named_container hosta c1 -h one.foo.bar
lab_named_container hostb c2 -h two.sub.foo.bar
lab_named_container hostb c3 -h three.weave.local
address1=$(lab_container_address hosta c1)
address2=$(lab_container_address hostb c2)
address3=$(lab_container_address hostb c3)
for name in one c1; do lab_wait 5 "$name on hostb" lab_knows hostb "$name.foo.bar" "$address1"; done
for name in two.sub c2; do lab_wait 5 "$name on hosta" lab_knows hosta "$name.foo.bar" "$address2"; done
lab_case 225
lab_finds hosta c1 two.sub.foo.bar "$address2"
# musl does not search where Docker says ndots:0, nor does a question with a final dot.
searched() { lab_docker "$1" exec "$2" getent ahostsv4 "$3" | grep STREAM | cut -d ' ' -f 1; } # HOST CONTAINER NAME
lab_equal 'two labels, completed from the search list' "$address2" "$(searched hosta c1 two.sub)"
lab_case 220
lab_finds hostb c2 one "$address1"
lab_equal 'a host name in another domain' '' "$(lab_addresses hosta three.weave.local)"
lab_match 'status dns in another domain' "^two.sub +$address2 " "$(lab_weave hosta status dns)"

lab_case 225 230
# Short names below a sub-domain, where the container looks for them; without a search list the server completes them.
lab_docker hosta run -d --name searching --net=weave --dns=172.17.0.1 --dns-search=sub.foo.bar --dns-search=foo.bar \
  --stop-signal KILL resolvers:lab sleep 86400 >/dev/null
lab_docker hosta run -d --name bare --net=weave --dns=172.17.0.1 --dns-search=. --stop-signal KILL resolvers:lab sleep 86400 >/dev/null
lab_finds hosta searching c2 "$address2"
lab_equal 'a short name below a sub-domain' "$address2" "$(searched hosta searching two)"
lab_finds hosta bare c2 "$address2"
lab_finds hosta bare two.sub.foo.bar "$address2"
lab_equal 'completed by the server' "$address1" "$(lab_addresses hostb one +nosearch)"
lab_equal 'two labels are not completed' '' "$(lab_addresses hostb two.sub +nosearch)"

lab_case
# The rest of the world, through weaveDNS.
lab_finds hosta c1 outside.example 203.0.113.5

# Peers may have different domains: names of others travel and are listed, but are not ours to answer.
lab_weave hostb stop >/dev/null 2>&1
lab_weave_launch hostb --dns-domain weave.local 192.0.2.1
lab_wait 10 'the names of c3 after a change of domain' lab_knows hostb three.weave.local "$address3"
lab_match 'names of another domain in status dns' "^one\.foo\.bar\.? +$address1 " "$(lab_weave hostb status dns)"
lab_wait 5 'names of another domain are told' eval "lab_weave hosta status dns | grep -qE '^three\.weave\.local\.? +$address3 '"
lab_equal 'names of another domain are not answered' '' "$(lab_addresses hosta three.weave.local)"
lab_case 205

# No DNS at all: containers find the world without us.
lab_weave hosta stop >/dev/null 2>&1
lab_weave_launch hosta --no-dns
lab_capture hosta weave dns-args
lab_equal 'dns-args without DNS' '0||the name service is off in the running daemon' "$LAB_STATUS|$LAB_STDOUT|$LAB_STDERR"
lab_absent 'status without DNS' 'Service: dns' "$(lab_weave hosta status)"
lab_equal 'status dns without DNS' '' "$(lab_weave hosta status dns)"
lab_capture hosta weave dns-lookup one
lab_match 'dns-lookup without DNS' 'name service is off' "$LAB_STDERR"
lab_named_container hosta c4
lab_finds hosta c4 outside.example 203.0.113.5
[[ -z $(lab_exec hosta ss -Hlntu 'sport = :53') ]] || lab_fail 'something listens for DNS with --no-dns'
