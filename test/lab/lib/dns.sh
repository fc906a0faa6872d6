# shellcheck shell=bash
# DNS as clients meet it: an image with several resolvers, questions asked in containers and of servers, and upstream servers.

# lab_resolver_image HOST...: image resolvers:lab has busybox, glibc's `getent` and `ping`, and `musl-lookup`, a program with musl's resolver.
# shellcheck disable=SC2016
lab_resolver_image() {
  local host pid pids=() root=$LAB_DIR/resolvers file
  mkdir -p "$root/bin" "$root/etc"
  cp -a -- "$LAB_RUN_DIR/image/." "$root/"
  for file in "$(command -v getent)" /bin/ping; do
    rm -f -- "$root/bin/${file##*/}"
    cp -L -- "$file" "$root/bin/"
    ldd "$file" | grep -oE '/[^ ]+' | while read -r file; do
      mkdir -p "$root/${file%/*}"
      cp -L -- "$file" "$root/$file"
    done
  done
  echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
  musl-gcc -static -O1 -o "$root/bin/musl-lookup" -x c - <<'C'
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
int main(int count, char **words) {
  struct addrinfo hints = {.ai_family = count > 2 ? AF_INET : AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *found, *each;
  int const error = getaddrinfo(words[1], 0, &hints, &found);
  if (error) return printf("%s\n", gai_strerror(error)), 2;
  for (each = found; each; each = each->ai_next) {
    char text[INET6_ADDRSTRLEN];
    getnameinfo(each->ai_addr, each->ai_addrlen, text, sizeof text, 0, 0, NI_NUMERICHOST);
    puts(text);
  }
}
C
  tar -C "$root" -cf "$LAB_DIR/resolvers.tar" .
  for host; do
    lab_docker "$host" import --change 'CMD ["sh"]' - resolvers:lab <"$LAB_DIR/resolvers.tar" >/dev/null &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do wait "$pid"; done
}

# lab_named_container HOST NAME [DOCKER-RUN-OPTION...]: on the network weave, with what `weave dns-args` says.
lab_named_container() {
  local host=$1 name=$2 arguments
  shift 2
  arguments=$(lab_weave "$host" dns-args)
  # shellcheck disable=SC2086
  lab_docker "$host" run -d --name "$name" --stop-signal KILL --net=weave $arguments "$@" resolvers:lab sleep 86400 >/dev/null
}

# lab_finds HOST CONTAINER NAME ADDRESS: all three resolvers of the container find the name, and this address alone.
# shellcheck disable=SC2016
lab_finds() {
  lab_docker "$1" exec "$2" sh -c '
    fail() { echo "$1 finds for $2: $3" >&2; exit 1; }
    out=$(getent ahostsv4 "$1" | grep STREAM); [ "${out%% *}" = "$2" ] || fail getent "$1" "$out"
    out=$(musl-lookup "$1"); [ "$out" = "$2" ] || fail musl "$1" "$out"
    out=$(nslookup -type=a "$1." 2>&1 | grep -A 1 "^Name:" | grep "^Address" | grep -o "[0-9.]*$"); [ "$out" = "$2" ] || fail nslookup "$1" "$out"' \
    finds "$3" "$4"
}

# lab_dig HOST WORD...: dig's answer from the DNS of the host's daemon, whole.
lab_dig() {
  local host=$1
  shift
  lab_exec "$host" dig @172.17.0.1 +tries=1 +time=3 "$@"
}

# lab_addresses HOST NAME [WORD...]: the addresses of a name there, ascending, in one line.
lab_addresses() {
  local host=$1 name=$2
  shift 2
  lab_dig "$host" +short "$name" "$@" | sort -V | tr '\n' ' ' | sed 's/ $//'
}

# lab_knows HOST NAME ADDRESS...: exactly these, in any order; no address: there is no such name.
lab_knows() {
  local host=$1 name=$2
  shift 2
  [[ $(lab_addresses "$host" "$name") == "$(printf '%s\n' "$@" | sort -V | tr '\n' ' ' | sed 's/ $//')" ]]
}

# lab_upstream HOST FILE [DNSMASQ-OPTION...]: a name server for the rest of the world on port 53; FILE is a hosts file. Its log has all questions.
lab_upstream() {
  local host=$1 file=$2
  shift 2
  lab_spawn "$host" upstream dnsmasq --keep-in-foreground --conf-file=/dev/null --no-resolv --no-hosts --addn-hosts="$file" \
    --log-queries --log-facility=- --user=root --pid-file= --cache-size=0 "$@"
  lab_wait 5 "the upstream server on $host listens" eval "lab_exec $host ss -Hlnu 'sport = :53' | grep -q ."
}
