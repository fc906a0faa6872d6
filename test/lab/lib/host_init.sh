#!/usr/bin/env bash
# First process of a lab host: makes the host's own view of the file system, then reaps processes until it is killed.
set -euo pipefail

name=$1
dir=$2
echo "$name" >/proc/sys/kernel/hostname

# A fresh /sys shows this host's interfaces; the control groups mounted below it must come along or the engine does not start.
mount --rbind /sys/fs/cgroup "$dir/cgroup"
mount -t sysfs sysfs /sys
mount --rbind "$dir/cgroup" /sys/fs/cgroup
umount -l "$dir/cgroup"

mount --bind "$dir/run" /run
mkdir -p /run/lock
mount --bind "$dir/var-lib" /var/lib
if ! mount -t overlay overlay -o "lowerdir=/etc,upperdir=$dir/etc-upper,workdir=$dir/etc-work" /etc; then
  [[ -e $dir/etc-copy ]] || cp -a /etc "$dir/etc-copy"
  mount --bind "$dir/etc-copy" /etc
fi

# Nothing of this machine's own set-up may leak into a test, and every host needs an identity of its own.
rm -rf /etc/docker /etc/default/weave /etc/sysconfig/weave /etc/resolv.conf
echo '# no name servers in the lab' >/etc/resolv.conf
echo "$name" >/etc/hostname
printf '127.0.0.1 localhost\n127.0.1.1 %s\n' "$name" >/etc/hosts
md5sum <<<"weave lab host $name" | cut -c 1-32 >/etc/machine-id.new
mv -f /etc/machine-id.new /etc/machine-id

ip link set lo up

# A kernel without the nftables families (User-Mode Linux) still has the older tables.
if ! nft add table ip weave_lab_probe 2>/dev/null; then
  for command in iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore; do
    tables=${command%%-*}
    ln -sf "/usr/sbin/$tables-legacy${command#"$tables"}" "/etc/alternatives/$command"
  done
else
  nft delete table ip weave_lab_probe
fi

# Does not come back.
# shellcheck source=/dev/null
if [[ -e $dir/systemd ]]; then source "${BASH_SOURCE[0]%/*}/systemd_init.sh"; fi

: >"$dir/ready"
while :; do
  sleep 86400 &
  wait $! || true
done
