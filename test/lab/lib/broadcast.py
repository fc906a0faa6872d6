#!/usr/bin/env python3
"""Numbered broadcast datagrams: broadcast.py receive PORT prints each one's text; broadcast.py send PORT COUNT TEXT ADDRESS
sends "TEXT 0", "TEXT 1", … to the broadcast address."""
import socket
import sys
import time


def main():
    port = int(sys.argv[2])
    end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    if sys.argv[1] == "receive":
        end.bind(("", port))
        print("ready", flush=True)
        while True:
            print(end.recv(100).decode(), flush=True)
    count, text, address = int(sys.argv[3]), sys.argv[4], sys.argv[5]
    end.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    for number in range(count):
        end.sendto(f"{text} {number}".encode(), (address, port))
        time.sleep(0.02)


if __name__ == "__main__":
    main()
