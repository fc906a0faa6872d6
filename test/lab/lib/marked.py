"""marked.py CAPTURE HEX: how many packets of a capture (pcap) contain the octets HEX, and how many there are."""
import struct
import sys

data = open(sys.argv[1], "rb").read()
mark = bytes.fromhex(sys.argv[2])
order = "<" if data[:4] == b"\xd4\xc3\xb2\xa1" else ">"
at, packets, marked = 24, 0, 0
while at + 16 <= len(data):
    length = struct.unpack_from(order + "I", data, at + 8)[0]
    packets += 1
    marked += mark in data[at + 16 : at + 16 + length]
    at += 16 + length
print(marked, packets)
