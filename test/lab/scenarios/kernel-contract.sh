# shellcheck shell=bash
# lab: the build's own tests against a kernel with Open vSwitch: the datapath's contract, VXLAN devices, both fast paths
# needs: ip
# kernel: uml
# limit: 120

# What else is in test/system does not depend on the kernel being another one.
shopt -s nullglob
tests=("$LAB_RUN_DIR"/system-tests/{odp,openvswitch,bpf,fastpath,ipsec,link}*-test)
((${#tests[@]})) || lab_skip "no tests for a kernel in $(<"$LAB_RUN_DIR/bin-source")/test/system"

count() { sed -nE "s/^\[  $2 *\] ([0-9]+) tests?.*/\1/p" "$1" | head -n 1 | grep . || echo 0; } # LOG WORD

failures=()
for test in "${tests[@]}"; do
  name=${test##*/}
  log=$LAB_DIR/logs/$name.log
  start=$(lab_now_ms)
  status=0
  (cd /tmp && "$test" --gtest_color=no) >"$log" 2>&1 || status=$?
  lab_say "$name: $(count "$log" PASSED) passed, $(count "$log" FAILED) failed, $(count "$log" SKIPPED) skipped in $(lab_since "$start") s"
  sed -nE '/: Skipped$/{n;s/^/   skipped: /p}' "$log" | sort | uniq -c
  if ((status != 0)); then
    failures+=("$name")
    grep -E '^\[  FAILED  \]|Failure|^  ' "$log" | head -n 60
  elif [[ $name == odp* && $(count "$log" PASSED) == 0 ]]; then
    failures+=("$name (all skipped)")
  fi
done
((${#failures[@]} == 0)) || lab_fail "failed: ${failures[*]}"
