#!/usr/bin/env python3
"""The names that DNS servers are compared by, in the form that each server and dnsperf takes.

usage: name_queries.py COUNT DIRECTORY       writes hosts, unbound-names.conf and queries there
       name_queries.py COUNT --weave SOCKET  tells them to the daemon that has this control socket

The queries: 70 % addresses of names, 10 % the same in mixed case, 10 % names of addresses, 5 % IPv6 addresses that the
names do not have, 5 % names that nobody has.
"""
import http.client
import pathlib
import random
import socket
import sys

DOMAIN = "weave.local"
QUERIES = 50_000


def names(count):
    for i in range(count):
        yield f"h{i}.{DOMAIN}", f"10.{32 + (i >> 16)}.{i >> 8 & 255}.{i & 255}"


def mixed_case(chance, text):
    return "".join(chance.choice((letter.lower(), letter.upper())) for letter in text)


def query(chance, entries):
    name, address = chance.choice(entries)
    draw = chance.random()
    if draw < 0.70:
        return f"{name} A"
    if draw < 0.80:
        return f"{mixed_case(chance, name)} A"
    if draw < 0.90:
        return f"{'.'.join(reversed(address.split('.')))}.in-addr.arpa PTR"
    if draw < 0.95:
        return f"{name} AAAA"
    return f"no-{name} A"


def write_files(entries, directory):
    chance = random.Random(1)
    (directory / "queries").write_text("".join(query(chance, entries) + "\n" for _ in range(QUERIES)))
    (directory / "hosts").write_text("".join(f"{address} {name}\n" for name, address in entries))
    lines = [f'local-zone: "{DOMAIN}." static']
    for name, address in entries:
        lines += [f'local-data: "{name}. 1 IN A {address}"', f'local-data-ptr: "{address} 1 {name}"']
    (directory / "unbound-names.conf").write_text("\n".join(lines) + "\n")


def tell_weave(entries, path):
    connection = http.client.HTTPConnection("weave")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(path)
    for name, address in entries:
        connection.request("PUT", f"/name/weave:extern/{address}?fqdn={name}")
        response = connection.getresponse()
        answer = response.read()
        if response.status != 204:
            sys.exit(f"{name}: {response.status} {answer!r}")


def main():
    if len(sys.argv) == 3:
        write_files(list(names(int(sys.argv[1]))), pathlib.Path(sys.argv[2]))
    elif len(sys.argv) == 4 and sys.argv[2] == "--weave":
        tell_weave(names(int(sys.argv[1])), sys.argv[3])
    else:
        sys.exit(__doc__)


main()
