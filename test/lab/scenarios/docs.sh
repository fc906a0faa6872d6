# shellcheck shell=bash
# lab: every command of README.md and docs/ is run as it is written there, tools/quickstart included
# needs: weave docker python3 curl ping script
# kernel: host
# limit: 150

# Hosts, containers and images are called as in the documents.
lab_host_create host1 192.0.2.1
lab_host_create host2 192.0.2.2
for host in host1 host2; do
  lab_exec "$host" sh -c 'printf "192.0.2.1 host1\n192.0.2.2 host2\n" >>/etc/hosts; echo "nameserver 192.0.2.53" >/etc/resolv.conf'
done
lab_dockerd_start host1 host2
image() { # HOST NAME COMMAND
  lab_docker "$1" import --change "CMD $3" - "$2" <"$LAB_RUN_DIR/image.tar" >/dev/null
}
for host in host1 host2; do
  image "$host" busybox '["sh"]'
  image "$host" nginx '["httpd","-f","-h","/www"]'
done

documents=$LAB_RUN_DIR/documents
blocks=$LAB_DIR/blocks
count=$(python3 "$LAB_ROOT/lib/documents.py" "$blocks" "$documents/README.md" "$documents"/docs/*.md)
((count > 20)) || lab_fail "only $count blocks of commands in the documents"

# Nothing of weave and no container on it.
# shellcheck disable=SC2016
blank() { # HOST
  lab_exec "$1" sh -c '
    ids=$(docker ps -aq); [ -z "$ids" ] || docker rm -f $ids
    # While somebody answers for their driver.
    names=$(docker network ls --format "{{.Name}}" --filter type=custom | grep -v "^weave$"); [ -z "$names" ] || docker network rm $names
    weave stop; weave reset --force
    rm -rf /etc/weave /etc/default/weave' >"$LAB_DIR/logs/$1-blank.log" 2>&1 || true
}
both() { # COMMAND: on both hosts at the same time
  local host pids=()
  for host in host1 host2; do "$1" "$host" & pids+=($!); done
  wait "${pids[@]}"
}
begin() { # fresh | pair
  local start
  start=$(lab_now_ms)
  both blank
  lab_say "hosts cleaned: $(lab_since "$start") s"
  [[ $1 == pair ]] || return 0
  lab_weave_launch host1
  lab_weave_launch host2 host1
  lab_weave_connected 1 host1 host2
}
# What `before` of a block may call.
lab_lose() { # HOST: its daemon is killed and does not come back
  lab_exec "$1" sh -c 'pkill -KILL -x weave; pkill -KILL -x weaver; rm -f /run/weave/control.sock'
}

run_block() { # DIRECTORY HOST: fills $output; status 1: not as expected, and why is said
  local status=0 expect
  if [[ -e $1/types ]]; then
    { cat "$1/types"; echo exit; } |
      lab_exec "$2" timeout 20 script -qefc "bash -e $1/script" /dev/null >"$LAB_DIR/output" 2>&1 || status=$?
  else
    lab_exec "$2" env HOME=/root timeout 40 bash -e "$1/script" >"$LAB_DIR/output" 2>&1 </dev/null || status=$?
  fi
  cp -- "$LAB_DIR/output" "$LAB_DIR/logs/block-${1##*/}-$2.log"
  output=$(tr -d '\r' <"$LAB_DIR/output" | tail -n 1000)
  local wanted=0
  [[ ! -e $1/status ]] || wanted=$(<"$1/status")
  [[ $status == "$wanted" ]] || { why="ended with $status instead of $wanted: $(tail -n 3 <<<"$output" | tr '\n' '|')"; return 1; }
  [[ -e $1/expect ]] || return 0
  while read -r expect; do
    grep -qE -- "$expect" <<<"$output" || { why="'$expect' is not in: $(tr '\n' '|' <<<"$output" | cut -c 1-400)"; return 1; }
  done <"$1/expect"
}

for block in "$blocks"/*; do
  where=$(<"$block/where")
  [[ ! -e $block/begin ]] || begin "$(<"$block/begin")"
  hosts=host1
  [[ ! -e $block/on ]] || hosts=$(<"$block/on")
  if [[ -e $block/before ]]; then eval "$(<"$block/before")"; fi
  start=$(lab_now_ms)
  for host in $hosts; do
    seconds=0
    [[ ! -e $block/within ]] || seconds=$(<"$block/within")
    until run_block "$block" "$host"; do
      (($(lab_now_ms) < start + seconds * 1000)) || lab_fail "$where on $host: $why"
      lab_pause 0.3
    done
  done
  if [[ -e $block/after ]]; then eval "$(<"$block/after")"; fi
  lab_say "$where on $hosts: $(lab_since "$start") s"
done

# tools/quickstart as it stands, but for packages and compiler: what it installs is what is tested here.
both blank
stranger() { # HOST
  lab_exec "$1" sh -c "mkdir -p /run/clone && cp -r '$documents/tools' /run/clone/ && mkdir -p /run/local/bin && mount --bind /run/local /usr/local
    printf 'install_packages() { :; }\nbuild_tree() { :; }\nmeson() { cp $LAB_RUN_DIR/bin/* /usr/local/bin/; }\n' >>/run/clone/tools/lib/packages.sh"
}
for host in host1 host2; do stranger "$host"; done
quickstart() { # HOST COMMAND: as typed, in the clone
  lab_capture "$1" bash -c "cd /run/clone && PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin $2"
  lab_equal "exit of $2 on $1 ($LAB_STDERR)" 0 "$LAB_STATUS"
  lab_match "$2 on $1" 'docker run --net=weave' "$LAB_STDOUT"
}
quickstart host1 'tools/quickstart'
quickstart host2 'tools/quickstart host1'
lab_weave_connected 1 host1 host2
