#!/usr/bin/env python3
"""Marked frames of every kind, to see which get from one container to another. Runs in a container's network namespace.

frames.py listen INTERFACE                              prints "TIME SENDER KIND DESTINATION" for each marked frame that arrives
frames.py send INTERFACE SENDER TARGET,PEER... [KIND...]
    one of each kind to the address TARGET, once to its MAC and once to all; PEER is an address of the target's network,
    for frames with a false source
frames.py flood INTERFACE SENDER TARGET,PEER            plain and false ones for ever, 200 a second each
"""
import ipaddress
import socket
import struct
import sys
import time

MARK = b"marked-frame:"
ALL = b"\xff" * 6


def mac_of(address):
    return b"\x02\x77" + ipaddress.ip_address(address).packed


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ipv4(source, target, protocol, payload):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0, 64, protocol, 0,
                       ipaddress.ip_address(source).packed, ipaddress.ip_address(target).packed)
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def udp(source, target, mark):
    return ipv4(source, target, 17, struct.pack("!HHHH", 4000, 4000, 8 + len(mark), 0) + mark)


def tcp(source, target, mark):
    return ipv4(source, target, 6, struct.pack("!HHIIBBHHH", 4000, 4000, 1, 0, 0x50, 2, 1024, 0, 0) + mark)


def arp(sender_mac, sender, target, operation, mark):
    return struct.pack("!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, operation, sender_mac, ipaddress.ip_address(sender).packed, bytes(6),
                       ipaddress.ip_address(target).packed) + mark


def ipv6(mark):
    source, target = (ipaddress.ip_address(text).packed for text in ("fe80::1", "ff02::1"))
    return struct.pack("!IHBB16s16s", 6 << 28, len(mark), 59, 255, source, target) + mark


def frames(own, own_mac, target, peer, mark):
    """Kind, source MAC, protocol and content of each."""
    to_all = str(ipaddress.ip_network(f"{target}/16", strict=False).broadcast_address)
    for kind, source in (("", own), ("false-", peer)):
        yield kind + "udp", own_mac, 0x0800, udp(source, target, mark)
        yield kind + "tcp", own_mac, 0x0800, tcp(source, target, mark)
        yield kind + "subnet", own_mac, 0x0800, udp(source, to_all, mark)
        yield kind + "limited", own_mac, 0x0800, udp(source, "255.255.255.255", mark)
        yield kind + "multicast", own_mac, 0x0800, udp(source, "224.0.0.251", mark)
        yield kind + "arp", own_mac, 0x0806, arp(own_mac, source, target, 1, mark)
        yield kind + "announcement", own_mac, 0x0806, arp(own_mac, source, source, 2, mark)
        yield kind + "tagged", own_mac, 0x8100, struct.pack("!HH", 5, 0x0800) + udp(source, target, mark)
    yield "probe", own_mac, 0x0806, arp(own_mac, "0.0.0.0", target, 1, mark)
    yield "ipv6", own_mac, 0x86DD, ipv6(mark)
    yield "other", own_mac, 0x88B5, mark
    yield "false-mac", mac_of(target), 0x0800, udp(own, "255.255.255.255", mark)


def own_address(interface):
    import fcntl
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as query:
        return str(ipaddress.ip_address(fcntl.ioctl(query, 0x8915, struct.pack("256s", interface.encode()))[20:24]))


def raw(interface, protocol):
    opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(protocol))
    opened.bind((interface, protocol))
    return opened


def send(on, own, sender, target, peer, kinds):
    own_mac = on.getsockname()[4]
    for kind, source, protocol, _ in frames(own, own_mac, target, peer, b""):
        if kinds and kind not in kinds:
            continue
        for name, destination in (("one", mac_of(target)), ("all", ALL)):
            mark = MARK + f"{sender} {kind} {name};".encode()
            content = next(each[3] for each in frames(own, own_mac, target, peer, mark) if each[0] == kind)
            on.send((destination + source + struct.pack("!H", protocol) + content).ljust(60, b"\0"))


def send_all(interface, sender, words):
    on, own = raw(interface, 0), own_address(interface)
    for pair in (word for word in words if "," in word):
        send(on, own, sender, *pair.split(","), [word for word in words if "," not in word])


def flood(interface, sender, pair):
    on, own = raw(interface, 0), own_address(interface)
    while True:
        send(on, own, sender, *pair.split(","), ("udp", "false-arp", "ipv6"))
        time.sleep(0.005)


def listen(interface):
    on = raw(interface, 3)
    on.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)  # SO_RCVBUFFORCE
    print("listening", flush=True)
    while True:
        frame, address = on.recvfrom(2048)
        at = frame.find(MARK)
        if at >= 0 and address[2] != socket.PACKET_OUTGOING:
            print(f"{time.time():.3f}", frame[at + len(MARK):].split(b";")[0].decode(), flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "listen":
        listen(sys.argv[2])
    elif sys.argv[1] == "flood":
        flood(*sys.argv[2:5])
    else:
        send_all(sys.argv[2], sys.argv[3], sys.argv[4:])
