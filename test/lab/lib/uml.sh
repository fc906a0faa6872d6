# shellcheck shell=bash
# The same scenarios in a User-Mode Linux kernel: a Linux that runs as a process, with this machine's files as its root.

readonly uml_modules=/usr/lib/uml/modules
readonly uml_time_scale=4

# Prints why it cannot run here; status 0 = it cannot.
uml_missing() {
  command -v linux.uml >/dev/null || { echo 'needs linux.uml (package user-mode-linux)'; return 0; }
  [[ -d $uml_modules ]] || { echo "needs $uml_modules (package user-mode-linux)"; return 0; }
  return 1
}

# Kernel and user code of User-Mode Linux hand over to each other at every system call; on one processor that is
# more than twice as fast as on two. Runs in parallel take different ones.
uml_processor() {
  local list part processors=()
  list=$(taskset -pc $$)
  for part in $(tr ',' ' ' <<<"${list##*: }"); do
    mapfile -t -O "${#processors[@]}" processors < <(seq "${part%-*}" "${part#*-}")
  done
  printf '%s\n' "${processors[$(($$ % ${#processors[@]}))]}"
}

uml_limit() { # NAME...
  local name limit total=60
  for name in "$@"; do
    limit=$(runner_header "$name" limit)
    total=$((total + ${limit:-120} * uml_time_scale + 10))
  done
  printf '%d\n' "$total"
}

# uml_run NAME...: boots once, streams what the inside prints, and turns a kernel that died into failures.
uml_run() {
  local why name limit runnable=()
  if why=$(uml_missing); then
    for name in "$@"; do runner_result SKIP "$name" "$why"; done
    return
  fi
  for name in "$@"; do
    if runner_has_programs "$name"; then runnable+=("$name"); fi
  done
  ((${#runnable[@]})) || return 0
  set -- "${runnable[@]}"
  mkdir -p /lib/modules "$LAB_RUN_DIR/memory" "$LAB_RUN_DIR/uml"
  {
    printf '%s=%q\n' LAB_RUN_DIR "$LAB_RUN_DIR" LAB_DOCKER_IPTABLES "$LAB_DOCKER_IPTABLES" \
      LAB_KEEP_LOGS "$LAB_KEEP_LOGS" LAB_TIME_SCALE "$uml_time_scale" uml_modules "$uml_modules"
    printf 'uml_names=('
    printf '%q ' "$@"
    printf ')\n'
  } >"$LAB_RUN_DIR/uml/settings"
  cp -- "$LAB_ROOT/lib/uml_init.sh" "$LAB_RUN_DIR/uml/init"
  chmod 755 "$LAB_RUN_DIR/uml/init"
  limit=$(uml_limit "$@")
  printf '== User-Mode Linux boots (limit %d s)\n' "$limit"
  unshare --mount --pid --fork --kill-child --mount-proc --propagation private \
    bash "$LAB_ROOT/lib/uml_start.sh" "$LAB_RUN_DIR" "$limit" "$(uml_processor)" </dev/null > >(uml_filter) 2>&1 &
  runner_child=$!
  wait "$runner_child" || true
  runner_child=
  for name in "$@"; do
    grep -q "^[A-Z]* $name\b" "$LAB_RUN_DIR/results" ||
      runner_result FAIL "$name" "User-Mode Linux ended without a verdict (limit $limit s)"
  done
}

# The console writes CR LF and starts with what the kernel says about itself.
uml_filter() {
  sed -u -n -e 's/\r$//' -e '/^@@ lab begins$/,/^@@ lab ends$/{//!p}'
}
