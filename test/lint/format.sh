#!/usr/bin/env bash
# Fails on C and C++ files that clang-format would write otherwise. Versions differ in taste: only 14, Debian 12's, is asked.
set -euo pipefail
cd "$1"
if ! clang-format --version 2>/dev/null | grep -q 'version 14\.'; then
  echo "skipped: there is no clang-format 14"
  exit 77
fi
find base controller datapath gossip plugin test tools -type f \( -name '*.cpp' -o -name '*.hpp' -o -name '*.c' -o -name '*.h' \) -print0 |
  xargs -0 -P "$(nproc)" -n 50 clang-format --dry-run --Werror
