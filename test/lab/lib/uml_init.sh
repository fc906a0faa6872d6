#!/bin/bash
# shellcheck disable=SC2154
# First process of the User-Mode Linux kernel. Its root is the real machine's: everything that gets written must be on memory.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8
# shellcheck source=/dev/null
source "${0%/*}/settings"

mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs -o mode=755 run /run
mkdir /run/keep
mount --bind "$LAB_RUN_DIR" /run/keep
mount --bind "$uml_modules" /lib/modules
for directory in /tmp /mnt /var/lib /var/log /var/tmp /root; do mount -t tmpfs memory "$directory"; done
mkdir /mnt/lab
mount --move /run/keep /mnt/lab
mkdir -p /dev/pts /dev/shm
ln -sf /proc/self/fd /dev/fd
mount -t devpts devpts /dev/pts
mount -t tmpfs shm /dev/shm

# Whichever of these a kernel lacks is noticed by the scenario that wants it.
modprobe -qa veth bridge br_netfilter vxlan openvswitch vport-vxlan tun dummy overlay nf_tables nft_compat iptable_nat iptable_filter \
  iptable_raw iptable_mangle ip6table_filter xt_MASQUERADE xt_addrtype xt_conntrack xt_nat xt_tcpudp xt_comment xt_mark xt_multiport \
  xt_policy xt_esp xt_set ip_set ip_set_hash_ip ip_set_hash_net xt_physdev ipt_REJECT sch_netem sch_ingress cls_bpf cls_u32 cls_matchall \
  act_mirred esp4 xfrm_user xfrm_algo 2>/dev/null

mount -t cgroup2 cgroup /sys/fs/cgroup

export LAB_RUN_DIR=/mnt/lab LAB_DOCKER_IPTABLES LAB_KEEP_LOGS LAB_TIME_SCALE LAB_INSIDE_UML=1
ip link set lo up
echo '@@ lab begins'
bash /mnt/lab/files/run "${uml_names[@]}"
echo '@@ lab ends'
halt -f
