#!/usr/bin/env python3
"""Writes the seed inputs of the fuzz targets, from the golden vectors and from the few texts below.

usage: make_corpus.py [DIRECTORY]      (default: corpus/ beside this file; replaces what is there)
"""
import json
import pathlib
import shutil
import struct
import sys

HERE = pathlib.Path(__file__).resolve().parent
VECTORS = HERE.parent / "vectors"
LARGEST = 4096


def record(operation, content=b""):
    """As read by FuzzInput::record."""
    if isinstance(content, str):
        content = content.encode()
    return struct.pack(">BH", operation, len(content)) + content


def load(name):
    return json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))


def mesh_group(vectors, *groups):
    return [v for v in vectors if v.get("group") in groups]


def mesh_seeds(seeds):
    vectors = load("mesh")["vectors"]
    by_name = {v["name"]: v for v in vectors}
    gob = seeds["gob"]
    for v in mesh_group(vectors, "gob"):
        if "hex" in v:
            gob[v["name"]] = b"\0" + bytes.fromhex(v["hex"])
    for row in by_name["gob_primitives"]["table"]:
        kind = {"string": 5, "int64": 6}.get(row["go"])
        if kind is not None:
            gob[f"{row['go']}_{len(gob)}"] = bytes([kind]) + bytes.fromhex(row["toplevel"])
    gob["features_as_map"] = b"\3" + bytes.fromhex(by_name["features_v2_sleeve"]["hex"])
    gob["topology_as_narrow"] = b"\2" + bytes.fromhex(by_name["topology_three_peers"]["hex"])
    for v in mesh_group(vectors, "features"):
        seeds["features"][v["name"]] = bytes.fromhex(v["hex"])
    for v in mesh_group(vectors, "topology"):
        seeds["topology"][v["name"]] = record(1, bytes.fromhex(v["hex"]))
    three = [by_name[n] for n in ("topology_two_peers", "topology_three_peers", "topology_placeholder")]
    seeds["topology"]["in_turn"] = b"".join(record(i % 2, bytes.fromhex(v["hex"])) for i, v in enumerate(three))
    frames = [v for v in mesh_group(vectors, "gossip") if "v2_frame_hex" in v]
    stream = b"".join(bytes.fromhex(v["v2_frame_hex"]) for v in frames)
    seeds["frames"]["gossip"] = b"\7" + stream[:900]
    seeds["frames"]["too_big"] = b"\0" + bytes.fromhex("7fffffff00")
    seeds["frames"]["small"] = b"\2" + bytes.fromhex("00000000" "0000000100" "0000000204ff")
    old = bytes.fromhex("".join(part["hex"] for part in by_name["v1_stream_clear"]["parts"][2:]))
    seeds["frames"]["values"] = b"\x87" + old
    seeds["frames"]["value_too_big"] = b"\x80" + bytes.fromhex("fc7fffffff0a00")
    conversation_seeds(seeds, by_name)
    for v in frames:
        body = bytes.fromhex(v["hex"])
        seeds["mesh_peer"][v["name"]] = record(0, body)
    topology = bytes.fromhex(by_name["topology_three_peers"]["hex"])
    seeds["mesh_peer"]["topology"] = record(1, b"\0" + topology) + record(4, b"\xff") + record(2, b"\0" + topology)
    seeds["mesh_peer"]["known"] = record(1, b"\1text") + record(2, b"\1other") + record(3, b"\1to us") + record(5)
    seeds["mesh_peer"]["foreign"] = record(2, b"\2text") + record(3, b"\2far") + record(1, b"\3channel")


