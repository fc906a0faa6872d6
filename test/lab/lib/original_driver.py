#!/usr/bin/env python3
"""The Docker plugin of an original Weave Net, as far as Docker sees it (protocol/surfaces.md §10): veth pairs named after
the endpoint on an existing bridge, and one address after the other from the command line. Ends when it is killed."""
import argparse
import os
import subprocess

import fake_driver


class Driver(fake_driver.Driver):
    def __init__(self, bridge, mtu, pool, addresses):
        super().__init__(bridge, 0)
        self.mtu, self.pool, self.addresses = mtu, pool, addresses

    def answer(self, method, request):
        end = request.get("EndpointID", "")[:9]
        if method == "IpamDriver.GetDefaultAddressSpaces":
            return {"LocalDefaultAddressSpace": "weavelocal", "GlobalDefaultAddressSpace": "weaveglobal"}
        if method == "IpamDriver.RequestPool":
            return {"PoolID": f"weave-{self.pool}-{self.pool}", "Pool": self.pool,
                    "Data": {"com.docker.network.gateway": self.pool}}
        if method == "IpamDriver.RequestAddress":
            return {"Address": self.addresses.pop(0) + "/" + self.pool.split("/")[1]}
        if method == "NetworkDriver.CreateEndpoint":
            subprocess.run(["ip", "link", "add", "vethwl" + end, "mtu", self.mtu, "type", "veth",
                            "peer", "name", "vethwg" + end, "mtu", self.mtu], check=True)
            subprocess.run(["ip", "link", "set", "vethwl" + end, "master", self.bridge, "up"], check=True)
            return {"Interface": {}}
        if method == "NetworkDriver.Join":
            return {"InterfaceName": {"SrcName": "vethwg" + end, "DstPrefix": "ethwe"}, "Gateway": ""}
        return super().answer(method, request)


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--bridge", required=True)
    options.add_argument("--mtu", required=True)
    options.add_argument("--pool", required=True)
    options.add_argument("addresses", nargs="+")
    arguments = options.parse_args()
    directory = "/run/docker/plugins"
    os.makedirs(directory, exist_ok=True)
    server = fake_driver.Server(directory + "/weavemesh.sock", fake_driver.Handler)
    server.driver = Driver(arguments.bridge, arguments.mtu, arguments.pool, arguments.addresses)
    server.serve_forever()


if __name__ == "__main__":
    main()
