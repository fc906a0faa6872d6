# shellcheck shell=bash
# lab: a machine under high load: the watchdog takes no daemon that works for one that hangs
# needs: weave docker ping
# kernel: host
# limit: 120

lab_weave_pair
first=$(lab_weave_pid hosta)
lab_weave_containers c1:hosta c2:hostb
for ((i = 0; i < 20; i++)); do lab_spawn hosta "load$i" sh -c 'while :; do :; done'; done
# Longer than the watchdog waits.
end=$(($(lab_now_ms) + 12000))
rounds=0
while (($(lab_now_ms) < end)); do
  lab_weave hosta status >/dev/null
  lab_weave hosta attach c1 >/dev/null
  lab_weave hosta detach c1 >/dev/null
  rounds=$((rounds + 1))
done
lab_say "$rounds times status, attach and detach beside 20 busy loops"
for ((i = 0; i < 20; i++)); do lab_end hosta "load$i" KILL; done
for host in hosta hostb; do
  lab_absent "the log of $host" 'has given no sign of life|was killed by signal' "$(lab_exec "$host" cat /run/weave/weaver.log)"
done
lab_equal 'the daemon' "$first" "$(lab_weave_pid hosta)"
held=$(lab_exec hosta sed -nE 's/.*weaver was held up for ([0-9.]+) s.*/\1/p' /run/weave/weaver.log | sort -n | tail -n 1)
lab_say "the daemon was held up for ${held:-less than 1} s"
lab_ping hosta c1 "$(lab_container_address hostb c2)" 64
