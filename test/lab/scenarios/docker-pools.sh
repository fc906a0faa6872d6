# shellcheck shell=bash
# lab: gateway and auxiliary address of a network stay out of use, also when asked for
# needs: weave docker
# kernel: host
# limit: 120

lab_host_create hosta 192.0.2.1
lab_dockerd_start hosta
lab_image_load hosta
lab_weave_launch hosta
lab_docker hosta network create --driver weave --ipam-driver weave --subnet 10.44.0.0/28 \
  --gateway 10.44.0.1 --aux-address router=10.44.0.2 kept >/dev/null
given=
for n in 1 2 3; do
  lab_container_start hosta "k$n" --net=kept
  given+="$(lab_container_address hosta "k$n" kept) "
done
lab_equal 'addresses beside gateway and auxiliary address' '10.44.0.3 10.44.0.4 10.44.0.5 ' "$given"
lab_capture hosta docker run -d --net=kept --ip 10.44.0.2 busybox:lab sleep 1
((LAB_STATUS != 0)) || lab_fail 'the auxiliary address was given to a container'
lab_say "$(tail -n 1 <<<"$LAB_STDERR")"