def conversation_seeds(seeds, by_name):
    connection = seeds["connection"]
    for name in ("handshake_v2_clear", "handshake_v2_password_vs_none", "handshake_v1_clear", "handshake_v1_encrypted",
                 "handshake_v1_password_vs_none"):
        for flag, writes in enumerate(("a_to_b_writes", "b_to_a_writes")):
            password = 2 if name.endswith("encrypted") else 0
            parts = [record(0, bytes.fromhex(w["hex"])) for w in by_name[name][writes]]
            connection[f"{name}_{flag}"] = bytes([flag | password]) + b"".join(parts)
    for choice, who in enumerate(("stranger", "friend", "stranger_v1", "friend_v1")):
        seeds["handshake"][who] = bytes([choice]) + record(1) * 6
        for at in (6, 7, 20, 60):
            changed = record(1) * (at > 6) + record(1) * (at > 7) + record(2, b"\0" * at + b"\1") + record(1) * 3
            seeds["handshake"][f"{who}_changed_{at}"] = bytes([choice]) + changed
    seeds["handshake"]["clear"] = b"\0" + record(0, b"weave\1\2\0") + record(3)
    them = {**by_name["handshake_v2_clear"]["a_result"]["features_seen"], "EndReason": "1"}
    body = bytes.fromhex("ff8200") + bytes([len(them)])
    body += b"".join(bytes([len(text)]) + text.encode() for pair in them.items() for text in pair)
    features = bytes.fromhex("0eff81040102ff8200010c010c0000") + b"\xff" + bytes([len(body)]) + body
    connection["reason"] = b"\1" + record(0, b"weave\1\2\0") + record(1, features) + record(1, b"\x08why")
    live = by_name["live_two_routers_clear"]["connections"][0]["frames"]
    for flag, direction in enumerate(("client->server", "server->client")):
        parts = [record(0, bytes.fromhex(f["hex"])) for f in live if f["dir"] == direction]
        connection[f"live_{flag}"] = bytes([flag]) + (b"".join(parts) + record(3, b"x" * 61) + record(4) + record(2))


def ipam_seeds(seeds):
    ipam = load("ipam")
    states = [(v.get("name", f"state{i}"), bytes.fromhex(v["hex"])) for i, v in enumerate(ipam["gossip_state"])]
    unicasts = [(v["name"], bytes.fromhex(v["hex"])) for v in ipam["unicast"]]
    for name, payload in states:
        seeds["ipam_codec"][name] = b"\0" + payload
    for name, payload in unicasts:
        seeds["ipam_codec"][name] = b"\1" + payload
    head = bytes([1]) + bytes.fromhex("010101010101" "0a200000" "0a300000" "0000000000000001")
    seeds["ipam_codec"]["persisted"] = b"\2" + head + states[-1][1]
    allocator = seeds["ipam_allocator"]
    for name, payload in states[:12]:
        allocator[name] = record(3, b"\0\0") + record(0, payload) + record(1, payload) + record(3, b"\1\3")
    for name, payload in unicasts:
        allocator[name] = record(3, b"\0\0") + record(2, payload) + record(6, b"\x40\0")
    allocator["alone"] = b"".join((record(3, b"\0\0"), record(4, b"\1\0\5\0\0"), record(10), record(3, b"\0\0"),
                                   record(5, b"\1"), record(11, b"\0\x10\0\xff"), record(7), record(8)))
    allocator["disk_full"] = record(9, b"\1") + record(3, b"\0\0") + record(9, b"\0") + record(3, b"\0\0") + record(10)
    methods = {"GET": 0, "POST": 1, "PUT": 2, "DELETE": 3}
    steps = [s for s in ipam["http"]["steps"] if s["method"] in methods]
    for index in range(0, len(steps), 6):
        seeds["control_api"][f"ip{index}"] = b"".join(
            record(methods[s["method"]], s["path"]) for s in steps[index:index + 6])


def bolt_page(number, flags, elements, header):
    """One page of a Bolt file. Elements are (what `header` needs, key, value)."""
    heads, tail = b"", b""
    for index, (kind, key, value) in enumerate(elements):
        position = 16 * (len(elements) - index) + len(tail)
        heads += header(position, kind, key, value)
        tail += key + value
    return struct.pack("<QHHI", number, flags, len(elements), 0) + heads + tail


def bolt_leaf(number, *elements):
    return bolt_page(number, 2, elements, lambda position, kind, key, value:
                     struct.pack("<IIII", kind, position, len(key), len(value)))


def bolt_branch(number, *children):
    return bolt_page(number, 1, [(child, key, b"") for child, key in children], lambda position, child, key, value:
                     struct.pack("<IIQ", position, len(key), child))


