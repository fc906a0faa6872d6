#!/usr/bin/env python3
"""The acceptance catalogue, the headers of the lab's scenarios and their lab_case steps name the same numbers.

usage: catalogue.py ROOT
"""

import pathlib
import re
import sys


def read_catalogue(path):
    """Number -> reason why it is not tested here, or None."""
    cases = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        fields = [field.strip() for field in line.split("|")]
        if len(fields) not in (2, 3) or not re.fullmatch(r"\d{3}", fields[0]) or not all(fields):
            raise SystemExit(f"{path}: not a case: {line}")
        if fields[0] in cases:
            raise SystemExit(f"{path}: {fields[0]} is there twice")
        cases[fields[0]] = fields[2] if len(fields) == 3 else None
    return cases


def problems(root):
    cases = read_catalogue(root / "test/lab/catalogue")
    held = set()
    for path in sorted((root / "test/lab/scenarios").glob("*.sh")):
        text = path.read_text(encoding="utf-8")
        header = re.search(r"^# catalogue:(.*)$", text, re.MULTILINE)
        claimed = set(header.group(1).split()) if header else set()
        steps = {number for step in re.findall(r"^\s*lab_case((?: \d{3})+)", text, re.MULTILINE) for number in step.split()}
        held |= claimed
        for number in sorted(claimed - steps):
            yield f"{path.name}: its header claims {number}, which no lab_case begins"
        for number in sorted(steps - claimed):
            yield f"{path.name}: lab_case {number} is not in its header"
        for number in sorted(claimed - cases.keys()):
            yield f"{path.name}: there is no case {number} in test/lab/catalogue"
    for number, reason in cases.items():
        if reason is None and number not in held:
            yield f"test/lab/catalogue: no scenario holds case {number}"
        if reason is not None and number in held:
            yield f"test/lab/catalogue: {number} has a scenario, and a reason to have none"


def main():
    found = list(problems(pathlib.Path(sys.argv[1])))
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
