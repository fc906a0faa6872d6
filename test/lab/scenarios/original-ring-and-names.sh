# shellcheck shell=bash
# lab: a peer of the original mesh shares addresses and names with ours: one ring by consensus, space and claims both ways, names and their removal
# needs: weave go python3 curl ss
# kernel: host
# limit: 120
# catalogue: 215

lab_original_build

# orig (the original) <- hosta (ours) <- hostb (ours): what orig and hostb know of each other, hosta has relayed.
lab_host_create orig 192.0.2.1
lab_host_create hosta 192.0.2.2
lab_host_create hostb 192.0.2.3
mkfifo "$LAB_DIR/orig.in"
exec {orig_input}<>"$LAB_DIR/orig.in"
name=7a:00:00:00:00:01
# shellcheck disable=SC2016
start_original() {
  lab_spawn orig mesh sh -c 'input=$1; shift; exec "$@" <"$input"' sh "$LAB_DIR/orig.in" \
    "$LAB_DIR/mesh_peer" -name "$name" -nickname orig -discovery=false -range 10.32.0.0/20 -quorum 2
}
start_original
tell() { printf '%s\n' "$*" >&"$orig_input"; }
said() { grep -E -- "$1" "$LAB_DIR/logs/orig-mesh.log"; } # REGULAR-EXPRESSION
last() { said "$1" | tail -n 1; }
lab_weave_launch hosta --no-discovery --ipalloc-range 10.32.0.0/20 --dns-listen-address 127.0.0.1:53 192.0.2.1
lab_weave_launch hostb --no-discovery --ipalloc-range 10.32.0.0/20 --dns-listen-address 127.0.0.1:53 192.0.2.2
lab_weave_connected 2 hosta
lab_wait 10 'hostb knows all' eval "lab_weave hostb status peers | grep -q '^$name(orig)'"

