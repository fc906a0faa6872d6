#!/usr/bin/env python3
"""A wire that takes time: delay.py MILLISECONDS INTERFACE INTERFACE

Hands every frame that comes in by one interface out by the other, so much later, with its offloads. Prints "ready" when it does.
"""
import collections
import select
import socket
import sys
import time

SOL_PACKET, PACKET_ADD_MEMBERSHIP, PACKET_VNET_HDR, PACKET_OUTGOING = 263, 1, 15, 4
PROMISCUOUS = 1
ALL = 0x0003


def open_interface(name):
    """Frames are read and written with the header that tells what is left to the device: checksums, segments."""
    end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL))
    end.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    end.bind((name, ALL))
    index = socket.if_nametoindex(name)
    end.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, index.to_bytes(4, sys.byteorder) + PROMISCUOUS.to_bytes(2, sys.byteorder) + bytes(10))
    end.setblocking(False)
    return end


def take(end, other, due, waiting):
    while True:
        try:
            frame, address = end.recvfrom(1 << 17)
        except BlockingIOError:
            return
        if address[2] != PACKET_OUTGOING:
            waiting.append((due, other, frame))


def main():
    delay = float(sys.argv[1]) / 1000
    ends = [open_interface(name) for name in sys.argv[2:4]]
    others = {ends[0]: ends[1], ends[1]: ends[0]}
    waiting = collections.deque()
    print("ready", flush=True)
    while True:
        timeout = max(0, waiting[0][0] - time.monotonic()) if waiting else None
        readable, _, _ = select.select(ends, [], [], timeout)
        now = time.monotonic()
        for end in readable:
            take(end, others[end], now + delay, waiting)
        while waiting and waiting[0][0] <= time.monotonic():
            _, other, frame = waiting.popleft()
            try:
                other.send(frame)
            except OSError:
                pass  # as a wire loses it


if __name__ == "__main__":
    main()
