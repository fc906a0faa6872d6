# shellcheck shell=bash
# lab: a host is cut off and comes back: its names go with it and come back with what changed meanwhile; clocks an hour wrong do no harm
# needs: weave cc ss
# kernel: host
# limit: 120

# hosta's clock is an hour slow, hostd's an hour fast; what measures time as such is right.
cc -shared -fPIC -O1 -o "$LAB_DIR/calendar.so" -x c - <<'C'
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
static long off(void) { return atol(getenv("CLOCK_OFF")); }
int clock_gettime(clockid_t id, struct timespec *t) {
  int const status = syscall(SYS_clock_gettime, id, t);
  if (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE) t->tv_sec += off();
  return status;
}
int gettimeofday(struct timeval *t, void *zone) {
  int const status = syscall(SYS_gettimeofday, t, zone);
  t->tv_sec += off();
  return status;
}
time_t time(time_t *out) {
  time_t const now = syscall(SYS_time, 0) + off();
  if (out) *out = now;
  return now;
}
C
declare -A clock=([hosta]=-3600 [hostb]=0 [hostc]=0 [hostd]=3600)
names=0
for host in hosta hostb hostc hostd; do
  names=$((names + 1))
  lab_host_create "$host" "192.0.2.$names"
  # shellcheck disable=SC2046
  lab_exec "$host" env LD_PRELOAD="$LAB_DIR/calendar.so" CLOCK_OFF="${clock[$host]}" \
    weave launch --dns-listen-address 127.0.0.1:53 $([[ $host == hosta ]] || echo 192.0.2.1)
done
lab_weave_connected 3 hosta hostb hostc hostd
said=$(lab_exec hostd grep -m 1 'Our name' /run/weave/weaver.log | grep -oE '[0-9:]{8}' | head -n 1)
(($((10#${said%%:*})) != $((10#$(date -u +%H))))) || lab_fail "the clock of hostd is not wrong: $said"

own() { for ((i = 1; i <= 20; i++)); do printf '%s-%d ' "$1" "$i"; done; } # HOST
for host in hosta hostb hostc hostd; do
  number=0
  for name in $(own "$host"); do
    number=$((number + 1))
    lab_weave "$host" dns-add "10.32.${#host}.$number" -h "$name.weave.local"
  done
done
listed() { lab_weave "$1" status dns | cut -d ' ' -f 1 | sort; } # HOST
has() { [[ $(listed "$1") == "$(tr ' ' '\n' <<<"${*:2}" | grep . | sort)" ]]; } # HOST NAME...
everything="$(own hosta) $(own hostb) $(own hostc) $(own hostd)"
for host in hosta hostb hostc hostd; do lab_wait 5 "all names on $host, whatever the clocks say" has "$host" "$everything"; done

# Which direction of the wrong clocks, removed and added again: the last word counts.
for host in hosta hostd; do
  lab_weave "$host" dns-remove 10.32.5.1 -h "$host-1.weave.local"
  for other in hosta hostb hostc hostd; do lab_wait 5 "$host-1 is gone on $other" eval "! listed $other | grep -qx $host-1"; done
  lab_weave "$host" dns-add 10.32.5.1 -h "$host-1.weave.local"
done
for host in hosta hostb hostc hostd; do lab_wait 5 "all names again on $host" has "$host" "$everything"; done

# A short cut that nobody notices: what was said meanwhile arrives when the cable is back.
lab_unplug hostc
lab_weave hostc dns-add 10.32.5.199 -h hostc-short.weave.local
lab_weave hosta dns-add 10.32.5.198 -h hosta-short.weave.local
lab_pause 14
lab_plug_in hostc
everything+=' hostc-short hosta-short'
start=$(lab_now_ms)
for host in hosta hostb hostc hostd; do lab_wait 40 "all names on $host after a short cut" has "$host" "$everything"; done
took=$(($(lab_now_ms) - start))
lab_say "all names everywhere $took ms after a short cut"
# Older kernels cannot be told to try again soon.
resends_soon() { [[ $(printf '%s\n6.15\n' "$(uname -r)" | sort -V | head -n 1) == 6.15 ]]; }
if resends_soon; then lab_at_most 'names after a short cut' 5000 "$took"; fi

# The cut, until the others have noticed, which would take them a minute if the kernel did not help.
away() { ! lab_weave "$1" status peers | grep -q "(hostc)"; }
start=$(lab_now_ms)
lab_unplug hostc
for host in hosta hostb hostc hostd; do
  others=192.0.2.$([[ $host == hostc ]] && echo 0/24 || echo 3)
  lab_exec "$host" ss -t -K '( sport = :6783 or dport = :6783 )' dst "$others" >/dev/null 2>&1
done
for host in hosta hostb hostd; do
  lab_wait 10 "$host notices that hostc is away" away "$host"
  gone=$(lab_now_ms)
  lab_wait 5 "the names of hostc are gone on $host" has "$host" "$(own hosta) $(own hostb) $(own hostd) hosta-short"
  lab_at_most "from the peer's going to its names' on $host" 2000 $(($(lab_now_ms) - gone))
done
lab_say "the mesh noticed the cut after $(lab_since "$start") s"
lab_wait 30 'hostc is alone' has hostc "$(own hostc) hostc-short"

# Meanwhile on both sides.
lab_weave hostc dns-remove 10.32.5.2 -h hostc-2.weave.local
lab_weave hostc dns-add 10.32.5.200 -h hostc-new.weave.local
lab_weave hostb dns-remove 10.32.5.3 -h hostb-3.weave.local
lab_weave hostb dns-add 10.32.5.201 -h hostb-new.weave.local
everything=$(sed 's/ hostc-2 / hostc-new /; s/ hostb-3 / hostb-new /' <<<" $everything ")

# Healed.
start=$(lab_now_ms)
lab_plug_in hostc
lab_wait 60 'hostc is connected again' lab_weave_has_connections hostc 1
connected=$(lab_now_ms)
for host in hosta hostb hostc hostd; do lab_wait 30 "all names on $host after the cut" has "$host" "$everything"; done
lab_say "all names everywhere $(lab_since "$start") s after the cable was back, $(lab_since "$connected") s after the first connection"
lab_at_most 'names after the partition has healed' 5000 $(($(lab_now_ms) - connected))
for host in hosta hostb hostc hostd; do
  lab_equal "a name added during the cut, asked on $host" 10.32.5.200 "$(lab_weave "$host" dns-lookup hostc-new)"
  lab_equal "a name removed during the cut, asked on $host" '' "$(lab_weave "$host" dns-lookup hostc-2)"
done
