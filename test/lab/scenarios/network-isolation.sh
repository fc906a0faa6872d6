# shellcheck shell=bash
# lab: networks kept apart (works.weave.isolate): frames of every kind between them, restarts and crashes of the daemon, rules flushed
# needs: weave docker python3 ping nft
# kernel: host
# limit: 120

# On this kernel only: it takes 80 s in User-Mode Linux, where the same rules hold; isolation_test.cpp of test/system runs on both.

lab_host_create hosta 192.0.2.1
lab_host_create hostb 192.0.2.2
lab_dockerd_start hosta hostb
lab_image_load hosta hostb
lab_weave_launch hosta --ipalloc-default-subnet 10.32.0.0/16
lab_weave_launch hostb --ipalloc-default-subnet 10.32.0.0/16 192.0.2.1
lab_weave_connected 1 hosta hostb

make_network() { # HOST OPTION NAME SUBNET
  lab_docker "$1" network create --driver weave --ipam-driver weave -o "$2" --subnet "$4" "$3" >/dev/null
}
# Waits for what was started in the background just now.
started() { # PID...
  local pid
  for pid; do wait "$pid" || lab_fail 'a network or container was refused'; done
}
begun=()
for host in hosta hostb; do
  make_network "$host" works.weave.isolate=true blue 10.40.0.0/16 & begun+=($!)
  make_network "$host" works.weave.isolate red 10.41.0.0/16 & begun+=($!)
done
started "${begun[@]}"
# A letter for the network, a letter for the host.
names=(wa wb ba bb ra rb)
declare -A network=([w]=weave [b]=blue [r]=red) host_of=([a]=hosta [b]=hostb) at=()
begun=()
for name in "${names[@]}"; do
  lab_container_start "${host_of[${name:1}]}" "$name" --net="${network[${name:0:1}]}" & begun+=($!)
done
started "${begun[@]}"
for name in "${names[@]}"; do at[$name]=$(lab_container_address "${host_of[${name:1}]}" "$name" "${network[${name:0:1}]}"); done

declare -A pids=()
for name in "${names[@]}"; do pids[$name]=$(lab_container_pid "${host_of[${name:1}]}" "$name"); done
frames() { # NAME ARGUMENT...
  lab_exec "${host_of[${1:1}]}" nsenter --target "${pids[$1]}" --net python3 "$LAB_ROOT/lib/frames.py" "${@:2}"
}
spawn_frames() { # NAME AS ARGUMENT...
  lab_spawn "${host_of[${1:1}]}" "$2" nsenter --target "${pids[$1]}" --net python3 "$LAB_ROOT/lib/frames.py" "${@:3}"
}
heard() { printf '%s\n' "$LAB_DIR/logs/${host_of[${1:1}]}-listen-$1.log"; } # NAME
other() { if [[ $1 == ?a ]]; then echo "${1:0:1}b"; else echo "${1:0:1}a"; fi; }
for name in "${names[@]}"; do spawn_frames "$name" "listen-$name" listen ethwe0; done
for name in "${names[@]}"; do lab_wait 5 "$name listens" grep -q listening "$(heard "$name")"; done

# Every container attacks all of other networks, with the address of the other one there as false source.
for name in "${names[@]}"; do
  targets=()
  for target in "${names[@]}"; do
    [[ ${name:0:1} == "${target:0:1}" ]] || targets+=("${at[$target]},${at[$(other "$target")]}")
  done
  frames "$name" send ethwe0 "$name" "${targets[@]}"
done
# And within each: what passes, and that all that was sent before has arrived.
kinds=(udp tcp subnet limited multicast arp announcement)
for name in "${names[@]}"; do frames "$name" send ethwe0 "$name" "${at[$(other "$name")]},${at[$name]}" "${kinds[@]}"; done
frames wa send ethwe0 wa "${at[wb]},${at[wa]}" ipv6 other
for name in "${names[@]}"; do
  for kind in "${kinds[@]}"; do
    lab_wait 5 "$name hears $kind of $(other "$name")" grep -q " $(other "$name") $kind all" "$(heard "$name")"
  done
  lab_equal "frames of other networks at $name" '' \
    "$(grep -E '^[0-9.]+ ' "$(heard "$name")" | grep -vE " ${name:0:1}[ab] " | head -n 3 || true)"
done
for kind in ipv6 other; do lab_wait 5 "wb hears $kind" grep -q " wa $kind all" "$(heard wb)"; done
lab_say "frames: $(cat "$LAB_DIR"/logs/host?-listen-*.log | grep -c ' [wbr][ab] ') heard, none from another network"
lab_ping hosta ba "${at[bb]}" 64 1400
lab_ping hosta wa "${at[wb]}" 64
refused=$(lab_container_net hosta ba ping -c 1 -W 1 -I ethwe0 "${at[wb]}" 2>&1 || true)
lab_match 'ping from blue to the default network' '0 received|unreachable' "$refused"

