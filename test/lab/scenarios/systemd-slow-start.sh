# shellcheck shell=bash
# lab: Docker starts with its containers while weave's daemon starts slowly, hangs or fails at boot
# needs: weave docker ss systemctl journalctl
# kernel: host
# limit: 150

[[ -x /lib/systemd/systemd ]] || lab_skip 'needs systemd as a program (package systemd)'
[[ $(stat -fc %T /sys/fs/cgroup) == cgroup2fs || -d /sys/fs/cgroup/unified ]] || lab_skip 'needs control groups of version 2'
lab_systemd_host_create hosta 192.0.2.1
trap 'lab_systemd_journal hosta' EXIT

# A daemon that does, once, what a file of the host says before it is one.
# shellcheck disable=SC2016
lab_exec hosta sh -c 'mkdir -p /etc/systemd/system/weave.service.d /var/lib/lab
  printf "%s\n" "#!/bin/sh" "start=\$(cat /var/lib/lab/start 2>/dev/null)" "rm -f /var/lib/lab/start" "eval \"\$start\"" "exec weaver \"\$@\"" >/usr/local/bin/late-weaver
  chmod 755 /usr/local/bin/late-weaver
  printf "[Service]\nEnvironment=WEAVE_WEAVER=/usr/local/bin/late-weaver\n" >/etc/systemd/system/weave.service.d/lab.conf
  systemctl daemon-reload'
running() { [[ $(lab_docker hosta inspect -f '{{.State.Running}}' "$1") == true ]]; }
attached() { running "$1" && lab_container_net hosta "$1" ip -o -4 address show dev ethwe0 | grep -q 'inet 10\.'; }

lab_weave_launch hosta
lab_exec hosta systemctl enable --quiet --now docker.service docker.socket containerd.service
lab_image_load hosta
lab_wait 10 'the network weave' lab_docker hosta network inspect weave
for name in always1 always2; do lab_container_start hosta "$name" --net=weave --restart=always; done

# back WHAT LIMIT-MS AT-START: reboots with a daemon that does so first, until Docker and its containers are back.
back() {
  local start took name
  lab_host_power_off hosta
  printf '%s\n' "$3" >"$LAB_DIR/hosts/hosta/var-lib/lab/start"
  lab_host_power_on hosta
  start=$(lab_now_ms)
  lab_systemd_wait hosta
  lab_wait $(($2 / 1000)) "Docker is back: $1" lab_docker hosta version
  for name in always1 always2; do lab_wait $(($2 / 1000)) "$name is back: $1" attached "$name"; done
  took=$(($(lab_now_ms) - start))
  lab_say "$1: engine and containers back $took ms after the boot"
  lab_at_most "$1" "$2" "$took"
}
back 'a daemon that starts at once' 10000 :
back 'a daemon that takes 6 s to start' 18000 'sleep 6'
back 'a daemon that fails at its start' 15000 'exit 1'
# systemd waits for ever, but a daemon that hangs at its start does not: here as long as a test can wait for.
lab_match 'the limit of the unit' '^infinity$' "$(lab_unit hosta weave.service TimeoutStartUSec)"
lab_exec hosta sh -c 'printf "[Service]\nEnvironment=WEAVE_START_LIMIT=5\n" >/etc/systemd/system/weave.service.d/limit.conf'
back 'a daemon that hangs at its start' 20000 'exec sleep 1000'
lab_match 'how it ended' 'SIGALRM|status=14|ALRM' "$(lab_exec hosta journalctl --no-pager -u weave.service)"
