#!/usr/bin/env bash
# First process of a scenario's process namespace: mounts its memory file system, keeps its time limit, shows logs
# when it failed. When this process ends, the kernel ends everything the scenario started.
set -uo pipefail

name=$1
export LAB_DIR=$LAB_RUN_DIR/lab
mount -t tmpfs -o mode=755 lab "$LAB_DIR" || exit 1
mkdir "$LAB_DIR/logs" "$LAB_DIR/hosts"
ip link set lo up

dump_logs() {
  local file
  for file in "$LAB_DIR"/logs/*.log "$LAB_DIR"/hosts/*/run/weave/*.log; do
    [[ -s $file ]] || continue
    printf -- '--- %s (last lines)\n' "${file#"$LAB_DIR"/}"
    if [[ $file == *-dockerd.log ]]; then
      # Not what the engine says about every connection it makes to its own parts.
      grep -vE 'module=grpc|loading plugin|level=info msg=serving|No non-localhost DNS|IPv6 external servers' "$file" | tail -n 8 | cut -c 1-300
    else
      tail -n 30 -- "$file" | cut -c 1-300
    fi
  done
}

keep_logs() {
  local file into=$LAB_RUN_DIR/kept/$name
  mkdir -p "$into" || return
  for file in "$LAB_DIR"/logs/*.log "$LAB_DIR"/hosts/*/run/weave/*.log; do
    [[ -f $file ]] || continue
    cp -- "$file" "$into/$(tr / - <<<"${file#"$LAB_DIR"/}")"
  done
}

bash "$LAB_ROOT/lib/scenario.sh" "$name" &
scenario=$!
sleep "$LAB_LIMIT" &
clock=$!
status=0
first=
wait -n -p first "$scenario" "$clock" || status=$?
if [[ $first == "$clock" ]]; then
  echo "not finished within $LAB_LIMIT s" >"$LAB_RUN_DIR/why"
  echo '--- processes at the time limit'
  # shellcheck disable=SC2009
  ps -eo pid,ppid,stat,etimes,args | grep -vE '\[.*\]$' | cut -c 1-160
  kill -KILL "$scenario"
  status=124
fi
if ((status != 0 && status != 77)); then dump_logs; fi
if [[ -n ${LAB_KEEP_LOGS:-} ]]; then keep_logs; fi
exit "$status"