# Nothing leaks while the daemon is killed, stopped and started; traffic within a network goes on where the kernel carries it.
leaks() { grep -hcE ' flood[ab] ' "$(heard "$1")" || true; } # NAME
spawn_frames wa flood-wa flood ethwe0 flooda "${at[ba]},${at[bb]}"
spawn_frames wb flood-wb flood ethwe0 floodb "${at[ba]},${at[bb]}"
lab_wait 5 'the flood runs' eval "(($(leaks wb) + 100 < \$(grep -c ' flooda ' '$(heard wb)')))"
lab_exec hosta kill -KILL "$(lab_weave_pid hosta)"
lab_wait 10 'the daemon of hosta is back' lab_weave_has_connections hosta 1
lab_weave hosta stop >/dev/null
lab_match 'rules stay when weave stops' 'table bridge weave' "$(lab_exec hosta nft list tables bridge)"
lab_weave_launch hosta --ipalloc-default-subnet 10.32.0.0/16 192.0.2.2
lab_weave_connected 1 hosta
lab_ping hosta ba "${at[bb]}" 64
# Also when it has forgotten everything: Docker knows the networks, and the rules of before stay until it has told.
lab_weave hosta stop >/dev/null
lab_exec hosta sh -c 'rm /var/lib/weave/state.db*'
lab_exec hosta pkill -STOP -x dockerd
lab_spawn hosta launch weave launch --ipalloc-default-subnet 10.32.0.0/16 192.0.2.2
id=$(printf 'd%.0s' {1..64})
premature() {
  answer=$(lab_exec hosta curl -s -X POST --unix-socket /run/docker/plugins/weave.sock http://plugin/NetworkDriver.CreateNetwork \
    -d '{"NetworkID":"'"$id"'","Options":{"com.docker.network.generic":{"works.weave.isolate":""}},"IPv4Data":[{"AddressSpace":"weavelocal","Pool":"10.43.0.0/16"}]}')
  [[ -n $answer && $answer != *'weave is not running'* ]] # which the stand-in of a stopped daemon says
}
lab_wait 10 'the daemon answers while Docker does not' premature
lab_match 'an isolated network while it is not known which there are' 'lost its record of networks.*try again in a moment' "$answer"
lab_match 'rules of before' 'goto to_10.40.0.0_16' "$(lab_exec hosta nft list map bridge weave to)"
lab_exec hosta pkill -CONT -x dockerd
lab_wait 10 'launch ends' eval '! lab_alive hosta launch'
lab_weave_connected 1 hosta
lab_wait 10 'the networks are known again' lab_exec hosta grep -q 'network red was made before our time' /run/weave/weaver.log
lab_match 'the port of ba' vmap "$(lab_exec hosta nft list chain bridge weave postrouting)"
lab_ping hosta ba "${at[bb]}" 64
for name in ba bb ra rb; do lab_equal "frames at $name while the daemon was away" 0 "$(leaks "$name")"; done

# Rules that somebody takes away come back at once.
leak_ms() { # FROM: ms from the first to the last frame that got through since that line of ba's log
  tail -n "+$(($1 + 1))" "$(heard ba)" | awk '/ flood[ab] / { if (!first) first = $1; last = $1 } END { printf "%d", (last - first) * 1000 }'
}
for harm in 'flush ruleset' 'delete table bridge weave' 'flush chain bridge weave postrouting'; do
  line=$(wc -l <"$(heard ba)")
  before=$(leaks ba)
  lab_exec hosta nft "$harm"
  lab_wait 5 "rules are back after $harm" lab_exec hosta sh -c 'nft list chain bridge weave postrouting | grep -q vmap'
  lab_say "nft $harm: $(($(leaks ba) - before)) of some 800 frames a second leaked, within $(leak_ms "$line") ms"
  lab_at_most "leaking after nft $harm" 100 "$(leak_ms "$line")"
done
seen=$(grep -c ' flooda ' "$(heard wb)")
after=$(leaks ba)
lab_wait 5 'the flood goes on' eval "((\$(grep -c ' flooda ' '$(heard wb)') > seen + 100))"
lab_equal 'frames at ba after that' "$after" "$(leaks ba)"
# Only a host without rules lets a false source out; what comes from other subnets is stopped at either end.
lab_equal 'frames at bb, whose host kept its rules' 0 "$(grep -cE ' flood[ab] (udp|ipv6) ' "$(heard bb)" || true)"
lab_end hosta flood-wa
lab_end hostb flood-wb

# What cannot be is refused, and says what to do.
refused() { # WHAT REASON OPTION SUBNET
  local output
  ! output=$(make_network hosta "$3" n1 "$4" 2>&1) || lab_fail "$1 was not refused"
  lab_match "$1" "$2" "$output"
}
refused 'an isolated network in the default subnet' 'default subnet 10.32.0.0/16.*--ipalloc-default-subnet' works.weave.isolate 10.32.4.0/24
refused 'an isolated network that overlaps another' 'overlaps 10.40.0.0/16.*another --subnet' works.weave.isolate 10.40.0.0/24
refused 'a network that overlaps an isolated one' 'isolated network.*another --subnet' works.weave.multicast 10.40.0.0/24
refused 'an option that is neither' 'unrecognized value "perhaps" for option works.weave.isolate' works.weave.isolate=perhaps 10.42.0.0/16

# With the last isolated network the rules go, and with a reset.
lab_docker hosta rm -f ba ra >/dev/null
lab_docker hosta network rm blue red >/dev/null
lab_equal 'rules without isolated networks' '' "$(lab_exec hosta nft list tables bridge)"
lab_docker hostb rm -f wb bb rb >/dev/null
lab_weave hostb reset >/dev/null
lab_equal 'rules after a reset' '' "$(lab_exec hostb nft list tables bridge)"
