#!/usr/bin/env bash
# Builds libopenvswitch, which Debian ships as source only (package openvswitch-source), as a static library for Meson's
# dependency('libopenvswitch'). Prints the directory for PKG_CONFIG_PATH on its last line. Does nothing when that version
# is there already.
#   tools/lib/build_libopenvswitch.sh [PREFIX]     PREFIX: an own directory (default: <user's cache>/weave/libopenvswitch)
# Needs the packages of packages_oracle (tools/lib/packages.sh); takes about a minute on two cores.
set -euo pipefail

source_archive=/usr/src/openvswitch/openvswitch.tar.gz
prefix=${1:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/weave/libopenvswitch}
# Nothing here is run: debugging information and optimisation only cost time. The other libraries are for parts that format nothing.
options=(--disable-shared --enable-static --disable-ssl --disable-libcapng --disable-afxdp --disable-dependency-tracking
  'CFLAGS=-O1 -g0' ac_cv_lib_unbound_ub_ctx_create=no ovs_cv_binutils_avx512_good=no)

[[ -r $source_archive ]] || { echo "$source_archive is missing: install the package openvswitch-source" >&2; exit 1; }
mkdir -p "$prefix"
prefix=$(cd "$prefix" && pwd)
stamp="$(sha256sum <"$source_archive" | cut -d ' ' -f 1) $(sha256sum <"${BASH_SOURCE[0]}" | cut -d ' ' -f 1)"

exec {lock}>"$prefix/.lock"
flock "$lock"
if [[ -e $prefix/.built && $(<"$prefix/.built") == "$stamp" ]]; then
  echo "$prefix/lib/pkgconfig"
  exit 0
fi

work=$(mktemp -d)
log=$prefix/build.log
finish() {
  local status=$?
  rm -rf -- "$work"
  if ((status != 0)); then
    echo "libopenvswitch does not build; the end of $log:" >&2
    tail -n 20 -- "$log" >&2
  fi
}
trap finish EXIT
rm -rf -- "${prefix:?}/.built" "${prefix:?}/lib" "${prefix:?}/include"

build() {
  tar -xf "$source_archive" -C "$work"
  cd "$work/openvswitch"
  ./configure --prefix="$prefix" "${options[@]}"
  # The library's target alone would lack the headers that are generated.
  cat >library.mk <<'MAKE'
include Makefile
.PHONY: library
library: $(BUILT_SOURCES)
	$(MAKE) lib/libopenvswitch.la
MAKE
  make -j"$(nproc)" -f library.mk library
  make install-libLTLIBRARIES install-openvswitchincludeHEADERS install-openflowincludeHEADERS install-pkgconfigDATA \
    lib_LTLIBRARIES=lib/libopenvswitch.la pkgconfig_DATA=lib/libopenvswitch.pc
  # The headers of odp-util are none of the installed ones.
  mkdir -p "$prefix/include/openvswitch-lib"
  cp -- lib/*.h include/odp-netlink*.h config.h "$prefix/include/openvswitch-lib/"
  # shellcheck disable=SC2016
  sed -i 's|^Cflags:.*|& -I${includedir}/openvswitch-lib|' "$prefix/lib/pkgconfig/libopenvswitch.pc"
}

# Not as a condition: a failing command inside must end it.
(build) >"$log" 2>&1
echo "$stamp" >"$prefix/.built"
echo "$prefix/lib/pkgconfig"
