"""sealed.py CAPTURE HEX: counts the packets of a capture (pcap); exit status 1 if the octets HEX stand in one of them."""
import struct
import sys

data = open(sys.argv[1], "rb").read()
marker = bytes.fromhex(sys.argv[2])
order = "<" if data[:4] == b"\xd4\xc3\xb2\xa1" else ">"
at, packets, seen = 24, 0, 0
while at + 16 <= len(data):
    length = struct.unpack_from(order + "I", data, at + 8)[0]
    packets += 1
    seen += marker in data[at + 16 : at + 16 + length]
    at += 16 + length
print(packets)
sys.exit(1 if seen or packets < 20 else 0)
