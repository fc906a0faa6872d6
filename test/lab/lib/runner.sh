# shellcheck shell=bash
# The outside of the lab: prepares what all scenarios of one command line share, runs them one by one, counts.
# Results go to $LAB_RUN_DIR/results as "PASS|FAIL|SKIP name why", which is also how the User-Mode Linux kernel reports.

readonly runner_skip_status=77
runner_child=

runner_names() {
  local file
  for file in "$LAB_ROOT"/scenarios/*.sh; do basename -- "$file" .sh; done
}

# runner_header NAME KEY: the value of the "# KEY: value" line of a scenario.
runner_header() {
  sed -n "s/^# $2: *//p" "$LAB_ROOT/scenarios/$1.sh" | head -n 1
}

# runner_catalogue NUMBER: its title; status 1 = there is no such case.
runner_catalogue() {
  sed -n "s/^$1 | *\([^|]*[^| ]\) *\(|.*\)\{0,1\}$/\1/p" "$LAB_ROOT/catalogue" | grep .
}

# runner_holders NUMBER: the scenarios that hold a case of the acceptance catalogue.
runner_holders() {
  local name
  while read -r name; do
    [[ " $(runner_header "$name" catalogue) " != *" $1 "* ]] || printf '%s\n' "$name"
  done < <(runner_names)
}

# Scenarios with their kernel, numbers of the catalogue and what they show; then the catalogue by numbers.
runner_list() {
  local name kernel numbers
  while read -r name; do
    kernel=$(runner_header "$name" kernel)
    numbers=$(runner_header "$name" catalogue)
    printf '%-22s %-8s %s%s\n' "$name" "${kernel:-both}" "$(runner_header "$name" lab)" "${numbers:+ [$numbers]}"
  done < <(runner_names)
  printf '\nAcceptance catalogue: number, kernel, title [scenarios]\n'
  runner_list_catalogue
}

runner_list_catalogue() {
  local number title reason holder kernel kernels holders
  while IFS='|' read -r number title reason; do
    [[ $number =~ ^[0-9] ]] || continue
    number=${number%% *}
    kernels='' holders=''
    while read -r holder; do
      kernel=$(runner_header "$holder" kernel)
      kernel=${kernel:-both}
      holders+="${holders:+ }$holder"
      if [[ -z $kernels ]]; then kernels=$kernel; elif [[ $kernels != "$kernel" ]]; then kernels=both; fi
    done < <(runner_holders "$number")
    title=$(sed 's/^ *//; s/ *$//' <<<"$title")
    printf '%s %-6s %s%s\n' "$number" "${kernels:--}" "$title" "${holders:+ [$holders]}${reason:+ (not here:$reason)}"
  done <"$LAB_ROOT/catalogue"
}

