# shellcheck shell=bash
# Debian 12 packages by purpose, and one function that installs the missing ones.

packages_build=(
  g++ meson ninja-build pkg-config ccache
  libboost1.81-dev libboost-json1.81-dev libfmt-dev libsodium-dev libssl-dev libsqlite3-dev
  libnl-3-dev libnl-genl-3-dev libnl-route-3-dev libnftables-dev
  clang bpftool libbpf-dev
)
packages_unit_tests=(clang-format libgtest-dev libgmock-dev python3 iproute2 iputils-ping man-db mandoc zsh fish)
packages_lab=(
  docker.io busybox-static iproute2 nftables iputils-ping iperf3 tcpdump curl python3 procps
  util-linux kmod systemd user-mode-linux golang-go golang-github-weaveworks-mesh-dev
  bind9-dnsutils dnsmasq-base musl-tools
)
# Of the lab as well; their services are not wanted on this machine.
packages_lab_services=(firewalld dbus-daemon)
packages_fuzz=(libclang-rt-14-dev)
packages_package=(debhelper lintian dpkg-dev)
# What benchmarks measure with and compare with, beside what builds and what the lab needs.
packages_bench=(dnsperf dnsmasq-base unbound iperf3 ethtool)
# ovs-dpctl for the lab, and libopenvswitch to be built for the tests of our codec.
packages_oracle=(openvswitch-switch openvswitch-source autoconf automake libtool libtool-bin make)

install_packages() {
  local missing=() name
  for name in "$@"; do
    dpkg-query -W -f='${Status}' "$name" 2>/dev/null | grep -q 'install ok installed' || missing+=("$name")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" -ne 0 ]; then
    echo "These packages are missing and installing them needs root: ${missing[*]}" >&2
    return 1
  fi
  echo "Installing: ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# The same for programs whose services nobody asked for: nothing is started.
install_programs() {
  local policy=/usr/sbin/policy-rc.d status=0
  if [ -e "$policy" ] || [ "$(id -u)" -ne 0 ]; then
    install_packages "$@"
    return
  fi
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
  install_packages "$@" || status=$?
  rm -f "$policy"
  return "$status"
}

# Configures once: configure_tree DIRECTORY [meson option…]
configure_tree() {
  local directory=$1
  shift
  [ ! -e "$directory/build.ninja" ] || return 0
  meson setup "$directory" "$@" >"$directory.setup.log" 2>&1 || {
    tail -n 30 "$directory.setup.log" >&2
    return 1
  }
  rm -f "$directory.setup.log"
}

# make_tree DIRECTORY [TARGET…]; without targets: everything
make_tree() {
  local directory=$1
  shift
  ninja -C "$directory" -k 0 "$@" >"$directory/build.log" 2>&1 || {
    grep -E 'error|FAILED|undefined' "$directory/build.log" | head -n 40 >&2
    return 1
  }
}

# build_tree DIRECTORY [meson option…]: both, everything
build_tree() { configure_tree "$@" && make_tree "$1"; }
