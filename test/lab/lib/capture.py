#!/usr/bin/env python3
"""What a capture of the underlay shows of marked packets: capture.py FILE MARK [VXLAN-PORT [SLEEVE-PORT]].

MARK is the hexadecimal pattern that repeats in the payload of the marked packets (ping -p). Prints one line each:
"vxlan N", "sleeve N" and "other N", the marked packets by what carried them, and "vni 0x... N" for each VNI of marked
packets; "heartbeat N" counts VXLAN packets with zero MAC addresses.
"""
import collections
import struct
import sys

ETHERNET = 14
VXLAN = 8
REPEATS = 6


def packets(path):
    with open(path, "rb") as file:
        header = file.read(24)
        order = "<" if header[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
        while len(record := file.read(16)) == 16:
            yield file.read(struct.unpack(order + "IIII", record)[2])


def carrier(packet, vxlan_port, sleeve_port):
    """(name, VNI or None, is a heartbeat) of one Ethernet frame of the underlay."""
    if len(packet) < ETHERNET + 28 or packet[12:14] != b"\x08\x00" or packet[ETHERNET + 9] != 17:
        return "other", None, False
    udp = ETHERNET + (packet[ETHERNET] & 15) * 4
    port = struct.unpack_from("!H", packet, udp + 2)[0]
    source = struct.unpack_from("!H", packet, udp)[0]
    if port == vxlan_port and len(packet) >= udp + 8 + VXLAN + ETHERNET:
        inner = udp + 8 + VXLAN
        return "vxlan", int.from_bytes(packet[udp + 12:udp + 15], "big"), not any(packet[inner:inner + 12])
    return ("sleeve" if sleeve_port in (port, source) else "other"), None, False


def main():
    path, mark = sys.argv[1], bytes.fromhex(sys.argv[2]) * REPEATS
    vxlan_port, sleeve_port = (int(text) for text in (sys.argv[3:] + ["6784", "6783"])[:2])
    counts = collections.Counter({"vxlan": 0, "sleeve": 0, "other": 0, "heartbeat": 0})
    vnis = collections.Counter()
    for packet in packets(path):
        name, vni, heartbeat = carrier(packet, vxlan_port, sleeve_port)
        counts["heartbeat"] += heartbeat
        if mark in packet:
            counts[name] += 1
            if vni is not None:
                vnis[vni] += 1
    for name, count in counts.items():
        print(name, count)
    for vni, count in sorted(vnis.items()):
        print(f"vni {vni:#x} {count}")


if __name__ == "__main__":
    main()
