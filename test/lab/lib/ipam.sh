# shellcheck shell=bash
# Address allocation as its users see it: the control API, and who owns what.

# lab_ip HOST METHOD PATH [CURL-OPTION...]: asks the control API; the status (000 = no answer) is in LAB_STATUS, the body in LAB_STDOUT.
# shellcheck disable=SC2034
lab_ip() {
  local host=$1 method=$2 path=$3
  shift 3
  LAB_STDOUT=$(lab_exec "$host" curl -s --unix-socket /run/weave/control.sock -X "$method" -w '\n%{http_code}' "$@" "http://weave$path") || true
  LAB_STATUS=${LAB_STDOUT##*$'\n'}
  LAB_STDOUT=${LAB_STDOUT%$'\n'*}
}

# lab_ip_allocate HOST ID: prints the address (without prefix length) that it was given; fails with the reason if there was none.
lab_ip_allocate() {
  lab_ip "$1" POST "/ip/$2?timeout=${3:-20}"
  [[ $LAB_STATUS == 200 ]] || lab_fail "address for $2 on $1: $LAB_STATUS $LAB_STDOUT"
  printf '%s\n' "${LAB_STDOUT%/*}"
}

# lab_ip_background HOST NAME METHOD PATH: the same question while the scenario goes on; see lab_ip_answer.
lab_ip_background() {
  local host=$1 name=$2
  shift 2
  rm -f -- "$LAB_DIR/answer-$name"
  (
    lab_ip "$host" "$@"
    printf '%s %s %s\n' "$(lab_now_ms)" "$LAB_STATUS" "$LAB_STDOUT" >"$LAB_DIR/answer-$name.new"
    mv -- "$LAB_DIR/answer-$name.new" "$LAB_DIR/answer-$name"
  ) &
}

lab_ip_answered() { [[ -e $LAB_DIR/answer-$1 ]]; } # NAME

# lab_ip_answer NAME SECONDS: waits for it; LAB_STATUS, LAB_STDOUT, and in LAB_ANSWERED the time at which it came.
# shellcheck disable=SC2034
lab_ip_answer() {
  lab_wait "$2" "an answer to $1" lab_ip_answered "$1"
  read -r LAB_ANSWERED LAB_STATUS LAB_STDOUT <"$LAB_DIR/answer-$1" || true
}

# lab_ip_held HOST: every address that its daemon has handed out, sorted.
lab_ip_held() {
  lab_ip "$1" GET /ip
  grep -oE '[0-9.]+/[0-9]+' <<<"$LAB_STDOUT" | cut -d/ -f 1 | sort -V || true
}

# lab_ip_no_duplicates HOST...: no address is held on two of them.
lab_ip_no_duplicates() {
  local host twice
  twice=$(for host in "$@"; do lab_ip_held "$host"; done | sort | uniq -d)
  [[ -z $twice ]] || lab_fail "held by two of $*: $(tr '\n' ' ' <<<"$twice")"
}

# lab_ipam_status HOST: the IPAM part of `weave status`.
lab_ipam_status() { lab_weave "$1" status | sed -n '/Service: ipam/,/^$/p'; }

lab_ipam_state() { lab_weave "$1" status | sed -nE '/Service: ipam/,/^$/s/^ *Status: //p'; }

# lab_ipam_owns HOST NICKNAME COUNT: so many addresses does HOST believe that peer to own.
lab_ipam_owns() { [[ $(lab_weave "$1" status ipam | sed -nE "s/^[0-9a-f:]{17}\($2\) +([0-9]+) IPs.*/\1/p") == "$3" ]]; }

# lab_ipam_hosts COUNT [LAUNCH-OPTION...]: host1 (192.0.2.1) … hostCOUNT without engines, launched and connected, each to all before it.
lab_ipam_hosts() {
  local count=$1 number hosts=() peers=()
  shift
  for ((number = 1; number <= count; number++)); do lab_host_create "host$number" "192.0.2.$number"; done
  for ((number = 1; number <= count; number++)); do
    lab_weave_launch "host$number" "$@" "${peers[@]}"
    peers+=("192.0.2.$number")
    hosts+=("host$number")
  done
  lab_weave_connected $((count - 1)) "${hosts[@]}"
}
