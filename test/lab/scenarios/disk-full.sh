# shellcheck shell=bash
# lab: the disk of the state file runs full: the daemon says so, gives out nothing it cannot remember, and goes on when there is room
# needs: weave curl
# kernel: host
# limit: 120

lab_host_create hosta 192.0.2.1
lab_exec hosta mkdir -p /var/lib/weave
lab_exec hosta mount -t tmpfs -o size=1m tmpfs /var/lib/weave
launch() { lab_weave_launch hosta --no-discovery --docker-api= --plugin=false; }
launch

# api METHOD PATH: the answer, and then its status.
api() { lab_exec hosta curl -sS --max-time 10 --unix-socket /run/weave/control.sock -X "$1" -w ' %{http_code}' "http://weave$2"; }

lab_equal 'the first address' '10.32.0.1/12 200' "$(api POST /ip/c1)"
lab_exec hosta sh -c 'cat /dev/zero >/var/lib/weave/filler' 2>/dev/null || true
answered=()
for ((i = 2; i < 40; i++)); do
  answer=$(api POST "/ip/c$i")
  [[ $answer == *' 200' ]] || break
  answered+=("${answer% 200}")
done
lab_match 'an address that cannot be remembered' \
  'state file /var/lib/weave/state.db: no space is left on its disk; make room there' "$answer"
lab_match 'the daemon lives' 'Service: router' "$(lab_weave hosta status)"
lab_match 'status says so' 'Check: what changes cannot be stored, so new addresses are refused: .*no space is left.* Next: ' "$(lab_weave hosta status)"
lab_equal 'what the refused one has' ' 200' "$(api GET "/ip/c$i")"

# What was answered outlives the daemon, also while there is no room.
lab_exec hosta kill -KILL "$(lab_weave_pid hosta)"
again() { [[ $(api GET /ip/c1 2>/dev/null) == '10.32.0.1/12 200' ]]; }
lab_wait 15 'the next daemon has the address' again
for ((j = 0; j < ${#answered[@]}; j++)); do
  lab_equal "address of c$((j + 2))" "${answered[j]} 200" "$(api GET "/ip/c$((j + 2))")"
done

lab_exec hosta rm /var/lib/weave/filler
works() { [[ $(api POST "/ip/c$i" 2>/dev/null) == *' 200' ]]; }
lab_wait 10 'addresses are given out again' works
