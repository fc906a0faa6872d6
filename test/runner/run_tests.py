#!/usr/bin/env python3
"""Runs the tests that Meson knows and counts single test cases: run_tests.py BUILD_DIRECTORY [--suite NAME].
With --programs it only names the programs that this takes, as targets for ninja.

Prints the output of what failed and the reason of what was skipped; closes with "N passed, N failed, N skipped".
A program that ends without a summary (a crash, a time-out) counts as one failure.
"""
import argparse
import concurrent.futures
import json
import os
import re
import subprocess
import sys
import time

TIME_LIMIT_SECONDS = 900
PASSED = re.compile(r"^\[  PASSED  \] (\d+) tests?", re.M)
FAILED = re.compile(r"^\[  FAILED  \] (\d+) tests?, listed below", re.M)
SKIPPED = re.compile(r"^\[  SKIPPED \] (\d+) tests?, listed below", re.M)
SKIP_REASON = re.compile(r"^(.*: Skipped\n.*)$", re.M)


def known_tests(build, suite):
    listing = subprocess.run(["meson", "introspect", "--tests", build], check=True, capture_output=True, text=True)
    tests = json.loads(listing.stdout)
    return [t for t in tests if suite is None or any(s.split(":")[-1] == suite for s in t["suite"])]


def programs(build, suite):
    """Of the tests, and what they start themselves."""
    listing = subprocess.run(["meson", "introspect", "--targets", build], check=True, capture_output=True, text=True)
    files = {target["id"]: target["filename"] for target in json.loads(listing.stdout)}
    wanted = []
    for test in known_tests(build, suite):
        for path in [test["cmd"][0]] + [path for depended in test.get("depends", []) for path in files[depended]]:
            relative = os.path.relpath(path, os.path.realpath(build))
            if not relative.startswith("..") and relative not in wanted:
                wanted.append(relative)
    return wanted


def run(test):
    environment = dict(os.environ, **test["env"])
    environment.setdefault("UBSAN_OPTIONS", "print_stacktrace=1:halt_on_error=1")
    begun = time.monotonic()
    try:
        done = subprocess.run(test["cmd"], capture_output=True, text=True, errors="replace", env=environment,
                              timeout=TIME_LIMIT_SECONDS, cwd=test.get("workdir") or None, stdin=subprocess.DEVNULL)
        output, status = done.stdout + done.stderr, done.returncode
    except subprocess.TimeoutExpired as expired:
        output = ((expired.stdout or b"").decode(errors="replace")) + f"\ntime limit of {TIME_LIMIT_SECONDS} s passed\n"
        status = -1
    return test, output, status, time.monotonic() - begun


def count(output, status):
    """(passed, failed, skipped) of one program."""
    found = [pattern.search(output) for pattern in (PASSED, FAILED, SKIPPED)]
    passed, failed, skipped = (int(match.group(1)) if match else 0 for match in found)
    is_gtest = found[0] or found[1] or found[2]
    if not is_gtest:
        if status == 77:
            return 0, 0, 1
        return (1, 0, 0) if status == 0 else (0, 1, 0)
    if status != 0 and failed == 0:
        failed = 1
    return passed, failed, skipped


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("build")
    arguments.add_argument("--suite")
    arguments.add_argument("--programs", action="store_true")
    options = arguments.parse_args()
    if options.programs:
        print("\n".join(programs(options.build, options.suite)))
        return 0
    totals = [0, 0, 0]
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        for test, output, status, seconds in pool.map(run, known_tests(options.build, options.suite)):
            counts = count(output, status)
            totals = [a + b for a, b in zip(totals, counts)]
            word = "FAIL" if counts[1] else "ok"
            print(f"{word:4} {test['name']}: {counts[0]} passed, {counts[1]} failed, {counts[2]} skipped, {seconds:.1f} s")
            if counts[1]:
                print("\n".join(output.splitlines()[-120:]))
            for reason in SKIP_REASON.findall(output):
                print("SKIP " + reason.replace("\n", " "))
    print(f"{totals[0]} passed, {totals[1]} failed, {totals[2]} skipped")
    return 1 if totals[1] else 0


if __name__ == "__main__":
    sys.exit(main())
