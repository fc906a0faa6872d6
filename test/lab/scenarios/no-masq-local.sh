# shellcheck shell=bash
# lab: --no-masq-local spares containers of this host the source NAT, follows the ring, and goes with reset; --awsvpc is refused
# needs: weave curl nft
# kernel: host
# limit: 120

lab_host_create hosta 192.0.2.1
lab_host_create hostb 192.0.2.2

tracker() { lab_exec "$1" curl -sS --max-time 5 --unix-socket /run/weave/control.sock http://weave/ipinfo/tracker; }

# local_to HOST ADDRESS: whether its traffic to the address is spared.
local_to() { lab_exec "$1" nft get element inet weave local_ranges "{ $2 }" >/dev/null 2>&1; }
not_local_to() { ! local_to "$@"; }

lab_capture hosta weave launch --no-restart --awsvpc
lab_equal 'exit of weave launch --awsvpc' 1 "$LAB_STATUS"
lab_match 'stderr of it' '--awsvpc is not supported\. Start without it' "$LAB_STDERR"

lab_weave_launch hosta --no-masq-local --ipalloc-init seed=::1,::2 --name ::1
lab_weave_launch hostb --no-masq-local --ipalloc-init seed=::1,::2 --name ::2 192.0.2.1
lab_equal 'tracker' no-masq-local "$(tracker hosta)"
lab_weave hosta expose >/dev/null
sparing() { lab_exec hosta nft list chain inet weave postrouting; }
spared() { sparing | sed -n 4p | grep -qF 'ip daddr @local_ranges return comment "no SNAT to containers of this host"'; }
lab_wait 5 'the first rule of masquerading spares local containers' spared

# Half of the range each, at first.
lab_wait 5 'addresses of hosta are in the set' local_to hosta 10.33.0.1
not_local_to hosta 10.41.0.1 || lab_fail 'addresses of hostb are in the set of hosta'
# What others flush comes back with what was in it.
lab_exec hosta nft flush ruleset
lab_wait 1 'addresses of hosta are back in the set' local_to hosta 10.33.0.1

# A peer that is gone for good leaves its half.
lab_weave_connected 1 hosta
lab_weave hostb stop
gone() { ! lab_weave_has_connections hosta 1 && lab_weave hosta status ipam | grep -q unreachable; }
lab_wait 30 'hosta misses hostb' gone
lab_weave hosta rmpeer ::2 >/dev/null
lab_wait 5 'addresses taken over are in the set' local_to hosta 10.41.0.1
local_to hosta 10.33.0.1 || lab_fail 'addresses of hosta are no longer in the set'

# A daemon without the option takes its rule and its set away, and reset the rest.
lab_weave hosta stop
lab_weave_launch hosta --name ::1
lab_equal 'tracker without the option' '' "$(tracker hosta)"
lab_wait 5 'the set has gone' not_local_to hosta 10.33.0.1
lab_absent 'rules without the option' 'local_ranges' "$(sparing)"
lab_weave hosta reset
lab_equal 'tables after reset' '' "$(lab_exec hosta nft list tables | grep weave || true)"
