#!/usr/bin/env python3
"""Plays peers that misbehave on the mesh port, one case after the other.

Prints for each: case, our port, how the connection ended (closed by the other end, or still open when we gave up), seconds.
"""
import argparse
import os
import random
import socket
import struct
import threading
import time

HEADER = b"weave\x01\x02"
CLEAR = b"\x00"
MAX_FRAME = 10485760
OUR_NAME = "02:00:00:00:66:66"


def gob_uint(value):
    if value < 128:
        return bytes([value])
    raw = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return bytes([256 - len(raw)]) + raw


def gob_string(text):
    return gob_uint(len(text)) + text.encode()


# The descriptor of map[string]string under id 65, then the start of a value of that type.
MAP_DESCRIPTOR = bytes.fromhex("0eff81040102ff8200010c010c0000")
MAP_VALUE = bytes.fromhex("ff8200")


def gob_map_raw(content):
    body = MAP_VALUE + content
    return MAP_DESCRIPTOR + gob_uint(len(body)) + body


def gob_map(fields):
    content = gob_uint(len(fields)) + b"".join(gob_string(k) + gob_string(v) for k, v in fields.items())
    return gob_map_raw(content)


def frame(message):
    return struct.pack(">I", len(message)) + message


def features(**changes):
    fields = {
        "PeerNameFlavour": "mac", "Name": OUR_NAME, "NickName": "stranger", "UID": str(random.getrandbits(63) | 1),
        "ConnID": str(random.getrandbits(63)), "ShortID": "77", "Trusted": "false", "Overlays": "sleeve",
    }
    fields.update(changes)
    return frame(gob_map({k: v for k, v in fields.items() if v is not None}))


def introduced(*messages):
    return HEADER + CLEAR + features() + b"".join(frame(m) for m in messages)


def deep_type():
    """A slice of slice of slice …: each descriptor names the next one."""
    stream = b""
    for number in range(65, 3065):
        wire = bytes([2, 1, 2]) + gob_uint(number * 2) + b"\x00\x01" + gob_uint((number + 1) * 2) + b"\x00\x00"
        body = gob_uint((number - 1) * 2 + 1) + wire
        stream += gob_uint(len(body)) + body
    return stream + bytes.fromhex("04ff820001")


CASES = {
    "text": lambda o: (b"GET / HTTP/1.1\r\nHost: weave\r\n\r\n", False),
    "random": lambda o: (os.urandom(65536), False),
    "half-header": lambda o: (b"weav", True),
    "future": lambda o: (b"weave\x09\x0a", False),
    "bad-flag": lambda o: (HEADER + b"\x07", False),
    "wants-encryption": lambda o: (HEADER + b"\x01" + os.urandom(32), False),
    "half-frame": lambda o: (HEADER + CLEAR + struct.pack(">I", 1000) + b"0123456789", True),
    "huge-length": lambda o: (HEADER + CLEAR + b"\xff\xff\xff\xff" + bytes(16 << 20), False),
    "over-limit": lambda o: (HEADER + CLEAR + struct.pack(">I", MAX_FRAME + 1), False),
    "gob-bomb": lambda o: (HEADER + CLEAR + frame(gob_map_raw(gob_uint(1 << 40) + b"\x01a\x01b")), False),
    "gob-string": lambda o: (HEADER + CLEAR + frame(gob_map_raw(b"\x01" + gob_uint(1 << 62) + b"abc")), False),
    "gob-depth": lambda o: (HEADER + CLEAR + frame(deep_type()), False),
    "missing-field": lambda o: (HEADER + CLEAR + features(Name=None), False),
    "bad-name": lambda o: (HEADER + CLEAR + features(Name="not a name"), False),
    "bad-flavour": lambda o: (HEADER + CLEAR + features(PeerNameFlavour="hash"), False),
    "same-name": lambda o: (HEADER + CLEAR + features(Name=o.peer_name), False),
    "bad-overlay": lambda o: (HEADER + CLEAR + features(Overlays="pigeon"), False),
    "bad-gossip": lambda o: (introduced(b"\x04" + os.urandom(100)), False),
    "unknown-tag": lambda o: (introduced(b"\x63what is this", b"\x07\xc8\x01"), False),
    "silence": lambda o: (b"", False),
    "header-then-silence": lambda o: (HEADER, False),
}
PATIENCE = {"silence": 15, "header-then-silence": 65, "unknown-tag": 1}


def connect(options):
    return socket.create_connection((options.host, options.port), timeout=5 * options.slow)


def wait_for_close(connection, seconds):
    deadline = time.monotonic() + seconds
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            return "open"
        connection.settimeout(left)
        try:
            if not connection.recv(65536):
                return "closed"
        except socket.timeout:
            return "open"
        except OSError:
            return "closed"


def play(case, options):
    data, finish = CASES[case](options)
    connection = connect(options)
    port = connection.getsockname()[1]
    start = time.monotonic()
    try:
        connection.sendall(data)
        if finish:
            connection.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # cut while we were still talking: reading says how
    outcome = wait_for_close(connection, PATIENCE.get(case, 5) * options.slow)
    print(case, port, outcome, "%.1f" % (time.monotonic() - start), flush=True)
    connection.close()


def crowd(options):
    """Many connections that announce the longest frame and send a little of it."""
    data = HEADER + CLEAR + struct.pack(">I", MAX_FRAME) + bytes(64)
    connections = []
    for _ in range(150):
        connection = connect(options)
        connection.sendall(data)
        connections.append(connection)
    answered = 0
    for connection in connections[:60]:  # accepting is limited to 20 a second after the first 20
        connection.settimeout(5 * options.slow)
        try:
            answered += bool(connection.recv(1))
        except OSError:
            pass
    for connection in connections:
        connection.close()
    print("%d connections at once, %d of the first 60 answered" % (len(connections), answered), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer-name", default=OUR_NAME)
    parser.add_argument("--slow", type=int, default=1, help="stretches every time limit")
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("case", nargs="+")
    options = parser.parse_args()
    if options.case == ["crowd"]:
        crowd(options)
        return
    if "silence" in options.case:
        threads = [threading.Thread(target=play, args=(case, options)) for case in options.case]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return
    for case in options.case:
        play(case, options)


if __name__ == "__main__":
    main()
