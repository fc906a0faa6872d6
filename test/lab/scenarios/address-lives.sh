# shellcheck shell=bash
# lab: addresses follow the lives of containers: over stop, launch, kill -9, a lost state file; none is handed out twice
# needs: weave docker ping curl
# kernel: host
# limit: 120
# catalogue: 370 810

lab_weave_pair
container_id() { lab_docker "$1" inspect -f '{{.Id}}' "$2"; }
# Everything that an engine's containers have on the network weave, one address a line.
in_use() { lab_docker "$1" network inspect -f '{{range .Containers}}{{println .IPv4Address}}{{end}}' weave | cut -d/ -f 1 | grep . | sort -V; }
held() { lab_ip_held "$1" | tr '\n' ' '; }
is_held() { lab_ip_held "$1" | grep -qx -- "$2"; }
is_free() { ! is_held "$1" "$2"; }
api_up() { lab_ip "$1" GET /ip && [[ $LAB_STATUS == 200 ]]; }

lab_weave_containers a1:hosta b1:hostb
lab_container_start hosta plain # Docker need not ask us when it goes
a1=$(lab_container_address hosta a1)
id_a1=$(container_id hosta a1) id_plain=$(container_id hosta plain)

lab_say 'addresses for containers by id: only for those that run'
lab_ip hosta POST "/ip/$id_a1?check-alive=true"
lab_equal 'status for a container that runs' 200 "$LAB_STATUS"
attached=${LAB_STDOUT%/*}
lab_docker hosta create --name dead busybox:lab true >/dev/null
id_dead=$(container_id hosta dead)
lab_ip hosta POST "/ip/$id_dead?check-alive=true"
lab_match 'answer for one that does not run' '^503 .*cancelled' "$LAB_STATUS $LAB_STDOUT"
lab_ip hosta POST '/ip/nosuchcontainer?check-alive=true'
lab_equal 'status for one that does not exist' 503 "$LAB_STATUS"
lab_ip hosta POST /ip/weave:expose
exposed=${LAB_STDOUT%/*}
lab_ip hosta POST /ip/_
by_hand=${LAB_STDOUT%/*}

lab_say 'death and return'
lab_docker hosta restart -t 0 a1 >/dev/null
lab_ip hosta POST "/ip/$id_a1?check-alive=true"
lab_equal 'the address of a container that came back' "$attached" "${LAB_STDOUT%/*}"
lab_docker hosta run -d --name short --hostname short busybox:lab sleep 1000 >/dev/null
lab_ip hosta POST "/ip/$(container_id hosta short)?check-alive=true"
short=${LAB_STDOUT%/*}
lab_docker hosta rm -f short >/dev/null
lab_wait 5 'the address of a removed container is free' is_free hosta "$short"

lab_case 370 810
lab_say 'addresses over kill -9, and over stop and launch with a container removed meanwhile'
lab_ip hosta POST "/ip/$id_plain?check-alive=true"
of_plain=${LAB_STDOUT%/*}
before=$(held hosta)
lab_exec hosta kill -KILL "$(lab_weave_pid hosta)"
lab_wait 10 'the daemon is back' api_up hosta
lab_equal 'addresses after kill -9' "$before" "$(held hosta)"
lab_weave hosta stop
lab_docker hosta rm -f plain >/dev/null
lab_weave_launch hosta 192.0.2.2
lab_wait 10 'the address of a container removed meanwhile is free' is_free hosta "$of_plain"
for kept in "$a1" "$attached" "$exposed" "$by_hand"; do is_held hosta "$kept" || lab_fail "$kept is not held any more after stop and launch"; done
lab_match 'ps of a1 after stop and launch' "^a1 ([0-9a-f]{2}:){5}[0-9a-f]{2} $a1/12\$" "$(lab_weave hosta ps a1)"
lab_equal 'name of a1 after stop and launch' "$a1" "$(lab_weave hosta dns-lookup a1)"
lab_wait 5 'name of a1 on the other host' eval "[[ \$(lab_weave hostb dns-lookup a1) == $a1 ]]"
lab_weave_containers a3:hosta
lab_absent 'addresses after stop and launch' "^$a1\$" "$(lab_container_address hosta a3)"

lab_say 'a lost state file'
lab_weave hosta stop
lab_exec hosta sh -c 'rm -f /var/lib/weave/state.db*'
lab_weave_launch hosta 192.0.2.2
lab_weave_connected 1 hosta hostb
lab_weave_containers a4:hosta a5:hosta a6:hosta b2:hostb b3:hostb
lab_ip_no_duplicates hosta hostb
twice=$({ in_use hosta; in_use hostb; } | sort | uniq -d)
lab_equal 'addresses of two containers' '' "$twice"
for address in $(in_use hosta); do is_held hosta "$address" || lab_fail "$address is in use and not held after the loss of state"; done
lab_ping hostb b1 "$a1" 64
lab_docker hosta network disconnect weave a3
lab_docker hosta network connect weave a3
lab_docker hosta rm -f a1 a3 a4 a5 a6 >/dev/null
lab_wait 10 'the addresses of removed containers are free' is_free hosta "$a1"
