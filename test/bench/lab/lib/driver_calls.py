#!/usr/bin/env python3
"""Plays Docker for COUNT containers, one after the other. Prints a line for each method of the driver protocol: median
and 99th percentile of its duration in ms, those of what it is compared with, and what that is: a call that does
nothing or, where the kernel takes most of the time, what the kernel takes alone.

usage: driver_calls.py SOCKET [COUNT]
"""
import http.client
import json
import socket
import struct
import subprocess
import sys
import time

NULL = "Plugin.Activate"
RTM_DELLINK = 17
NLM_F_REQUEST, NLM_F_ACK = 1, 4


class Driver:
    def __init__(self, path):
        self.connection = http.client.HTTPConnection("plugin")
        self.connection.sock = socket.socket(socket.AF_UNIX)
        self.connection.sock.connect(path)
        self.durations = {}

    def call(self, method, **request):
        body = json.dumps(request)
        start = time.perf_counter()
        self.connection.request("POST", "/" + method, body)
        response = self.connection.getresponse()
        answer = response.read()
        self.durations.setdefault(method, []).append((time.perf_counter() - start) * 1000)
        if response.status != 200:
            sys.exit(f"{method}: {response.status} {answer!r}")
        return json.loads(answer)

    def container(self, number):
        self.call(NULL)
        pool = self.call("IpamDriver.RequestPool", AddressSpace="weavelocal", Pool="10.32.0.0/12", SubPool="", Options={},
                         V6=False)
        address = self.call("IpamDriver.RequestAddress", PoolID=pool["PoolID"], Address="", Options=None)["Address"]
        names = {"NetworkID": "n" * 64, "EndpointID": f"{number:064x}"}
        self.call("NetworkDriver.CreateNetwork", NetworkID=names["NetworkID"], Options={}, IPv4Data=[])
        self.call("NetworkDriver.CreateEndpoint", **names, Options={}, Interface={"Address": address})
        self.call("NetworkDriver.EndpointOperInfo", **names)
        self.call("NetworkDriver.Join", **names, SandboxKey="/var/run/docker/netns/x", Options={})
        self.call("NetworkDriver.Leave", **names)
        self.call("NetworkDriver.DeleteEndpoint", **names)
        self.call("IpamDriver.ReleaseAddress", PoolID=pool["PoolID"], Address=address.split("/")[0])
        self.call("NetworkDriver.DeleteNetwork", NetworkID=names["NetworkID"])


def kernel_deletions(count):
    """Durations of removing a veth pair, in ms."""
    route = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
    durations = []
    for _ in range(count):
        subprocess.run(["ip", "link", "add", "bench0", "type", "veth", "peer", "name", "bench1"], check=True)
        subprocess.run(["ip", "link", "set", "bench0", "master", "weave", "up"], check=True)
        body = struct.pack("=BxHiII", 0, 0, socket.if_nametoindex("bench0"), 0, 0)
        message = struct.pack("=IHHII", 16 + len(body), RTM_DELLINK, NLM_F_REQUEST | NLM_F_ACK, 1, 0) + body
        start = time.perf_counter()
        route.send(message)
        route.recv(4096)
        durations.append((time.perf_counter() - start) * 1000)
    return durations


def percentile(values, percent):
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)]


def main():
    driver = Driver(sys.argv[1])
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 300
    for number in range(20):
        driver.container(number)
    driver.durations.clear()
    for number in range(count):
        # Another endpoint each time: the names of its interfaces come from the first digits.
        driver.container((number + 100) << 200)
    null = driver.durations.pop(NULL)
    kernel = kernel_deletions(count)
    for method, durations in driver.durations.items():
        by_kernel = method == "NetworkDriver.DeleteEndpoint"
        reference = kernel if by_kernel else null
        figures = [percentile(values, percent) for values in (durations, reference) for percent in (50, 99)]
        print(method, *(f"{figure:.3f}" for figure in figures),
              "the kernel deleting a veth pair" if by_kernel else "a call that does nothing")
    return 0


if __name__ == "__main__":
    sys.exit(main())
