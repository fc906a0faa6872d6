# shellcheck shell=bash
# shellcheck disable=SC2154
# The last part of host_init.sh for a host with systemd: everything systemd reads or writes becomes the host's own, then systemd takes over.
# Its units are those named here; the others of this machine would start devices, consoles and clocks that are not the host's.

readonly systemd_program=/lib/systemd/systemd
systemd_units=(basic.target sysinit.target multi-user.target sockets.target timers.target paths.target slices.target
  local-fs.target local-fs-pre.target swap.target network.target network-pre.target network-online.target shutdown.target umount.target final.target
  systemd-journald.service systemd-journald.socket systemd-journald-dev-log.socket
  docker.service docker.socket containerd.service)

systemd_mounts() {
  local units=$dir/units unit node
  mount -t tmpfs memory /var/log

  # systemd raises limits of the whole machine in /proc/sys; of that only the network's part is the host's.
  mount --bind /proc/sys /proc/sys
  mount --bind /proc/sys/net /proc/sys/net
  mount -o remount,bind,ro /proc/sys

  mkdir -p "$units/none"
  for unit in "${systemd_units[@]}"; do
    if [[ -e /lib/systemd/system/$unit ]]; then cp -- "/lib/systemd/system/$unit" "$units/"; fi
  done
  mkdir -p "$units/sysinit.target.wants"
  ln -sf ../systemd-journald.service "$units/sysinit.target.wants/"
  mount --bind "$units" /lib/systemd/system
  mount --bind "$units/none" /lib/systemd/system-generators

  mount -t tmpfs -o mode=755,nosuid memory /dev
  for node in null:1:3 zero:1:5 full:1:7 random:1:8 urandom:1:9 tty:5:0 net/tun:10:200; do
    mkdir -p "/dev/$(dirname "${node%%:*}")"
    IFS=: read -r node major minor <<<"$node"
    mknod -m 666 "/dev/$node" c "$major" "$minor"
  done
  mkdir /dev/pts /dev/shm
  mount -t devpts -o newinstance,ptmxmode=666,mode=620 devpts /dev/pts
  mount -t tmpfs memory /dev/shm
  ln -s pts/ptmx /dev/ptmx
  ln -s /proc/self/fd /dev/fd

  # As "meson install --prefix /usr/local" lays it out.
  mount --bind "$dir/usr-local" /usr/local
  mkdir -p /usr/local/bin /usr/local/lib/systemd/system
  cp -- "$LAB_RUN_DIR"/bin/* /usr/local/bin/
  cp -- "$LAB_RUN_DIR"/units/* /usr/local/lib/systemd/system/
}

# The first boot: a fresh /etc/systemd and an engine that is installed and enabled, as the package does it.
systemd_configuration() {
  [[ ! -e /etc/systemd/system/default.target ]] || return 0
  rm -rf /etc/systemd/system /etc/systemd/*.conf.d
  mkdir -p /etc/systemd/system /etc/systemd/journald.conf.d
  : >/etc/fstab
  printf '[Journal]\nStorage=volatile\n' >/etc/systemd/journald.conf.d/lab.conf
  ln -s /lib/systemd/system/multi-user.target /etc/systemd/system/default.target
}

systemd_engine_configuration() {
  local driver=vfs
  if grep -qw overlay /proc/filesystems; then driver=overlay2; fi
  mkdir -p /etc/docker
  printf '{"storage-driver": "%s", "iptables": %s, "ip6tables": false, "exec-opts": ["native.cgroupdriver=cgroupfs"], "shutdown-timeout": 5}\n' \
    "$driver" "$LAB_DOCKER_IPTABLES" >/etc/docker/daemon.json
}

# A control group of the host's own, which systemd then sees as the whole tree (version 2 is beside the others where those are version 1).
systemd_cgroup() {
  local group=/sys/fs/cgroup
  [[ ! -d $group/unified ]] || group=$group/unified
  group=$group/weavelab-$LAB_ID-$name
  if [[ -d $group ]]; then find "$group" -depth -type d -exec rmdir -- {} \; ; fi
  mkdir -p "$group"
  echo $$ >"$group/cgroup.procs"
}

systemd_mounts
systemd_configuration
systemd_engine_configuration
systemd_cgroup
: >"$dir/ready"
# Shared as on a machine that systemd has booted: a service with a view of its own still sees the mounts of others.
# shellcheck disable=SC2016
exec env -i container=lab PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
  unshare --cgroup bash -c 'umount -R -l /sys/fs/cgroup && mount -t cgroup2 cgroup /sys/fs/cgroup && mount --make-rshared / && exec "$0" --show-status=false' "$systemd_program"
