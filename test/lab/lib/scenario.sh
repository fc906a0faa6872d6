#!/usr/bin/env bash
# Runs one scenario file with the library loaded. A command that fails without a reason of its own is the reason.
set -Eeuo pipefail
shopt -s inherit_errexit

unset DOCKER_HOST DOCKER_CLIENT_HOST DOCKER_CLIENT_ARGS DOCKER_BRIDGE
for variable in "${!WEAVE_@}"; do unset "$variable"; done
export PATH=$LAB_RUN_DIR/bin:$PATH LC_ALL=C.UTF-8 HOME=/root
unset CDPATH

for part in core host docker fault firewalld weave ipam dns original pinger fastpath systemd; do
  # shellcheck source=/dev/null
  source "$LAB_ROOT/lib/$part.sh"
done
trap lab_failed_command ERR

# shellcheck source=/dev/null
source "$LAB_ROOT/scenarios/$1.sh"
