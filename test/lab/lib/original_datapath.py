#!/usr/bin/env python3
"""A datapath of Open vSwitch as Weave Net leaves it in the kernel when it is killed (protocol/datapath.md §7, §8.2).

original_datapath.py DATAPATH VXLAN-UDP-PORT [DEVICE...]: the devices become its ports; its VXLAN port is of the kernel's
own vport type, which ovs-dpctl would make as a device instead. linux/openvswitch.h, linux/genetlink.h.
"""

import socket
import struct
import sys

GENL_ID_CTRL, CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_ID, CTRL_ATTR_FAMILY_NAME = 0x10, 3, 1, 2
NLM_F_REQUEST, NLM_F_ACK, NLMSG_ERROR = 1, 4, 2
OVS_DP_CMD_NEW, OVS_DP_ATTR_NAME, OVS_DP_ATTR_UPCALL_PID = 1, 1, 2
OVS_VPORT_CMD_NEW = 1
OVS_VPORT_ATTR_TYPE, OVS_VPORT_ATTR_NAME, OVS_VPORT_ATTR_OPTIONS, OVS_VPORT_ATTR_UPCALL_PID = 2, 3, 4, 5
OVS_VPORT_TYPE_NETDEV, OVS_VPORT_TYPE_VXLAN, OVS_TUNNEL_ATTR_DST_PORT = 1, 4, 1


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)


def name(kind: int, text: str) -> bytes:
    return attribute(kind, text.encode() + b"\0")


def number(kind: int, value: int) -> bytes:
    return attribute(kind, struct.pack("I", value))


class Netlink:
    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)
        self.socket.bind((0, 0))

    def request(self, family: int, command: int, version: int, body: bytes) -> bytes:
        message = struct.pack("BBH", command, version, 0) + body
        self.socket.send(struct.pack("IHHII", 16 + len(message), family, NLM_F_REQUEST | NLM_F_ACK, 1, 0) + message)
        answer = b""
        while True:
            data = self.socket.recv(65536)
            kind = struct.unpack_from("H", data, 4)[0]
            if kind == NLMSG_ERROR:
                code = -struct.unpack_from("i", data, 16)[0]
                if code:
                    sys.exit(f"command {command} of family {family}: error {code}")
                return answer
            answer = data

    def family(self, wanted: str) -> int:
        data = self.request(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1, name(CTRL_ATTR_FAMILY_NAME, wanted))
        offset = 20
        while offset < len(data):
            length, kind = struct.unpack_from("HH", data, offset)
            if kind == CTRL_ATTR_FAMILY_ID:
                return struct.unpack_from("H", data, offset + 4)[0]
            offset += (length + 3) & ~3
        sys.exit(f"no family {wanted}")


def main() -> None:
    datapath, udp_port, *devices = sys.argv[1:]
    netlink = Netlink()
    datapaths, vports = netlink.family("ovs_datapath"), netlink.family("ovs_vport")
    header = struct.pack("i", 0)
    netlink.request(
        datapaths, OVS_DP_CMD_NEW, 2, header + name(OVS_DP_ATTR_NAME, datapath) + number(OVS_DP_ATTR_UPCALL_PID, 0)
    )
    header = struct.pack("i", socket.if_nametoindex(datapath))
    no_upcalls = number(OVS_VPORT_ATTR_UPCALL_PID, 0)
    for device in devices:
        kind = number(OVS_VPORT_ATTR_TYPE, OVS_VPORT_TYPE_NETDEV)
        netlink.request(vports, OVS_VPORT_CMD_NEW, 1, header + kind + name(OVS_VPORT_ATTR_NAME, device) + no_upcalls)
    options = attribute(OVS_VPORT_ATTR_OPTIONS, attribute(OVS_TUNNEL_ATTR_DST_PORT, struct.pack("H", int(udp_port))))
    kind = number(OVS_VPORT_ATTR_TYPE, OVS_VPORT_TYPE_VXLAN)
    port = name(OVS_VPORT_ATTR_NAME, f"vxlan-{udp_port}")
    netlink.request(vports, OVS_VPORT_CMD_NEW, 1, header + kind + port + options + no_upcalls)


main()
