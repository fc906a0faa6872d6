# shellcheck shell=bash
# lab: addresses of a network in order: --ip, the next one; gateway and auxiliary address stay out of use, also when asked for
# needs: weave docker
# kernel: host
# catalogue: 820
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

lab_case 820
# The first address by choice, the next one by itself; Docker's DNS has the names of both.
lab_docker hosta network create --driver weavemesh --ipam-driver weavemesh --subnet 10.40.0.0/16 plugin820 >/dev/null
lab_container_start hosta c1 --net=plugin820 --ip 10.40.0.1
lab_container_start hosta c2 --net=plugin820
lab_equal 'address by choice' 10.40.0.1 "$(lab_container_address hosta c1 plugin820)"
lab_equal 'the next address' 10.40.0.2 "$(lab_container_address hosta c2 plugin820)"
lab_docker hosta exec c1 ping -q -c 1 -W 5 c2 >/dev/null || lab_fail 'c1 does not reach c2 by name'
lab_docker hosta exec c2 ping -q -c 1 -W 5 c1 >/dev/null || lab_fail 'c2 does not reach c1 by name'
