# shellcheck shell=bash
# Messages, verdicts, waiting and comparing. Everything that waits has a deadline; LAB_TIME_SCALE stretches deadlines on slow kernels.

exec {lab_idle}<> <(:)
readonly lab_poll=0.$((5 * LAB_TIME_SCALE / 10))$((5 * LAB_TIME_SCALE % 10))

lab_say() { printf '   %s\n' "$*"; }

# lab_case NUMBER...: what follows tests these numbers of the acceptance catalogue, until the next lab_case; none = no number.
# A number may come in several parts: their times add up.
lab_case() { printf '%s %s\n' "$(lab_now_ms)" "$*" >>"$LAB_RUN_DIR/cases"; }

lab_reason() { [[ -s $LAB_RUN_DIR/why ]] || printf '%s\n' "$*" >"$LAB_RUN_DIR/why"; }

lab_fail() {
  lab_reason "$*"
  exit 1
}

lab_skip() {
  lab_reason "$*"
  exit 77
}

# Only of the scenario's own shell: a failure inside $(…) or ( … ) & may be one that its caller expects.
# The reason is the scenario's line, not the library's.
lab_failed_command() {
  local level file line
  ((BASH_SUBSHELL == 0)) || return 0
  for ((level = 1; level < ${#BASH_SOURCE[@]}; level++)); do
    file=${BASH_SOURCE[level]}
    line=${BASH_LINENO[level - 1]}
    [[ $file != */scenarios/* ]] || break
  done
  lab_reason "${file##*/}:$line: failed: $(sed -n "${line}s/^ *//p" "$file" | cut -c 1-160)"
}

lab_now_ms() {
  local now=${EPOCHREALTIME/[.,]/}
  printf '%s\n' "${now%???}"
}

# Seconds since a value of lab_now_ms, with one digit after the point.
lab_since() {
  local ms=$(($(lab_now_ms) - $1))
  printf '%d.%d\n' $((ms / 1000)) $((ms % 1000 / 100))
}

# Waits without starting a process.
lab_pause() { read -r -t "$1" -u "$lab_idle" || true; }

# lab_within SECONDS COMMAND...: tries until it succeeds; status 1 at the deadline.
lab_within() {
  local deadline=$(($(lab_now_ms) + $1 * 1000 * LAB_TIME_SCALE))
  shift
  until "$@" >/dev/null 2>&1; do
    (($(lab_now_ms) < deadline)) || return 1
    lab_pause "$lab_poll"
  done
}

# lab_wait SECONDS WHAT COMMAND...: the same, and the scenario fails with WHAT.
lab_wait() {
  local seconds=$1 what=$2
  shift 2
  lab_within "$seconds" "$@" || lab_fail "$what: not within $((seconds * LAB_TIME_SCALE)) s"
}

lab_equal() { # WHAT EXPECTED ACTUAL
  [[ $2 == "$3" ]] || lab_fail "$1: expected '$2', got '$3'"
}

lab_match() { # WHAT EXTENDED-REGULAR-EXPRESSION TEXT: holds for one of its lines
  [[ $2 != *$'\n'* ]] || lab_fail "$1: a pattern of several lines matches if any of them does"
  grep -qE -- "$2" <<<"$3" || lab_fail "$1: '$2' is not in: $(tr '\n' '|' <<<"$3" | cut -c 1-300)"
}

lab_absent() { # WHAT EXTENDED-REGULAR-EXPRESSION TEXT: holds for none of its lines
  ! grep -qE -- "$2" <<<"$3" || lab_fail "$1: unexpected: $(grep -E -- "$2" <<<"$3" | head -n 3 | tr '\n' '|')"
}

# lab_at_most WHAT LIMIT-MS ACTUAL-MS: for measured times; the limit is stretched on slow kernels.
lab_at_most() {
  local limit=$(($2 * LAB_TIME_SCALE))
  (($3 <= limit)) || lab_fail "$1: took $3 ms, allowed $limit ms"
}