# Both ask for consensus at once: one ring, told in the same words everywhere.
tell prime
lab_weave hosta prime
lab_weave hostb prime
ring() { # HOST: "token owner version" a line, in order
  if [[ $1 == orig ]]; then
    tell ring
    lab_pause 0.05
    last '^ring ' | python3 -c '
import json, sys
for e in json.loads(sys.stdin.read()[5:])["Entries"]:
    print(e["Token"], e["Peer"].to_bytes(6, "big").hex(":"), e["Version"])' 2>/dev/null || true
  else
    lab_weave "$1" report | python3 -c '
import ipaddress, json, sys
for e in json.load(sys.stdin)["IPAM"]["Entries"]:
    print(int(ipaddress.ip_address(e["Token"])), e["Peer"], e["Version"])'
  fi
}
# Counts of free addresses, and the versions they raise, are not told at once by anybody; who has what is.
owners() { ring "$1" | cut -d ' ' -f 1,2; }
same_ring() {
  local known
  known=$(owners hosta)
  [[ -n $known && $(owners orig) == "$known" && $(owners hostb) == "$known" ]]
}
lab_wait 10 'one ring' same_ring
owned() { python3 -c '
import sys
lines = [l.split() for l in sys.stdin]
for at, (token, owner, _) in enumerate(lines):
    following = int(lines[at + 1][0]) if at + 1 < len(lines) else 0x0a201000
    if owner == sys.argv[1] and following - int(token) >= 256:
        print(".".join(str((int(token) + 128) >> s & 255) for s in (24, 16, 8, 0))); break' "$1"; } # PEER <ring: an address in the midst of a piece
ours=$(ring hosta | owned "$(lab_weave_name hosta)")
theirs=$(ring hosta | owned "$name")
[[ -n $ours && -n $theirs ]] || lab_fail "not everybody has a share: $(ring hosta | tr '\n' '|')"
lab_say "shares: original around $theirs, hosta around $ours"

# Addresses: own ones, those of others, taken and free, in both directions.
api() { lab_exec "$1" curl -sS --max-time 20 --unix-socket /run/weave/control.sock -X "$2" "http://weave$3"; } # HOST METHOD PATH
tell allocate
lab_wait 5 'the original allocates of its own' said '^allocated '
taken=$(last '^allocated ' | cut -d ' ' -f 2)
lab_match 'we claim what the original has given to a container' "address $taken/20 is owned by other peer $name" "$(api hosta PUT "/ip/one/$taken/20")"
lab_equal 'we claim a free address of the original' '' "$(api hosta PUT "/ip/two/$theirs/20")"
lab_match 'we have it' "$theirs/20" "$(api hosta GET /ip/two)"
lab_wait 5 'the original has given it' said "^gave $theirs "
lab_equal 'hostb claims one through hosta' '' "$(api hostb PUT "/ip/three/${theirs%.*}.200/20")"
api hosta PUT "/ip/four/$ours/20"
tell claim "$ours"
lab_wait 5 'the original is denied what a container of ours has' said "^denied $ours .* by $(lab_weave_name hosta)"
tell claim "${ours%.*}.200"
lab_wait 5 'the original claims a free address of ours' said "^claimed ${ours%.*}.200\$"
lab_wait 10 'the same ring after claims' same_ring

# Space: for an allocation in a subnet of which we own nothing, and the other way round.
lab_match 'we allocate in space of the original' "^${theirs%.*}\.[0-9]+/28" "$(api hosta POST "/ip/five/${theirs%.*}.240/28")"
lab_match 'hostb allocates in space of the original' "^${theirs%.*}\.[0-9]+/28" "$(api hostb POST "/ip/six/${theirs%.*}.208/28")"
of_original() { ring "$1" | grep " $name "; }
same_versions() {
  local known
  known=$(of_original orig)
  [[ $(of_original hosta) == "$known" && $(of_original hostb) == "$known" ]]
}
lab_wait 5 'versions that the original has raised' same_versions
lab_match 'raised versions' ' [1-9][0-9]*$' "$(of_original hostb)"
before=$(ring hosta | grep -c "$name")
tell ask "${ours%.*}.208" "${ours%.*}.224"
lab_wait 5 'the original gets space of ours' eval "((\$(ring orig | grep -c $name) > $before))"
lab_wait 10 'the same ring after donations' same_ring
lab_say "the ring has $(ring hosta | wc -l) pieces, of the same owners on all three peers"

# Names, theirs and ours, to the next peer and one further.
looked_up() { [[ $(lab_weave "$1" dns-lookup "$2" | sort -V | tr '\n' ' ') == "${*:3}${3:+ }" ]]; } # HOST NAME ADDRESS...
tell name-add theirs.weave.local. 10.32.1.1
tell name-add Theirs.weave.local. 10.32.1.2
tell name-add theirs.weave.local. 10.32.1.3
for host in hosta hostb; do lab_wait 5 "names of the original on $host" looked_up "$host" theirs 10.32.1.1 10.32.1.2 10.32.1.3; done
lab_equal 'reverse, as spelt there' Theirs.weave.local. "$(lab_weave hostb dns-lookup 10.32.1.2)"
for spelling in Foo foo FOO; do lab_weave hostb dns-add 10.32.2.1 -h "$spelling.weave.local"; done
lab_weave hosta dns-add 10.32.2.2 -h near.weave.local
knows() { said "^name $1\.weave\.local\. $2 $3 $4\$" >/dev/null; } # NAME ADDRESS ORIGIN STATE
for spelling in Foo foo FOO; do lab_wait 5 "$spelling of hostb at the original" knows "$spelling" 10.32.2.1 "$(lab_weave_name hostb)" 'live version 0'; done
lab_wait 5 'a name of hosta at the original' knows near 10.32.2.2 "$(lab_weave_name hosta)" 'live version 0'

# Removed: a tombstone on both sides; and added again.
tell name-remove theirs.weave.local.
for host in hosta hostb; do lab_wait 5 "names that the original has removed on $host" looked_up "$host" theirs; done
lab_match 'its tombstone in our report' '"Tombstone": [1-9]' "$(lab_weave hostb report | grep -i -A 5 theirs.weave.local)"
lab_weave hostb dns-remove 10.32.2.1 -h foo.weave.local
lab_weave hosta dns-remove 10.32.2.2 -h near.weave.local
for spelling in Foo foo FOO; do lab_wait 5 "removed $spelling at the original" knows "$spelling" 10.32.2.1 "$(lab_weave_name hostb)" 'dead version 1'; done
lab_wait 5 'a removed name of hosta at the original' knows near 10.32.2.2 "$(lab_weave_name hosta)" 'dead version 1'
tell name-add theirs.weave.local. 10.32.1.1
for host in hosta hostb; do lab_wait 5 "a name added again on $host" looked_up "$host" theirs 10.32.1.1; done
lab_weave hosta dns-add 10.32.2.2 -h near.weave.local
lab_wait 5 'a name of hosta added again at the original' knows near 10.32.2.2 "$(lab_weave_name hosta)" 'live version 2'

lab_case 215
# Old news of our own names, such as of an earlier life: we have the last word.
hosta_name=$(lab_weave_name hosta)
tell name-stale ghost.weave.local. 10.32.3.1 "$(printf '%064d' 7)" "$hosta_name" live 5
tell name-stale near.weave.local. 10.32.2.2 weave:extern "$hosta_name" dead 7
lab_wait 5 'a name that is none is withdrawn' knows ghost 10.32.3.1 "$hosta_name" 'dead version 6'
lab_wait 5 'a name that is one is asserted' knows near 10.32.2.2 "$hosta_name" 'live version 8'
for host in hosta hostb; do
  lab_wait 5 "no ghost on $host" looked_up "$host" ghost
  lab_wait 5 "the true name on $host" looked_up "$host" near 10.32.2.2
done

lab_case
# It goes, with its names; and is back without them, but is told ours.
lab_end orig mesh KILL
for host in hosta hostb; do lab_wait 5 "names of the original after its death on $host" looked_up "$host" theirs; done
lab_absent 'what the original complains of' '^error|panic' "$(cat "$LAB_DIR/logs/orig-mesh.log")"
mv "$LAB_DIR/logs/orig-mesh.log" "$LAB_DIR/logs/orig-before.log"
start_original
lab_wait 15 'the original learns the names of hosta when it is back' knows near 10.32.2.2 "$hosta_name" 'live version 8'
lab_wait 5 'and the ring' same_ring
lab_absent 'what the original complains of' '^error|panic' "$(cat "$LAB_DIR/logs/orig-mesh.log")"
