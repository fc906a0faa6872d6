"""Shell blocks of Markdown documents, with the directives in the HTML comment right before each.

    <!-- test
    on: host1 host2               where it is run, in this order; left out: host1
    begin: fresh | pair           what the hosts are before: nothing launched, or both connected; left out: as the last block left them
    before: COMMAND               is run there first, to bring about what the block is for
    after: COMMAND                is run when it has done as expected
    expect: REGULAR-EXPRESSION    is in what it prints; as many as wanted
    status: NUMBER                how it ends (0)
    within: SECONDS               is tried again until it does as expected
    types: LINE                   what a person types into it, on a terminal
    scenario: NAME STEP           not run here: scenario NAME takes it from the document and calls it STEP
    elsewhere: FILE: TEXT         not run here: this test has it; one for each command of the block
    -->

python3 documents.py [--scenario NAME] DIRECTORY FILE... writes one directory a block: script, where, and a file for each directive.
"""
import dataclasses
import pathlib
import re
import sys

KEYS = {"after", "on", "begin", "before", "expect", "status", "within", "types", "scenario", "elsewhere"}
COMMENT = re.compile(r"<!-- test\n((?:(?!-->).)*)-->[ \t]*\n[ \t]*$", re.S)
FENCE = re.compile(r"^([ \t]*)```([^\n]*)\n(.*?)^[ \t]*```[ \t]*$", re.S | re.M)


@dataclasses.dataclass
class Block:
    file: str
    line: int
    language: str
    script: str
    directives: dict | None  # None: no comment of ours stands before it

    def values(self, key):
        return (self.directives or {}).get(key, [])

    def scenario(self):
        return next((value.split()[0] for value in self.values("scenario")), None)

    def commands(self):
        joined = re.sub(r"\\\n\s*", " ", self.script)
        return [line for line in joined.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def parse_directives(text):
    found = {}
    for line in text.splitlines():
        if not line.strip():
            continue
        key, _, value = line.partition(":")
        found.setdefault(key.strip(), []).append(value.strip())
    return found


def blocks_of(path, name=None):
    text = pathlib.Path(path).read_text(encoding="utf-8")
    for match in FENCE.finditer(text):
        before = COMMENT.search(text[: match.start()])
        indent = match.group(1)
        script = re.sub(rf"^{indent}", "", match.group(3), flags=re.M)
        yield Block(file=str(name or path), line=text.count("\n", 0, match.start()) + 1, language=match.group(2).strip(),
                    script=script, directives=parse_directives(before.group(1)) if before else None)


def main():
    words = sys.argv[1:]
    scenario = None
    if words[0] == "--scenario":
        scenario = words[1]
        words = words[2:]
    target = pathlib.Path(words[0])
    number = 0
    for name in words[1:]:
        for block in blocks_of(name, "/".join(pathlib.Path(name).parts[-2:])):
            if block.language != "sh" or block.values("elsewhere") or block.scenario() != scenario:
                continue
            place = target / f"{number:03}"
            number += 1
            place.mkdir(parents=True)
            (place / "script").write_text(block.script)
            (place / "where").write_text(f"{block.file}:{block.line}")
            for key, values in (block.directives or {}).items():
                (place / key).write_text("\n".join(values) + "\n")
    print(number)


if __name__ == "__main__":
    main()