runner_prepare() {
  export LAB_TIME_SCALE=${LAB_TIME_SCALE:-1}
  export LAB_DOCKER_IPTABLES=${LAB_DOCKER_IPTABLES:-true}
  export LAB_KEEP_LOGS=${LAB_LOG_DIR:-${LAB_KEEP_LOGS:-}}
  export PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
  if [[ -z ${LAB_RUN_DIR:-} ]]; then
    LAB_RUN_DIR=$(mktemp -d /tmp/weave-lab.XXXXXX)
    export LAB_RUN_DIR LAB_ID=${LAB_RUN_DIR##*.}
    trap runner_clean EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    runner_binaries
    runner_system_tests
    runner_image
    # A copy outlives edits made meanwhile, and is where the mounts of a host do not hide it.
    cp -r -- "$LAB_ROOT" "$LAB_RUN_DIR/files"
    cp -r -- "$LAB_ROOT/../vectors" "$LAB_RUN_DIR/vectors"
    cp -r -- "$LAB_ROOT/../../tools/monitoring" "$LAB_RUN_DIR/monitoring"
    mkdir -p "$LAB_RUN_DIR/documents/tools"
    cp -r -- "$LAB_ROOT"/../../{README.md,docs} "$LAB_RUN_DIR/documents/"
    cp -r -- "$LAB_ROOT"/../../tools/{quickstart,docker-plugin,lib} "$LAB_RUN_DIR/documents/tools/"
    export LAB_ROOT=$LAB_RUN_DIR/files
  fi
  export LAB_ID=${LAB_RUN_DIR##*.}
  : >"$LAB_RUN_DIR/results"
}

# The programs under test, copied so that a build going on meanwhile cannot change them in the middle.
runner_binaries() {
  local from=${WEAVE_BIN_DIR:-$(cd -- "$LAB_ROOT/../.." && pwd)/build} program place
  mkdir "$LAB_RUN_DIR/bin" "$LAB_RUN_DIR/units" "$LAB_RUN_DIR/debian"
  cp -- "$LAB_ROOT"/../../debian/weave*.service "$LAB_ROOT"/../../debian/weave*.socket "$LAB_RUN_DIR/units/"
  cp -- "$LAB_ROOT"/../../debian/weave.{init,postinst,prerm,postrm} "$LAB_RUN_DIR/debian/"
  printf '%s\n' "$from" >"$LAB_RUN_DIR/bin-source"
  for program in weave weaver; do
    for place in "$from" "$from/tools" "$from/controller/app"; do
      if [[ -f $place/$program && -x $place/$program ]]; then
        cp -- "$place/$program" "$LAB_RUN_DIR/bin/"
        break
      fi
    done
  done
}

# The tests of the build that need a kernel, for the scenario that runs them in another one.
runner_system_tests() {
  local from program
  from=$(<"$LAB_RUN_DIR/bin-source")
  mkdir "$LAB_RUN_DIR/system-tests"
  for program in "$from"/test/system/*-test; do
    [[ -f $program && -x $program ]] || continue
    # They are large, and a linker makes a new file instead of changing this one.
    cp -l -- "$program" "$LAB_RUN_DIR/system-tests/" 2>/dev/null || cp -- "$program" "$LAB_RUN_DIR/system-tests/"
  done
}

# One image for all containers, as a tar for `docker import`.
runner_image() {
  local applet busybox
  busybox=$(command -v busybox) || return 0
  mkdir -p "$LAB_RUN_DIR/image/bin" "$LAB_RUN_DIR/image/www"
  cp -- "$busybox" "$LAB_RUN_DIR/image/bin/busybox"
  for applet in sh ping ip nslookup sleep wget nc hostname cat arping httpd grep ls route; do
    ln -s busybox "$LAB_RUN_DIR/image/bin/$applet"
  done
  echo 'served by a container of the lab' >"$LAB_RUN_DIR/image/www/index.html"
  tar -C "$LAB_RUN_DIR/image" -cf "$LAB_RUN_DIR/image.tar" .
}

runner_clean() {
  if [[ -n ${LAB_LOG_DIR:-} && -d $LAB_RUN_DIR/kept ]]; then
    mkdir -p "$LAB_LOG_DIR"
    cp -r -- "$LAB_RUN_DIR"/kept/. "$LAB_LOG_DIR"/
  fi
  if [[ -n $runner_child ]]; then
    kill -KILL "$runner_child" 2>/dev/null || true
    wait "$runner_child" 2>/dev/null || true
  fi
  runner_remove_cgroups
  rm -rf --one-file-system -- "$LAB_RUN_DIR"
}

# The engines of this run put their containers below cgroups named after it, and their managed plugins, whose ids the
# scenario leaves in $LAB_RUN_DIR/plugins, into some named after those.
runner_remove_cgroups() {
  local group tries busy plugin plugins=()
  while read -r plugin; do plugins+=(/sys/fs/cgroup/"$plugin" /sys/fs/cgroup/*/"$plugin"); done < <(cat -- "$LAB_RUN_DIR/plugins" 2>/dev/null)
  for ((tries = 0; tries < 40; tries++)); do
    busy=
    for group in /sys/fs/cgroup/weavelab-"$LAB_ID"-* /sys/fs/cgroup/*/weavelab-"$LAB_ID"-* "${plugins[@]}"; do
      [[ -d $group ]] || continue
      find "$group" -depth -type d -exec rmdir -- {} \; 2>/dev/null || busy=$group
    done
    [[ -n $busy ]] || return 0
    sleep 0.05
  done
  printf 'lab: cannot remove %s: a process is still in it\n' "$busy" >&2
}

# Prints why a scenario cannot run here; status 0 = it can be skipped, 1 = nothing is missing.
runner_missing() {
  local need program kernel
  kernel=$(runner_header "$1" kernel)
  case $kernel in
    uml) [[ -n ${LAB_INSIDE_UML:-} ]] || { echo 'runs with --kernel uml only'; return 0; } ;;
    host) [[ -z ${LAB_INSIDE_UML:-} ]] || { echo 'runs with --kernel host only'; return 0; } ;;
  esac
  for need in $(runner_header "$1" needs); do
    case $need in
      docker)
        for program in dockerd containerd runc docker iptables; do
          command -v "$program" >/dev/null || { echo "needs $program (package docker.io)"; return 0; }
        done
        command -v busybox >/dev/null || { echo 'needs busybox (package busybox-static)'; return 0; }
        if ldd "$(command -v busybox)" >/dev/null 2>&1; then
          echo 'needs a busybox without shared libraries (package busybox-static)'
          return 0
        fi ;;
      weave) ;;
      *) command -v "$need" >/dev/null || { echo "needs the program $need"; return 0; } ;;
    esac
  done
  return 1
}

runner_result() { # VERDICT NAME [WHY]
  printf '%s %s%s\n' "$1" "$2" "${3:+: $3}"
  printf '%s %s %s\n' "$1" "$2" "${3:-}" >>"$LAB_RUN_DIR/results"
}

# The programs under test are not optional: without them a scenario fails.
runner_has_programs() {
  [[ " $(runner_header "$1" needs) " == *' weave '* ]] || return 0
  [[ -x $LAB_RUN_DIR/bin/weave && -x $LAB_RUN_DIR/bin/weaver ]] && return
  runner_result FAIL "$1" "no weave and weaver in $(<"$LAB_RUN_DIR/bin-source"); build them or set WEAVE_BIN_DIR"
  return 1
}

runner_one() {
  local name=$1 why limit status=0 guard start=$SECONDS
  if why=$(runner_missing "$name"); then
    runner_result SKIP "$name" "$why"
    return
  fi
  runner_has_programs "$name" || return 0
  printf '== %s: %s\n' "$name" "$(runner_header "$name" lab)"
  limit=$(runner_header "$name" limit)
  limit=$((${limit:-120} * LAB_TIME_SCALE))
  rm -f -- "$LAB_RUN_DIR/why" "$LAB_RUN_DIR/cases"
  mkdir -p "$LAB_RUN_DIR/lab"
  LAB_LIMIT=$limit unshare --mount --net --pid --uts --ipc --fork --kill-child --mount-proc --propagation private \
    bash "$LAB_ROOT/lib/enter.sh" "$name" </dev/null &
  runner_child=$!
  # The limit itself is kept inside, where the logs are; this is for an inside that hangs.
  (
    exec {idle}<> <(:)
    read -r -t $((limit + 30)) -u "$idle" || true
    kill -KILL "$runner_child" 2>/dev/null
  ) &
  guard=$!
  wait "$runner_child" || status=$?
  kill "$guard" 2>/dev/null || true
  wait "$guard" 2>/dev/null || true
  runner_child=
  runner_remove_cgroups
  why=$(head -n 1 -- "$LAB_RUN_DIR/why" 2>/dev/null || true)
  printf '   %s took %d s\n' "$name" $((SECONDS - start))
  runner_cases "$name" "$status" || {
    status=1
    why='its cases are not those of its header'
  }
  case $status in
    0) runner_result PASS "$name" ;;
    "$runner_skip_status") runner_result SKIP "$name" "${why:-no reason given}" ;;
    *) runner_result FAIL "$name" "${why:-ended with status $status}" ;;
  esac
}

# runner_cases NAME STATUS: a verdict for each case that began, with the time it took, all its parts together; a case that
# had not begun when the scenario failed has not run. Status 1 = the scenario passed without having run what it claims, or ran more.
runner_cases() {
  local name=$1 status=$2 number now ms=${EPOCHREALTIME/[.,]/} verdict claimed begun wrong=0
  local -A took=() open=()
  [[ $status != "$runner_skip_status" ]] || return 0
  while read -r now begun; do
    for number in "${!open[@]}"; do took[$number]=$((${took[$number]:-0} + now - ${open[$number]})); done
    open=()
    for number in $begun; do open[$number]=$now; done
  done < <(cat -- "$LAB_RUN_DIR/cases" 2>/dev/null; printf '%s end\n' "${ms%???}")
  unset 'open[end]'
  claimed=" $(runner_header "$name" catalogue) "
  for number in $claimed; do
    verdict=passed
    if [[ -z ${took[$number]:-} ]]; then
      verdict='not run'
      if ((status == 0)); then wrong=1; fi
    elif ((status != 0)) && grep -qE "^F( [0-9]+)* $number( |\$)" <(tail -n 1 -- "$LAB_RUN_DIR/cases" | sed 's/^[0-9]*/F/'); then
      verdict=failed
    fi
    printf '   case %s %s: %s%s\n' "$number" "$(runner_catalogue "$number" || echo '(not in the catalogue)')" "$verdict" \
      "${took[$number]:+, $((took[$number] / 1000)).$((took[$number] % 1000 / 100)) s}"
    printf 'case %s %s\n' "$verdict" "$number" >>"$LAB_RUN_DIR/results"
  done
  ((status == 0)) || return 0
  for number in "${!took[@]}"; do
    if [[ $claimed != *" $number "* ]]; then
      printf '   case %s is not in the header of %s\n' "$number" "$name"
      wrong=1
    fi
  done
  return "$wrong"
}

runner_summary() {
  local passed failed skipped
  passed=$(grep -c '^PASS ' "$LAB_RUN_DIR/results" || true)
  failed=$(grep -c '^FAIL ' "$LAB_RUN_DIR/results" || true)
  skipped=$(grep -c '^SKIP ' "$LAB_RUN_DIR/results" || true)
  if [[ -z ${LAB_INSIDE_UML:-} ]] && grep -q '^case ' "$LAB_RUN_DIR/results"; then
    printf 'catalogue cases: %d passed, %d failed, %d not run\n' "$(grep -c '^case passed' "$LAB_RUN_DIR/results")" \
      "$(grep -c '^case failed' "$LAB_RUN_DIR/results")" "$(grep -c '^case not run' "$LAB_RUN_DIR/results")"
  fi
  [[ -n ${LAB_INSIDE_UML:-} ]] || printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
  ((failed == 0))
}
