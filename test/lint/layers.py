#!/usr/bin/env python3
"""Fails on an #include that points up or sideways in the layer table (base <- gossip, datapath, plugin <- controller <- tools)."""
import pathlib
import re
import sys

ALLOWED = {
    "base": {"base"},
    "gossip": {"gossip", "base"},
    "datapath": {"datapath", "base"},
    "plugin": {"plugin", "base"},
    "controller": {"controller", "plugin", "gossip", "datapath", "base"},
    "tools": {"tools", "base"},
}
# The command may use the client side of the control API, and pure codecs of those it asks itself (DNS, Docker).
TOOLS_EXTRA = (
    "controller/api/messages.hpp", "controller/api/client.hpp", "controller/api/health.hpp", "controller/api/status_text.hpp",
    "controller/dns/dns_message.hpp", "controller/dns/domain_name.hpp", "controller/dns/name_text.hpp",
    "controller/docker/container_json.hpp", "controller/docker/engine_json.hpp", "controller/docker/original_container.hpp",
    # What it looks up on its own host, with the daemon stopped as well.
    "controller/store/stored_targets.hpp",
    "datapath/link/addresses.hpp", "datapath/link/links.hpp", "datapath/link/overlay_bridge.hpp",
    "datapath/link/overlay_interfaces.hpp", "datapath/link/route_socket.hpp",
    # Manual pages and completions are made of the daemon's table of options as well.
    "controller/app/flags.hpp",
)
# Inside the controller only app sees everything.
CONTROLLER = {
    "router": {"router"},
    "ipam": {"ipam"},
    "bolt": {"bolt", "ipam"},
    "dns": {"dns"},
    "docker": {"docker"},
    "store": {"store"},
    "api": {"api", "ipam", "dns", "router"},
    "app": None,
}
ASIO_FREE = re.compile(r"(codec|_message|gob|ring|paxos|routes|peer_table)")
INCLUDE = re.compile(r'^\s*#\s*include\s+["<]((base|gossip|datapath|plugin|controller|tools|test)/[^">]+)[">]', re.M)


def faults(root: pathlib.Path):
    for top in ALLOWED:
        for path in sorted((root / top).rglob("*")):
            if path.suffix not in {".hpp", ".cpp", ".h", ".c"}:
                continue
            relative = path.relative_to(root)
            text = path.read_text(encoding="utf-8")
            for match in INCLUDE.finditer(text):
                target, folder = match.group(1), match.group(2)
                if folder not in ALLOWED[top] and not (top == "tools" and target in TOOLS_EXTRA):
                    yield f"{relative}: {top} may not include {target}"
                if not (root / target).exists():
                    yield f"{relative}: includes {target}, which does not exist"
                if top == "controller" and folder == "controller":
                    own, other = relative.parts[1], pathlib.PurePath(target).parts[1]
                    allowed = CONTROLLER.get(own, set())
                    if allowed is not None and other not in allowed:
                        yield f"{relative}: controller/{own} may not include {target}"
                if top == "datapath" and folder == "datapath" and relative.parts[1] == "packet":
                    if not target.startswith("datapath/packet/"):
                        yield f"{relative}: packet views stand alone, not on {target}"
            if ASIO_FREE.search(path.name) and "boost/asio" in text:
                yield f"{relative}: codecs and pure cores stay free of Asio"


def main() -> int:
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    found = list(faults(root))
    for fault in found:
        print(fault)
    print(f"{len(found)} layering faults")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
