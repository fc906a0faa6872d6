#!/usr/bin/env python3
"""Fails on a command in README.md or docs/ that no test runs, and on an option, message or link there that does not exist.

documents.py ROOT WEAVE WEAVER
"""
import errno
import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lab" / "lib"))
import documents  # noqa: E402

OTHER_LANGUAGES = {"text", "ini", "json", "yaml"}
MESSAGE_CELL = re.compile(r"^\| `.*? \|", re.M)
INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
LINK = re.compile(r"\]\(([^)#\s]+)?(#[^)\s]+)?\)|<img[^>]* src=\"([^\"]+)\"")


def block_faults(root, block):
    where = f"{block.file}:{block.line}"
    if block.language != "sh":
        if block.language not in OTHER_LANGUAGES:
            yield f"{where}: a block is sh (and tested) or one of {', '.join(sorted(OTHER_LANGUAGES))}"
        return
    if block.directives is None:
        yield f"{where}: no <!-- test … --> says where this block is run"
        return
    for key in block.directives:
        if key not in documents.KEYS:
            yield f"{where}: unknown directive {key}"
    if block.scenario() and not (root / f"test/lab/scenarios/{block.scenario()}.sh").is_file():
        yield f"{where}: there is no scenario {block.scenario()}"
    elsewhere = block.values("elsewhere")
    if elsewhere and len(elsewhere) < len(block.commands()):
        yield f"{where}: {len(block.commands())} commands, and tests for {len(elsewhere)} are named"
    for each in elsewhere:
        name, _, text = each.partition(": ")
        file = root / name
        if not file.is_file() or not text or text not in file.read_text(encoding="utf-8"):
            yield f"{where}: '{text}' is not in {name}"


class Programs:
    """What `weave help` and `weaver --help` know."""

    def __init__(self, weave, weaver):
        self.weave = weave
        self.helps = {}
        self.daemon = subprocess.run([weaver, "--help"], capture_output=True, text=True, check=True).stdout

    def help(self, command):
        if command not in self.helps:
            done = subprocess.run([self.weave, "help", command], capture_output=True, text=True, check=False)
            self.helps[command] = done.stderr + done.stdout if done.returncode == 0 else None
        return self.helps[command]

    def faults(self, code):
        words = code.replace("$(", " ( ").replace("|", " | ").split()
        if not words or words[0] not in ("weave", "weaver") or len(words) == 1:
            return
        if words[0] == "weaver":
            text = self.daemon
        else:
            text = self.help(words[1]) if not words[1].startswith("-") else None
            if text is None:
                yield f"there is no command 'weave {words[1]}'"
                return
            if words[1] in ("launch", "launch-router"):
                text += self.daemon
        for word in words[1:]:
            if word in ("(", "|", "host…"):
                if word == "|":
                    return
                continue
            option = re.match(r"(--[a-z][a-z-]*)", word)
            if option and not re.search(rf"{option.group(1)}(?![a-z-])", text):
                yield f"'{words[0]} {words[1]}' has no option {option.group(1)}"


def all_texts(root):
    """Every string of the programs, adjacent literals joined, as the compiler sees them."""
    parts = []
    for top in ("base", "gossip", "datapath", "plugin", "controller", "tools"):
        for path in sorted((root / top).rglob("*.[ch]pp")):
            text = path.read_text(encoding="utf-8")
            parts.append(re.sub(r'"\s*\n\s*"', "", text).replace('\\"', '"').replace("\\n", " "))
    parts.extend(os.strerror(number) for number in errno.errorcode)
    return "\n".join(parts)


def message_faults(root, texts):
    """The first cell of a row in troubleshooting.md is a message of ours if it starts with code; … stands for what varies."""
    path = root / "docs" / "troubleshooting.md"
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.startswith("| `"):
            continue
        for message in INLINE.findall(line.split(" | ")[0]):
            for part in message.replace("\\|", "|").split("…"):
                if len(part.strip()) > 2 and part.strip() not in texts:
                    yield f"docs/troubleshooting.md:{number}: no program says '{part.strip()}'"


def anchors(path):
    for heading in re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.M):
        yield re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def link_faults(root, path):
    for match in LINK.finditer(path.read_text(encoding="utf-8")):
        target, anchor = match.group(1) or match.group(3), match.group(2)
        if target and "://" in target:
            continue
        file = path.parent / target if target else path
        if not file.exists():
            yield f"{path.relative_to(root)}: there is no {target}"
        elif anchor and anchor[1:] not in anchors(file):
            yield f"{path.relative_to(root)}: no heading {anchor} in {file.name}"


def faults(root, programs):
    texts = all_texts(root)
    for path in [root / "README.md", *sorted((root / "docs").glob("*.md"))]:
        name = path.relative_to(root)
        for block in documents.blocks_of(path, name):
            yield from block_faults(root, block)
            for command in block.commands() if block.language == "sh" else []:
                yield from (f"{name}:{block.line}: {fault}" for fault in programs.faults(command))
        prose = documents.FENCE.sub("", path.read_text(encoding="utf-8"))
        if path.name == "troubleshooting.md":
            prose = MESSAGE_CELL.sub("|", prose)  # messages, looked at below
        for code in INLINE.findall(prose):
            yield from (f"{name}: `{code}`: {fault}" for fault in programs.faults(code))
        yield from link_faults(root, path)
    if (root / "docs" / "troubleshooting.md").exists():
        yield from message_faults(root, texts)


def main() -> int:
    root = pathlib.Path(sys.argv[1])
    found = list(faults(root, Programs(sys.argv[2], sys.argv[3])))
    for fault in found:
        print(fault)
    print(f"{len(found)} faults in the documents")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
