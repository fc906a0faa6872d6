# shellcheck shell=bash
# Pings that go on while something happens: how long nobody answered, how many were lost, how many came twice.
# Each has a name; its log is logs/HOST-NAME.log.

declare -A lab_pinger_host=()

# lab_pinger_start NAME HOST CONTAINER ADDRESS [INTERVAL]: from within a container; seconds between two pings (0.1).
lab_pinger_start() {
  lab_pinger_spawn "$1" "$2" "$4" "${5:-0.1}" nsenter --target "$(lab_container_pid "$2" "$3")" --net
}

# lab_pinger_spawn NAME HOST ADDRESS INTERVAL PREFIX...: the words before the command say from where.
lab_pinger_spawn() {
  local name=$1 host=$2 address=$3 interval=$4
  shift 4
  lab_pinger_host[$name]=$host
  lab_spawn "$host" "$name" "$@" ping -n -D -i "$interval" "$address"
}

lab_pinger_log() { printf '%s\n' "$LAB_DIR/logs/${lab_pinger_host[$1]}-$1.log"; } # NAME

lab_pinger_answers() { grep -c 'bytes from' "$(lab_pinger_log "$1")" || true; } # NAME
lab_pinger_has() { (($(lab_pinger_answers "$1") >= $2)); }                      # NAME COUNT

# lab_pinger_more NAME COUNT [SECONDS]: waits for that many further answers.
lab_pinger_more() {
  lab_wait "${3:-10}" "$2 more answers to $1" lab_pinger_has "$1" $(($(lab_pinger_answers "$1") + $2))
}

# lab_pinger_silence NAME FROM [TO]: the longest time between two answers from one moment on (to another); all in ms.
lab_pinger_silence() {
  awk -v from="$2" -v to="${3:-0}" '/bytes from/ {
    now = substr($1, 2) * 1000
    if (now < from) { last = from; next }
    if (!last) last = from ? from : now
    if (now - last > gap) gap = now - last
    last = now
    if (to && now > to) exit
  } END { printf "%d\n", gap }' "$(lab_pinger_log "$1")"
}

# lab_pinger_answered_after NAME FROM: ms from that moment to the first answer since; empty: none yet.
lab_pinger_answered_after() {
  awk -v from="$2" '/bytes from/ { now = substr($1, 2) * 1000; if (now >= from) { printf "%d\n", now - from; exit } }' \
    "$(lab_pinger_log "$1")"
}

# lab_pinger_stop NAME: ends it; then these tell its totals.
lab_pinger_stop() { lab_end "${lab_pinger_host[$1]}" "$1" INT; }

lab_pinger_sent() { sed -nE 's/^([0-9]+) packets transmitted.*/\1/p' "$(lab_pinger_log "$1")"; }
# Sequence numbers have 16 bits, so not by what ping itself says about duplicates.
lab_pinger_lost() { sed -nE 's/^([0-9]+) packets transmitted, ([0-9]+) received.*/\1 \2/p' "$(lab_pinger_log "$1")" | awk '{ print $1 - $2 }'; }
lab_pinger_duplicates() { grep -c 'DUP!' "$(lab_pinger_log "$1")" || true; }
