#!/usr/bin/env python3
"""A remote network and IPAM driver, as small as Docker accepts: veth pairs on one bridge, addresses counted up.

The lab proves with it that its engines can use a remote driver at all, before weave is asked to be one.
"""
import argparse
import http.server
import itertools
import json
import os
import socketserver
import subprocess

POOL = "10.99.0.0/16"


class Driver:
    def __init__(self, bridge, first):
        self.bridge = bridge
        self.numbers = itertools.count(first)

    def answer(self, method, request):
        if method == "Plugin.Activate":
            return {"Implements": ["NetworkDriver", "IpamDriver"]}
        if method == "NetworkDriver.GetCapabilities":
            return {"Scope": "local"}
        if method == "IpamDriver.GetCapabilities":
            return {"RequiresMACAddress": False}
        if method == "IpamDriver.GetDefaultAddressSpaces":
            return {"LocalDefaultAddressSpace": "lablocal", "GlobalDefaultAddressSpace": "labglobal"}
        if method == "IpamDriver.RequestPool":
            return {"PoolID": "lab", "Pool": POOL, "Data": {"com.docker.network.gateway": POOL}}
        if method == "IpamDriver.RequestAddress":
            return {"Address": "10.99.0.%d/16" % next(self.numbers)}
        if method == "NetworkDriver.CreateEndpoint":
            return self.create_endpoint(request["EndpointID"][:9])
        if method == "NetworkDriver.Join":
            return {"InterfaceName": {"SrcName": "labg" + request["EndpointID"][:9], "DstPrefix": "lab"}, "Gateway": ""}
        if method == "NetworkDriver.DeleteEndpoint":
            subprocess.run(["ip", "link", "delete", "labl" + request["EndpointID"][:9]], check=False)
        return {}

    def create_endpoint(self, end):
        subprocess.run(["ip", "link", "add", "labl" + end, "type", "veth", "peer", "name", "labg" + end], check=True)
        subprocess.run(["ip", "link", "set", "labl" + end, "master", self.bridge, "up"], check=True)
        return {"Interface": {}}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        reply = json.dumps(self.server.driver.answer(self.path[1:], json.loads(body or b"{}"))).encode()
        print(self.path, body.decode(), "->", reply.decode(), flush=True)
        self.send_response(200)
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def address_string(self):
        return "docker"

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--socket", required=True)
    options.add_argument("--bridge", required=True)
    options.add_argument("--first", type=int, default=1, help="last byte of the first address given out")
    arguments = options.parse_args()
    os.makedirs(os.path.dirname(arguments.socket), exist_ok=True)
    server = Server(arguments.socket, Handler)
    server.driver = Driver(arguments.bridge, arguments.first)
    server.serve_forever()


if __name__ == "__main__":
    main()
