# shellcheck shell=bash
# lab: other firewalls on the host: firewalld with both its back ends, reloaded and restarted; Docker in legacy iptables, and both kinds at once
# needs: weave docker firewalld firewall-cmd dbus-daemon iptables-legacy nft
# kernel: host
# limit: 200

lab_host_create hosta 192.0.2.1
lab_host_create hostb 192.0.2.2
lab_host_create outside 192.0.2.3
lab_firewalld_start hosta
# On hostb Docker brings its own iptables, which is the legacy one.
lab_exec hostb sh -c 'mkdir /run/legacy; for name in iptables iptables-save iptables-restore; do ln -s "/usr/sbin/iptables-legacy${name#iptables}" "/run/legacy/$name"; done'
PATH=/run/legacy:$PATH lab_dockerd_spawn hostb
lab_dockerd_start hosta
lab_dockerd_wait hostb
lab_image_load hosta hostb
lab_weave_launch hosta
lab_weave_launch hostb 192.0.2.1
for host in hosta hostb; do lab_exec "$host" sh -c 'echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables'; done
lab_weave_containers c1:hosta c2:hostb
address1=$(lab_container_address hosta c1)
address2=$(lab_container_address hostb c2)
lab_weave hosta expose >/dev/null

saved() { lab_exec "$1" "$2-save" 2>/dev/null | grep -c -- "$3" || true; } # HOST KIND RULE
zone() { lab_exec hosta firewall-cmd --get-zone-of-interface=weave 2>/dev/null || true; }
zoned() { [[ $(zone) == weave ]]; }
reaches() { lab_exec "$1" ping -q -c 1 -W 1 "$2" >/dev/null; } # HOST ADDRESS
fresh() { lab_container_net hosta c1 ping -q -c 1 -W 1 "$address2" >/dev/null && lab_container_net hostb c2 ping -q -c 1 -W 1 "$address1" >/dev/null; }

# Docker filters by legacy iptables there, and so our rules are there.
lab_wait 5 'rules in the iptables that Docker uses' test "$(saved hostb iptables-legacy '^-A WEAVE-FORWARD -i weave -o weave -j ACCEPT')" = 1
lab_equal 'rules in the iptables that nobody uses' 0 "$(saved hostb iptables-nft WEAVE)"
lab_match 'policy of FORWARD' '^:FORWARD DROP' "$(lab_exec hostb iptables-legacy-save -t filter)"
lab_wait 40 'firewalld has the bridge in our zone' zoned
lab_wait 5 'containers reach each other' fresh

# again WHAT HOST COMMAND: pings go on meanwhile, and new flows pass afterwards.
again() {
  local moment
  moment=$(lab_now_ms)
  lab_exec "$2" sh -c "$3"
  lab_wait 5 "new pings after $1" fresh
  lab_pinger_more onward 20
  lab_say "longest silence at $1: $(lab_pinger_silence onward "$moment") ms"
  lab_at_most "silence at $1" 1000 "$(lab_pinger_silence onward "$moment")"
}
lab_pinger_start onward hosta c1 "$address2" 0.02
lab_pinger_more onward 10
again 'iptables-legacy -F' hostb 'iptables-legacy -F'
again 'firewall-cmd --reload' hosta 'firewall-cmd -q --reload'
again 'firewall-cmd --complete-reload' hosta 'firewall-cmd -q --complete-reload'
again 'nft flush ruleset' hosta 'nft flush ruleset'
lab_firewalld_stop hosta
lab_firewalld_start hosta
lab_wait 5 'containers reach each other after firewalld was started anew' fresh
lab_absent 'log of hosta' 'drops what is forwarded' "$(lab_exec hosta cat /run/weave/weaver.log)"
lab_exec outside ip route add 10.32.0.0/12 via 192.0.2.1
lab_exec hosta sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
lab_wait 5 'another machine reaches c2 through hosta, by the policy' reaches outside "$address2"

moment=$(lab_now_ms)
lab_firewalld_stop hosta
lab_firewalld_start hosta iptables
lab_wait 5 'rules of the overlay after those of firewalld in iptables' fresh
lab_pinger_more onward 20
lab_say "longest silence while firewalld changed its back end: $(lab_pinger_silence onward "$moment") ms"
lab_at_most 'silence while firewalld changed its back end' 2000 "$(lab_pinger_silence onward "$moment")"
again 'a reload with iptables' hosta 'firewall-cmd -q --reload'
zoned || lab_fail "the bridge is in zone $(zone)"
lab_wait 5 'another machine reaches c2 through hosta, firewalld using iptables' reaches outside "$address2"

# Both kinds filter now, and a packet must pass both.
again 'a policy in the other kind' hostb 'iptables-nft -P FORWARD DROP'
lab_wait 5 'rules in both kinds' test "$(saved hostb iptables-nft '^-A WEAVE-FORWARD -i weave -o weave -j ACCEPT')" = 1
both() { lab_exec hostb grep -q 'every packet passes two firewalls: iptables-nft and iptables-legacy both have rules here' /run/weave/weaver.log; }
lab_wait 5 'the log of hostb says that both filter' both
lab_match 'report of hostb' '"FirewallWarnings"' "$(lab_weave hostb report)"
again 'a flush of both kinds' hostb 'iptables-nft -F; iptables-legacy -F'
lab_pinger_stop onward
# A table of the administrator's own: nothing helps but a word.
lab_exec hostb nft 'add table inet filter; add chain inet filter forward { type filter hook forward priority 0; policy drop; }'
told() { lab_exec hostb grep -q 'the chain inet filter forward of nftables drops what is forwarded' /run/weave/weaver.log; }
lab_wait 12 'the log names the chain that drops' told
lab_exec hostb nft delete table inet filter

# Everything goes.
lab_docker hosta rm -f c1 >/dev/null
lab_docker hostb rm -f c2 >/dev/null
for host in hosta hostb; do
  lab_capture "$host" weave reset
  lab_equal "reset on $host ($LAB_STDERR)" 0 "$LAB_STATUS"
done
lab_equal 'zone after reset' 'no zone' "$(lab_exec hosta firewall-cmd --get-zone-of-interface=weave 2>&1 || true)"
lab_absent 'zones after reset' weave "$(lab_exec hosta firewall-cmd --permanent --get-zones)"
for host in hosta hostb; do lab_equal "left by weave reset on $host" '' "$(lab_weave_remains "$host")"; done
