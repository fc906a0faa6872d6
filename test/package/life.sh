# shellcheck shell=bash
# Inside the image: what a machine goes through with the package. Arguments: the version, a later one.
set -o pipefail
fail() {
  echo "$*" >&2
  exit 1
}
package() { echo /packages/weave_"$1"_*.deb; }
state() { dpkg-query -W -f '${Status} ${Version}' weave; }
export DEBIAN_FRONTEND=noninteractive
rm -f /usr/sbin/policy-rc.d # the services here are ours alone
printf '#!/bin/sh\necho N 2\n' >/sbin/runlevel.new # as where init scripts are used
chmod 755 /sbin/runlevel.new
mv -f /sbin/runlevel.new /sbin/runlevel
rm -rf /var/lib/weave /etc/default/weave
daemon() { pgrep -x weaver; }
at_boot() { [[ -n $(compgen -G '/etc/rc2.d/S??weave') ]]; }
answers() { curl -s --max-time 5 -X POST --unix-socket "/run/docker/plugins/$1.sock" http://plugin/Plugin.Activate | grep -q NetworkDriver; }

dpkg --install "$(package "$1")"
[[ $(state) == "install ok installed $1" ]] || fail "after install: $(state)"
[[ $(command -v weave) == /usr/bin/weave ]] || fail "weave is found at $(command -v weave)"
weave version | grep -q "weave 3" || fail "weave version: $(weave version)"
[[ -s /etc/default/weave ]] || fail 'no /etc/default/weave'
contents=$(dpkg --contents "$(package "$1")")
for document in README.md docs/troubleshooting.md docs/weave.svg; do
  grep -q "/usr/share/doc/weave/$document\$" <<<"$contents" || fail "no $document in the package"
done
grep -q '/usr/share/doc/weave/examples/docker.service.d-weave.conf$' <<<"$contents" || fail 'no example for docker.service in the package'
systemd-analyze verify /lib/systemd/system/weave.service /lib/systemd/system/weave-plugin.socket
exposure=$(systemd-analyze security --offline=true --no-pager weave.service | sed -nE 's/.*Overall exposure level[^:]*: ([0-9.]+ [A-Z]+).*/\1/p')
echo "systemd-analyze security: $exposure"
[[ $exposure == [0-4].* ]] || fail "systemd-analyze security: $exposure"
unmet=$(ldd /usr/bin/weave /usr/bin/weaver | grep 'not found' || true)
[[ -z $unmet ]] || fail "libraries missing: $unmet"
for enabled in /etc/systemd/system/*/weave*; do
  [[ ! -e $enabled ]] || fail "enabled before a launch: $enabled"
done

# It runs; this machine has no systemd, so it is the init script that brings it back at boot.
! at_boot || fail 'the init script runs at boot before a launch'
weave launch || fail "weave launch: exit $?"
at_boot || fail 'launch does not run the init script at boot'
first=$(daemon) || fail 'no daemon after launch'
name=$(weave status | grep -m 1 ' Name: ')

# What the administrator changed stays through an upgrade, and so does the state; the daemon is the new one, as the old was.
echo 'PEERS="host2"' >>/etc/default/weave
mkdir -p /var/lib/weave
echo kept >/var/lib/weave/state
dpkg --install --force-confdef "$(package "$2")"
[[ $(state) == "install ok installed $2" ]] || fail "after upgrade: $(state)"
grep -q '^PEERS="host2"' /etc/default/weave || fail 'the upgrade lost a setting'
[[ -e /var/lib/weave/state ]] || fail 'the upgrade lost the state'
second=$(daemon) || fail 'no daemon after the upgrade'
[[ $second != "$first" ]] || fail 'the upgrade left the former daemon running'
[[ $(weave status | grep -m 1 ' Name: ') == "$name" ]] || fail 'the upgraded daemon has another name'
for socket in weave weavemesh; do answers "$socket" || fail "$socket.sock does not answer after the upgrade"; done
at_boot || fail 'the upgrade took the init script from the boot'

dpkg --remove weave
! daemon || fail 'the removal left the daemon running'
! at_boot || fail 'the removal left the init script at boot'
[[ ! -e /run/docker/plugins/weave.sock ]] || fail 'the removal left a socket'
[[ ! -e /usr/bin/weave && ! -e /lib/systemd/system/weave.service ]] || fail 'files are left after removal'
[[ -e /etc/default/weave && -e /var/lib/weave/state ]] || fail 'removal took settings or state'
dpkg --purge weave
[[ ! -e /etc/default/weave && ! -e /var/lib/weave && ! -e /etc/init.d/weave ]] || fail 'purge left something'
[[ -z $(dpkg-query -W -f '${Status}' weave 2>/dev/null) ]] || fail "after purge: $(state)"
