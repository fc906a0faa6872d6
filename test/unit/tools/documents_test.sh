#!/usr/bin/env bash
# documents_test.sh WHAT DIRECTORY: the manual pages by man or mandoc, the completions by the shells that read them.
# Exit status 77: the program for it is not installed.
set -euo pipefail
what=$1 directory=$2

fail() {
  echo "$*" >&2
  exit 1
}
need() {
  command -v "$1" >/dev/null || {
    echo "skipped: no $1 here"
    exit 77
  }
}
equal() { # NAME WANTED GOT
  [[ $2 == "$3" ]] || fail "$1: wanted '$2', got '$3'"
}
one_line() { tr -s '[:space:]' ' ' | sed 's/ $//'; }

# A weave and a docker that are asked for words to complete.
programs=$(mktemp -d)
trap 'rm -rf "$programs"' EXIT
cat >"$programs/weave" <<'SH'
#!/bin/sh
case "$1 $2" in
  'status targets') printf 'hosta\nhostb\n' ;;
  'report -f') printf '%s ' 'peer1' '$(echo${IFS}ran)' '*' ;; # what a peer calls itself is its own choice
esac
SH
# shellcheck disable=SC2016
printf '#!/bin/sh\n[ "$1" = ps ] && printf "web\\ndb\\n"\n' >"$programs/docker"
chmod 755 "$programs/weave" "$programs/docker"
PATH=$programs:$PATH

case $what in
  man)
    need man
    for page in weave weaver weave.service; do
      complaints=$(MANWIDTH=80 LC_ALL=C.UTF-8 man --warnings -E UTF-8 -l "$directory/$page.8" 2>&1 >"$programs/shown")
      equal "man's complaints about $page(8)" '' "$complaints"
      grep -q '^NAME' "$programs/shown" || fail "$page(8) shows nothing"
    done
    MANWIDTH=80 LC_ALL=C.UTF-8 man -E UTF-8 -l "$directory/weave.8" | grep -qF 'weave attach' || fail 'weave(8) without attach'
    ;;
  mandoc)
    need mandoc
    for page in weave weaver weave.service; do
      # Not a page for OpenBSD: no date, and names of other programs.
      complaints=$(mandoc -T lint -W warning "$directory/$page.8" | grep -v 'missing date' || true)
      equal "mandoc's complaints about $page(8)" '' "$complaints"
    done
    ;;
  bash)
    need bash
    # shellcheck disable=SC1091 # made by the build
    . "$directory/weave"
    completes() {
      COMP_WORDS=("$@")
      COMP_CWORD=$(($# - 1))
      _weave
      printf '%s\n' "${COMPREPLY[@]}" | sort | one_line
    }
    equal 'weave st' 'status stop' "$(completes weave st)"
    equal 'weave --local st' 'status stop' "$(completes weave --local st)"
    equal 'weave status co' 'connections' "$(completes weave status co)"
    equal 'weave status --j' '--json' "$(completes weave status --j)"
    equal 'weave launch --ipalloc-r' '--ipalloc-range' "$(completes weave launch --ipalloc-r)"
    equal 'weave forget' 'hosta hostb' "$(completes weave forget '')"
    equal 'weave attach 10.2.1.1/24 w' 'web' "$(completes weave attach 10.2.1.1/24 w)"
    equal 'weave help ex' 'expose' "$(completes weave help ex)"
    equal 'weave rmpeer p' 'peer1' "$(completes weave rmpeer p)"
    # shellcheck disable=SC2016
    equal 'weave rmpeer $' '\$\(echo\$\{IFS\}ran\)' "$(completes weave rmpeer '$')"
    equal 'weave rmpeer r' '' "$(completes weave rmpeer r)"
    equal 'weave rmpeer *' '\*' "$(completes weave rmpeer '*')"
    equal 'weave bogus x' '' "$(completes weave bogus x)"
    ;;
  fish)
    need fish
    completes() {
      HOME=$programs fish --no-config -c "source $directory/weave.fish; complete -C '$1'" | cut -f 1 | sort | one_line
    }
    equal 'weave st' 'status stop' "$(completes 'weave st')"
    equal 'weave status co' 'connections' "$(completes 'weave status co')"
    equal 'weave status --j' '--json' "$(completes 'weave status --j')"
    equal 'weave launch --ipalloc-r' '--ipalloc-range' "$(completes 'weave launch --ipalloc-r')"
    equal 'weave forget' 'hosta hostb' "$(completes 'weave forget ')"
    equal 'weave attach w' 'web' "$(completes 'weave attach w')"
    ;;
  zsh)
    need zsh
    # A zsh of its own on a terminal, as for people: it lists what it completes.
    cat >"$programs/ask.zsh" <<'ZSH'
zmodload zsh/zpty
zpty asked zsh -f -i
said() { # until it says this, or give up
  local all= chunk= i
  for i in {1..100}; do
    if zpty -rt asked chunk; then all+=$chunk; else sleep 0.1; fi
    [[ $all == *${~1}* ]] && { print -r -- $all; return 0 }
  done
  print -r -- $all
  return 1
}
zpty -w asked "PS1= PS2= RPS1=; unsetopt zle_bracketed_paste; fpath=($1 \$fpath); autoload -U compinit; compinit -u -D"
zpty -w asked "zstyle ':completion:*' list-prompt ''; LISTMAX=1000; unsetopt automenu; setopt autolist; print are''ready"
said areready >/dev/null || exit 1
zpty -w -n asked "$2"$'\t\t'
said $3
ZSH
    completes() { # WORDS EXPECTED
      HOME=$programs TERM=dumb zsh -f "$programs/ask.zsh" "$directory" "$1" "$2" >"$programs/said" || fail "$1: no '$2' in $(cat "$programs/said")"
    }
    completes 'weave st' 'stop*end the daemon'
    grep -q 'status *-- show what' "$programs/said" || fail "status is missing: $(cat "$programs/said")"
    grep -q 'attach' "$programs/said" && fail "too much: $(cat "$programs/said")"
    completes 'weave status con' 'connections'
    completes 'weave launch --ipalloc-ra' '--ipalloc-range'
    completes 'weave forget ' 'hosta*hostb'
    ;;
esac
