#!/usr/bin/env python3
"""Reports how many golden vectors of each file and group the tests have checked, and lists those not yet covered.

vector_coverage.py VECTOR_DIRECTORY LEDGER

The ledger holds one "<file> <name>" a line, written by the test programs (test/fixtures/vectors.hpp). Every vector is
either covered or belongs to a group listed in PLANNED with the reason why it is not built yet; anything else is a failure.
Closes with "N passed, N failed, N skipped", counted in vectors.
"""
import collections
import json
import pathlib
import sys

NOT_NEEDED = "the original's own matter: weave protects by IPsec policies, without firewall rules"
# (file, group) or (file, vector name) -> why it may be uncovered today.
PLANNED = {
    ("datapath", "ipsec-internal"): NOT_NEEDED, ("datapath", "ipsec-iptables"): NOT_NEEDED,
}


def vectors_of(path):
    """Yields (group, name, vector) for each vector of a file, whichever of the two layouts it has."""
    document = json.loads(path.read_text(encoding="utf-8"))
    if "vectors" in document:
        for item in document["vectors"]:
            yield item.get("group") or item.get("kind"), item["name"], item
        return
    for group, content in document.items():
        if group in ("meta", "schema"):
            continue
        if isinstance(content, list):
            for index, item in enumerate(content):
                yield group, f"{group}/{item.get('name', index)}", item
        elif "steps" in content:
            yield group, f"{group}/steps", content
        else:
            for name, item in content.items():
                if name != "description":
                    yield group, f"{group}/{name}", item


def planned(file, group, name):
    return PLANNED.get((file, group)) or PLANNED.get((file, name))


def main():
    directory, ledger = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    covered = set(ledger.read_text(encoding="utf-8").splitlines())
    totals = collections.Counter()
    for path in sorted(directory.glob("*.json")):
        rows = collections.defaultdict(lambda: [0, []])
        for group, name, vector in vectors_of(path):
            rows[group][1].append((name, vector))
            rows[group][0] += f"{path.stem} {name}" in covered
        for group, (done, members) in rows.items():
            print(f"{path.stem:9} {group:24} {done:3} of {len(members):3}")
            for name, vector in members:
                if f"{path.stem} {name}" in covered:
                    totals["passed"] += 1
                    continue
                reason = planned(path.stem, group, name)
                totals["skipped" if reason else "failed"] += 1
                print(f"    {'SKIP' if reason else 'FAIL'} {name}: {reason or 'no test has checked it'}")
    print(f"{totals['passed']} passed, {totals['failed']} failed, {totals['skipped']} skipped")
    return 1 if totals["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