def bolt_seeds(seeds):
    bolt = seeds["bolt"]
    vectors = {v["name"]: v for v in load("ipam")["bolt"]}
    for name, vector in vectors.items():
        bolt[name] = b"\2" + b"".join(record(start // 4096, bytes.fromhex(text)) for start, text in vector["file_segments"])
    # Of the larger one what belongs to the newest transaction.
    parts = {start // 4096: bytes.fromhex(text) for start, text in vectors["own_page"]["file_segments"]}
    bolt["own_page"] = b"\2" + b"".join(record(page, parts[page]) for page in (1, 2, 3))
    keys = {key: bytes.fromhex(text) for key, text in vectors["typical"]["keys_hex"].items()}
    meta = struct.pack("<QHHI", 0, 4, 0, 0) + struct.pack("<IIIIQQQQQQ", 0xed0cdaed, 2, 1024, 0, 3, 0, 2, 8, 5, 0)
    pages = [(0, meta), (3, bolt_leaf(3, (1, b"top", struct.pack("<QQ", 4, 0)))),
             (4, bolt_branch(4, (5, b"directPeers"), (6, b"peername"))),
             (5, bolt_leaf(5, (0, b"directPeers", keys["directPeers"]), (0, b"ownedAddresses", keys["ownedAddresses"]))),
             (6, bolt_leaf(6, (0, b"peername", keys["peername"]), (0, b"ring", keys["ring"]), (0, b"version", b"\1\0")))]
    bolt["tree"] = b"\0" + b"".join(record(page, content) for page, content in pages)


def datapath_seeds(seeds):
    vectors = [v for v in load("datapath")["vectors"] if not v.get("hex_is_prefix")]
    for v in vectors:
        kind, name = v["kind"], v["name"]
        packet = bytes.fromhex(v.get("hex", "") or "")
        if kind in ("sleeve-packet", "sleeve-malformed", "capture-sleeve") and not v.get("encrypted"):
            seeds["sleeve_packets"][name] = packet
        elif kind == "frame-classification":
            seeds["packet_views"][name] = struct.pack(">H", 576) + packet
        elif kind in ("ip-fragmentation", "icmp-frag-needed"):
            frame = bytes.fromhex(v["input_hex"])
            seeds["packet_views"][name] = struct.pack(">H", v["mtu"]) + frame + b"\0" * (v.get("input_len", 0) - len(frame))
        elif kind in ("netlink-request", "netlink-from-kernel"):
            seeds["netlink_messages"][name] = packet
        elif kind in ("overlay-control-message", "capture-overlay-control"):
            seeds["tunnel_control"][name] = b"\1" + record(6) + record(0, packet[1:] if packet[:1] == b"\7" else packet)
    heartbeat = record(7)
    from_peer = bytes.fromhex("c0000202" "1a7f" "00")
    conversation = (record(6), heartbeat, record(0, b"\1\1"), record(3, struct.pack(">I", 1500)), record(5, b"\0\x10"),
                    record(0, b"\1\3" + struct.pack(">H", 1438)), record(2, from_peer + b"\0" * 1452), record(0, b"\1\2"),
                    record(4), record(5, b"\xff\xff"))
    probe = record(8, b"\0" + struct.pack(">IIIIHH", 1000, 1, 1, 20000, 500, 0))
    seeds["tunnel_control"]["probes"] = b"\5" + b"".join((record(6), heartbeat, record(0, b"\1\1"), probe, record(5, b"\0\x96"), probe))
    seeds["tunnel_control"]["conversation"] = b"\1" + b"".join(conversation)
    direct = (record(6), heartbeat, record(1, b"\1"), record(3, struct.pack(">I", 576)), record(1, b"\3\2\0"), record(1, b"\2"))
    netlink = seeds["netlink_messages"]
    netlink["refused"] = bytes.fromhex("2b000000020000030700000009000000" "eeffffff" "180000001b0005000700000000000000" "070001006e6f00")
    netlink["tagged"] = bytes.fromhex(
        "a00000001c0009000700000000000000" "0101000004000000" "14000900000102030405060708090a0b0c0d0e0f"
        "30000100" "04000100" "0800030003000000" "10000400000000000000000000000000" "060005001abc0000" "0600060081000000"
        "38000700" "0c000100" "0600060000000000" "08000300ffffffff" "10000400000000000000000000000000" "060005001fff0000"
        "06000600ffff0000" "0c000200" "0800040081001007")
    seeds["tunnel_control"]["direct"] = b"\2" + b"".join(direct)


def ipsec_seeds(seeds):
    xfrm = seeds["xfrm_messages"]
    vectors = load("datapath")["vectors"]
    for v in vectors:
        if v.get("kind") in ("ipsec-key-derivation", "capture-ipsec-sa"):
            xfrm[v["name"]] = bytes.fromhex(v["init_sa_remote_payload_hex"])
    tag, unlimited = 0x77656176, struct.pack("=8Q", *([2**64 - 1] * 4 + [0] * 4))
    local, remote, nowhere = (bytes.fromhex(a) + bytes(12) for a in ("c0000201", "c0000202", "00000000"))

    def message(kind, payload):
        return struct.pack("=IHHII", 16 + len(payload), kind, 0, 1, 0) + payload

    def attribute(kind, payload):
        return struct.pack("=HH", 4 + len(payload), kind) + payload

    def selector(destination, source, lengths, protocol):
        return destination + source + struct.pack(">HHHH", 6784, 0xffff, 0, 0) + struct.pack("=HBBB3xII", 2, *lengths, protocol, 0, 0)

    def template(destination, spi, source, optional):
        return (destination + struct.pack(">IB3x", spi, 50) + struct.pack("=H2x", 2) + source +
                struct.pack("=IBBBx3I", tag, 0, 0, optional, *[0xffffffff] * 3))

    def policy(selected, direction, action, priority, transformation):
        return selected + unlimited + bytes(32) + struct.pack("=IIBBBB4x", priority, 9, direction, action, 0, 0) + attribute(5, transformation)

    to_peer = selector(remote, local, (32, 32), 17)
    xfrm["policy-out"] = message(0x13, policy(to_peer, 1, 0, 0, template(remote, 0xc0ffee01, local, 0)))
    xfrm["policy-clear"] = message(0x19, policy(to_peer, 1, 0, 0, template(nowhere, 0, nowhere, 1)))
    xfrm["policy-block"] = message(0x13, policy(selector(nowhere, local, (0, 32), 17), 1, 1, 1, template(nowhere, 0, nowhere, 0)))
    xfrm["policy-in"] = message(0x13, policy(selector(nowhere, nowhere, (0, 0), 17), 0, 0, 1, template(nowhere, 0, nowhere, 0)))
    xfrm["association"] = message(0x10, bytes(56) + local + struct.pack(">IB3x", 0xc0ffee01, 50) + remote + unlimited + bytes(32) +
                                  bytes(12) + struct.pack("=IIHBBB7x", 0, tag, 2, 0, 0, 128))
    xfrm["flushed"] = message(0x1c, struct.pack("=B", 50)) + message(0x1d, b"")
    xfrm["release"] = b"6.1.0-13-amd64"


def super_frames(seeds):
    ethernet = bytes.fromhex("c2bb00000002c2aa00000001")
    payload = bytes(range(256)) * 4
    addresses = bytes.fromhex("0a200001" "0a280000")
    tcp = bytes.fromhex("9c401389" "00000001" "00000002" "50988000" "0000" "0000")
    udp = struct.pack(">HHHH", 40000, 5001, 8 + len(payload), 0)

    def offload(kind, header, size, start, offset):
        return struct.pack("=BBHHHH", 1, kind, header, size, start, offset)

    def ipv4(protocol, length):
        return struct.pack(">BBHHHBBH", 0x45, 0, 20 + length, 7, 0x4000, 64, protocol, 0) + addresses

    def ipv6(protocol, length):
        return struct.pack(">IHBB", 0x60000000, length, protocol, 64) + bytes(15) + b"\1" + bytes(15) + b"\2"

    cutter = seeds["frame_cutter"]
    v4 = ethernet + b"\x08\0" + ipv4(6, len(tcp + payload)) + tcp + payload
    cutter["tcp4"] = offload(1, 54, 300, 34, 16) + v4
    cutter["tcp4_congestion"] = offload(0x81, 54, 300, 34, 16) + v4
    cutter["tcp6"] = offload(4, 74, 300, 54, 16) + ethernet + b"\x86\xdd" + ipv6(6, len(tcp + payload)) + tcp + payload
    cutter["udp4"] = offload(5, 42, 256, 34, 6) + ethernet + b"\x08\0" + ipv4(17, len(udp + payload)) + udp + payload
    cutter["udp6"] = offload(5, 62, 256, 54, 6) + ethernet + b"\x86\xdd" + ipv6(17, len(udp + payload)) + udp + payload
    cutter["tagged"] = offload(1, 58, 300, 38, 16) + ethernet + b"\x81\0\0\5" + v4[12:]
    cutter["checksum"] = offload(0, 0, 0, 34, 16) + v4[:200]

    def segments(make_header):
        frames = []
        for i in range(4):
            data = payload[256 * i:256 * (i + 1)]
            frames.append(make_header(i, data) + data)
        return b"\3" + struct.pack(">H", len(frames[0])) + b"".join(frames)[:-6]

    def tcp4(i, data):
        header = struct.pack(">BBHHHBBH", 0x45, 0, 40 + len(data), 7 + i, 0x4000, 64, 6, 0)
        sequence = struct.pack(">HHIIBBHHH", 40000, 5001, 256 * i, 2, 0x50, 0x10, 500, 0, 0)
        return ethernet + b"\x08\0" + header + addresses + sequence

    def udp6(i, data):
        header = struct.pack(">HHHH", 40000, 5001, 8 + len(data), 1)
        return ethernet + b"\x86\xdd" + ipv6(17, 8 + len(data)) + header

    joiner = seeds["frame_joiner"]
    joiner["tcp4"] = segments(tcp4)
    joiner["udp6"] = segments(udp6)
    joiner["single"] = b"\0\0\0" + tcp4(0, payload) + payload


def text_seeds(seeds):
    seeds["report_template"].update({f"t{i}": t.encode() for i, t in enumerate((
        "{{.Router.Name}}({{.Router.NickName}})", "{{len .Router.Peers}} {{json .DNS}}",
        "{{range $i, $p := .Router.Peers}}{{if $i}}, {{end}}{{$p.NickName}}{{else}}none{{end}}",
        "{{with $x := index .Router.Connections 0}}{{$x.Attrs.mtu}}{{end}}",
        "{{if and .DNS (gt (len .DNS.Entries) 1) (ne .Ready false)}}{{printf \"%-5s|%05d|%q\" .Version 7 .Router.Targets}}{{end}}",
        "a {{- /* b */ -}} {{ .VersionCheck | print `c` 'd' -1.5 }}"))})
    seeds["texts"].update({f"t{i}": t.encode() for i, t in enumerate((
        "7a:3a:5c:00:00:01", "7a::1", "10.32.0.1", "10.32.0.0/12", "192.0.2.1:6783", "[fe80::1%eth0]:6783",
        "host.example:6783", "consensus=3", "seed=7a:3a:5c:00:00:01,::2", "observer"))})
    seeds["http_forms"].update({
        "path": b"\x15/ip/{id}/{address}/{x}/ip/c1/10.32.0.1/12?check-alive=true",
        "form": b"\0peer=192.0.2.1&peer=host%3A6783&replace=true&x=a+b%2",
        "encoded": b"\5/{a}//%41%zz%"})
    seeds["http_server"].update({
        "get": b"\xffGET /status HTTP/1.1\r\nHost: weave\r\n\r\n",
        "pipelined": b"\7GET / HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\nConnection: close\r\n\r\n",
        "post": b"\2POST /connect HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                b"Content-Length: 14\r\n\r\npeer=192.0.2.1",
        "chunked": b"\3POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
        "old": b"\xffHEAD / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        "large": b"\xffPOST / HTTP/1.1\r\nContent-Length: 99999\r\n\r\nbody"})
    seeds["control_api"].update({
        "daemon": record(9, "/connect\npeer=192.0.2.1&replace=true") + record(9, "/forget\npeer=host") + record(0, "/status"),
        "report": record(16, "/report") + record(0, "/report?format=%7B%7B.Version%7D%7D") + record(0, "/status/peers"),
        "network": record(3, "/plugin/network") + record(3, "/peer/dead") + record(3, "/peer")})
    seeds["options"].update({f"o{i}": bytes([0]) + "\0".join(line.split()).encode() for i, line in enumerate((
        "--name 7a::1 --nickname=a --port 6783 --ipalloc-range 10.32.0.0/12 192.0.2.1 host:7000",
        "--ipalloc-init consensus=3 --ipalloc-default-subnet=10.32.1.0/24 --mtu 1400 --log-level debug",
        "--ipalloc-init=seed=7a::1,7a::2 --no-discovery --conn-limit=0 --plugin=false -- --peer",
        "--help", "--version", "--nonsense", "--password secretsecret --trusted-subnets 10.0.0.0/8",
        "--http-addr 127.0.0.1:6784 --status-addr= --docker-api unix:///var/run/docker.sock"))})
    seeds["options"]["environment"] = b"\x0a10.0.0.0/8"


def plugin_seeds(seeds):
    create = record(2, json.dumps({"NetworkID": "n1", "Options": {"com.docker.network.generic": {"works.weave.multicast": "true"}},
                                   "IPv4Data": [{"AddressSpace": "weavelocal", "Pool": "10.32.0.0/12", "Gateway": "10.32.0.1/12"}]}))
    endpoint = {"NetworkID": "n1", "EndpointID": "aabbccddeeff00112233445566778899"}
    interface = {**endpoint, "Options": {}, "Interface": {"Address": "10.32.0.5/12", "MacAddress": "", "AddressIPv6": ""}}
    one = json.dumps(endpoint)
    join = record(7, json.dumps({**endpoint, "SandboxKey": "/var/run/docker/netns/1", "Options": {}}))
    container = create + record(4, json.dumps(interface)) + record(6, one) + join + record(8, one) + record(5, one)
    pool = record(13, json.dumps({"AddressSpace": "weavelocal", "Pool": "", "SubPool": "", "Options": {}, "V6": False}))
    address = record(15, json.dumps({"PoolID": "weavepool", "Address": "", "Options": None}))
    claim = record(15, json.dumps({"PoolID": "weave-10.32.0.0/12-10.32.4.0/24", "Address": "10.32.4.1",
                                   "Options": {"RequestAddressType": "com.docker.network.gateway"}}))
    release = record(16, json.dumps({"PoolID": "weavepool", "Address": "10.32.0.1"}))
    seeds["plugin"].update({
        "container": container,
        "addresses": record(0) + pool + address + claim + release + record(14, '{"PoolID":"weavepool"}'),
        "slow": create + record(19, "x") + record(4, json.dumps(interface)) + record(18, "x" * 60) + record(20) + record(5, one),
        "quorum": record(21) + address + record(22) + address + record(21, "x") + record(18, "x" * 120),
        "restart": container + record(23) + join + record(24, "true") + record(25, "x") + create})


def engine_seeds(seeds):
    network = {"Name": "weave", "Id": "f00", "Driver": "weavemesh", "IPAM": {"Config": [{"Subnet": "10.32.0.0/12"}]},
               "Options": {"works.weave.multicast": "true"}, "Containers": {"c1": {"Name": "one"}}}
    containers = [{"Id": "c1", "Names": ["/one"], "State": "running",
                   "NetworkSettings": {"Networks": {"weave": {"IPAddress": "10.32.0.1"}}}}]
    for name, value in {"network": network, "containers": containers, "created": {"Id": "f00", "Warning": ""},
                        "versions": {"ApiVersion": "1.41", "MinAPIVersion": "1.12"}, "error": {"message": "no"}}.items():
        seeds["engine_json"][name] = json.dumps(value).encode()
    seeds["engine_json"]["version"] = b"1.41"


def dns_name_seeds(seeds):
    """Conversations: what somebody has, and what then comes."""
    dns = load("dns")
    for v in dns["gossip"] + dns["hostile"]:
        seeds["dns_names"][v["name"]] = record(0, bytes.fromhex(v["hex"]))
    for v in dns["merge"]:
        operation = 0 if v["kind"] == "gossip" else 1
        seeds["dns_names"][v["name"]] = record(3, b"\1") + record(operation, bytes.fromhex(v["incoming_hex"]))


def dns_message_seeds(seeds):
    dns = load("dns")
    for v in dns["query"]["cases"] + dns["upstream"]:
        for key, limit in (("query_hex", 512), ("reply_hex", 300)):
            if key in v:
                seeds["dns_message"][f"{v['name']}_{key[:5]}"] = struct.pack(">H", limit) + bytes.fromhex(v[key])


class Seeds(dict):
    def __missing__(self, target):
        return self.setdefault(target, {})


def main():
    directory = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "corpus"
    seeds = Seeds()
    for make in (mesh_seeds, ipam_seeds, bolt_seeds, datapath_seeds, super_frames, ipsec_seeds, text_seeds, plugin_seeds,
                 engine_seeds, dns_message_seeds, dns_name_seeds):
        make(seeds)
    shutil.rmtree(directory, ignore_errors=True)
    for target, files in sorted(seeds.items()):
        (directory / target).mkdir(parents=True)
        for name, content in files.items():
            if len(content) <= LARGEST:
                (directory / target / name.replace(" ", "_")).write_bytes(content)
        print(f"{target}: {len(files)} seeds")
    return 0


if __name__ == "__main__":
    sys.exit(main())
