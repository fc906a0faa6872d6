#!/usr/bin/env python3
"""Checks dashboard and alert rules against what a daemon answers at /metrics: monitoring.py FOLDER METRICS_FILE

Every metric, and every label value, that they name must be there; exit status 1 if something is not.
"""
import json
import pathlib
import re
import sys

METRIC = re.compile(r"\b((?:weave|process)_[a-z_]+)\b(?:\{([^}]*)\})?")
LABEL = re.compile(r'([a-z]+)(=~|=)"([^"]*)"')
# Made by the server that scrapes, and by Grafana.
FOREIGN_LABELS = {"instance", "job"}
# What exists only while connections are in such a state.
CONNECTIONS = {
    "state": {"established", "failed", "retrying", "pending", "connecting"},
    "type": {"sleeve", "fastdp"},
    "encryption": {"", "yes"},
}


def expressions(folder):
    dashboard = json.loads((folder / "weave-dashboard.json").read_text(encoding="utf-8"))
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            yield f'panel "{panel["title"]}"', target["expr"]
    alert = None
    for line in (folder / "weave-alerts.yml").read_text(encoding="utf-8").splitlines():
        if match := re.match(r"\s*- alert: (\w+)$", line):
            alert = match[1]
        elif match := re.match(r"\s*expr: (.+)$", line):
            yield f"alert {alert}", match[1]


def main():
    offered = {}
    for line in pathlib.Path(sys.argv[2]).read_text(encoding="utf-8").splitlines():
        if match := re.match(r"([a-z_]+)(?:\{(.*)\})? [-+0-9.e]+$", line):
            labels = offered.setdefault(match[1], {})
            for label, _, value in LABEL.findall(match[2] or ""):
                labels.setdefault(label, set()).add(value)
    faults, checked = [], 0
    for place, expression in expressions(pathlib.Path(sys.argv[1])):
        for name, selector in METRIC.findall(expression):
            checked += 1
            if name not in offered:
                faults.append(f"{place}: there is no metric {name}")
                continue
            for label, operator, value in LABEL.findall(selector):
                if label in FOREIGN_LABELS:
                    continue
                known = CONNECTIONS[label] if name == "weave_connections" else offered[name].get(label, set())
                wanted = value.split("|") if operator == "=~" else [value]
                faults += [f'{place}: {name} has no {label}="{one}"' for one in wanted if one not in known]
    for fault in faults:
        print(fault)
    print(f"{checked} uses of metrics checked, {len(faults)} faults")
    return 1 if faults or not checked else 0


if __name__ == "__main__":
    sys.exit(main())
