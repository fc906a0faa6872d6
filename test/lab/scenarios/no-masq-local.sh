# shellcheck shell=bash
# lab: --no-masq-local spares containers of this host the source NAT, follows the ring, and goes with reset; --awsvpc is refused
# needs: weave curl iptables ping
# kernel: host
# limit: 120

lab_host_create hosta 192.0.2.1
lab_host_create hostb 192.0.2.2

tracker() { lab_exec "$1" curl -sS --max-time 5 --unix-socket /run/weave/control.sock http://weave/ipinfo/tracker; }

# local HOST ADDRESS: whether the set has the address. Only the kernel's matching tells, so a packet must be sent.
local_to() {
  lab_exec "$1" iptables -t mangle -Z OUTPUT
  lab_exec "$1" ping -c 1 -W 1 "$2" >/dev/null 2>&1 || true
  lab_exec "$1" iptables -t mangle -nvxL OUTPUT | grep -qE '^ +[1-9][0-9]* .* match-set weaver-no-masq-local dst'
}
not_local_to() { ! local_to "$@"; }

lab_exec hosta iptables -t nat -nL >/dev/null 2>&1 || lab_skip 'no iptables in this kernel'
lab_capture hosta weave launch --no-restart --awsvpc
lab_equal 'exit of weave launch --awsvpc' 1 "$LAB_STATUS"
lab_match 'stderr of it' '--awsvpc is not supported\. Start without it' "$LAB_STDERR"

lab_weave_launch hosta --no-masq-local --ipalloc-init seed=::1,::2 --name ::1
lab_weave_launch hostb --no-masq-local --ipalloc-init seed=::1,::2 --name ::2 192.0.2.1
lab_equal 'tracker' no-masq-local "$(tracker hosta)"
lab_weave hosta expose >/dev/null
nat=$(lab_exec hosta iptables-save -t nat)
lab_match 'nat rules' '^-A WEAVE -m set --match-set weaver-no-masq-local dst -m comment --comment "Prevent SNAT to locally running containers" -j RETURN$' "$nat"
lab_match 'first of the nat rules' '^-A WEAVE -m set ' "$(grep -m 1 '^-A WEAVE ' <<<"$nat")"

# Half of the range each, at first.
lab_exec hosta iptables -t mangle -A OUTPUT -m set --match-set weaver-no-masq-local dst -j ACCEPT
local_to hosta 10.33.0.1 || lab_fail 'addresses of hosta are not in the set'
not_local_to hosta 10.41.0.1 || lab_fail 'addresses of hostb are in the set of hosta'

# A peer that is gone for good leaves its half.
lab_weave_connected 1 hosta
lab_weave hostb stop
gone() { ! lab_weave_has_connections hosta 1 && lab_weave hosta status ipam | grep -q unreachable; }
lab_wait 30 'hosta misses hostb' gone
lab_weave hosta rmpeer ::2 >/dev/null
local_to hosta 10.41.0.1 || lab_fail 'addresses taken over are not in the set'
local_to hosta 10.33.0.1 || lab_fail 'addresses of hosta are no longer in the set'

# A restarted daemon keeps the set, one without the option takes its rule away, and reset the set too.
lab_weave hosta stop
lab_weave_launch hosta --name ::1
lab_equal 'tracker without the option' '' "$(tracker hosta)"
lab_absent 'nat rules without the option' 'match-set' "$(lab_exec hosta iptables-save -t nat)"
lab_exec hosta iptables -t mangle -F OUTPUT
lab_weave hosta reset
if lab_exec hosta iptables -t mangle -A OUTPUT -m set --match-set weaver-no-masq-local dst -j ACCEPT 2>/dev/null; then
  lab_fail 'weave reset left the set'
fi
