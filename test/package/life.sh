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
printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d
rm -rf /var/lib/weave /etc/default/weave

dpkg --install "$(package "$1")"
[[ $(state) == "install ok installed $1" ]] || fail "after install: $(state)"
[[ $(command -v weave) == /usr/bin/weave ]] || fail "weave is found at $(command -v weave)"
weave version | grep -q "weave 3" || fail "weave version: $(weave version)"
[[ -s /etc/default/weave ]] || fail 'no /etc/default/weave'
contents=$(dpkg --contents "$(package "$1")")
for document in README.md docs/troubleshooting.md docs/weave.svg; do
  grep -q "/usr/share/doc/weave/$document\$" <<<"$contents" || fail "no $document in the package"
done
systemd-analyze verify /lib/systemd/system/weave.service /lib/systemd/system/weave-plugin.socket
unmet=$(ldd /usr/bin/weave /usr/bin/weaver | grep 'not found' || true)
[[ -z $unmet ]] || fail "libraries missing: $unmet"
for enabled in /etc/systemd/system/*/weave*; do
  [[ ! -e $enabled ]] || fail "enabled before a launch: $enabled"
done

# What the administrator changed stays through an upgrade, and so does the state.
echo 'PEERS="host2"' >>/etc/default/weave
mkdir -p /var/lib/weave
echo kept >/var/lib/weave/state
dpkg --install --force-confdef "$(package "$2")"
[[ $(state) == "install ok installed $2" ]] || fail "after upgrade: $(state)"
grep -q '^PEERS="host2"' /etc/default/weave || fail 'the upgrade lost a setting'
[[ -e /var/lib/weave/state ]] || fail 'the upgrade lost the state'

dpkg --remove weave
[[ ! -e /usr/bin/weave && ! -e /lib/systemd/system/weave.service ]] || fail 'files are left after removal'
[[ -e /etc/default/weave && -e /var/lib/weave/state ]] || fail 'removal took settings or state'
dpkg --purge weave
[[ ! -e /etc/default/weave && ! -e /var/lib/weave ]] || fail 'purge left something'
[[ -z $(dpkg-query -W -f '${Status}' weave 2>/dev/null) ]] || fail "after purge: $(state)"
