#!/usr/bin/env python3
"""check_layers.py [--table] BUILD: a target includes only what it depends on, and folders form layers.

The build writes BUILD/targets.txt: each target with its folder, sources and direct dependencies.
x.hpp belongs to the target that compiles x.cpp. A header without such a file is part of whoever includes
it, who has to depend on some target of the header's folder. Folders of src/ must not depend on each other
in a circle. --table prints what each of them depends on, lowest first.
"""

import re
import sys
from pathlib import Path

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+/[^"]+)"', re.MULTILINE)


class Target:
    def __init__(self, line):
        self.name, folder, sources, needs = line.split("\t")
        self.folder = Path(folder)
        self.sources = [self.folder / source for source in sources.split(";") if source]
        self.needs = [need for need in needs.split(";") if need]


class Tree:
    def __init__(self, build):
        lines = (build / "targets.txt").read_text().splitlines()
        self.source = Path(lines[0]) / "src"
        self.targets = {target.name: target for target in map(Target, lines[1:])}
        self.owners = {}  # path without suffix -> names of targets
        for target in self.targets.values():
            for source in target.sources:
                self.owners.setdefault(source.with_suffix(""), set()).add(target.name)

    def closure(self, name):
        """The target and all that it depends on."""
        seen, todo = set(), [name]
        while todo:
            name = todo.pop()
            if name in self.targets and name not in seen:
                seen.add(name)
                todo += self.targets[name].needs
        return seen

    def part(self, path):
        """The folder of src/ that something is in: device"""
        return path.relative_to(self.source).parts[0] if path.is_relative_to(self.source) else None

    def breaches(self, target):
        closure = self.closure(target.name)
        folders = {self.part(self.targets[name].folder) for name in closure}
        own = target.sources + [source.with_suffix(".hpp") for source in target.sources]
        todo, seen = [path for path in own if path.is_file()], set()
        while todo:
            path = todo.pop()
            if path in seen or path.suffix not in (".cpp", ".hpp"):
                continue
            seen.add(path)
            text = path.read_text()
            for match in INCLUDE.finditer(text):
                header = self.source / match[1]
                if not header.is_file():
                    continue
                owners = self.owners.get(header.with_suffix(""), set())
                if owners & closure or not owners and self.part(header) in folders:
                    if not owners:
                        todo.append(header)
                    continue
                line = text.count("\n", 0, match.start()) + 1
                whose = " or ".join(sorted(owners)) or f"folder {self.part(header)}"
                yield (f"{path}:{line}: {target.name} includes {match[1]} of {whose}, "
                       "on which it does not depend")

    def folder_needs(self):
        """What each folder of src/ depends on directly, its tests aside."""
        needs = {}
        for target in self.targets.values():
            mine = self.part(target.folder)
            if mine is None or target.name.endswith(("_test", "_fuzz", "_testing")):
                continue
            below = {self.part(self.targets[need].folder) for need in target.needs if need in self.targets}
            needs.setdefault(mine, set()).update(below - {mine, None})
        return needs


def ordered(needs):
    """Folders, each after those that it depends on; those of a circle are left over."""
    done, left = [], dict(needs)
    while ready := sorted(folder for folder, below in left.items() if not below - set(done)):
        done += ready
        for folder in ready:
            del left[folder]
    return done, sorted(left)


def main(arguments):
    tree = Tree(Path(arguments[-1]).resolve())
    needs = tree.folder_needs()
    order, circle = ordered(needs)
    if arguments[0] == "--table":
        for folder in order:
            print(f"{folder:10} {' '.join(f for f in order if f in needs[folder]) or '-'}")
    problems = [problem for target in tree.targets.values() for problem in tree.breaches(target)]
    if circle:
        problems.append("folders that depend on each other in a circle: " + ", ".join(circle))
    for problem in sorted(set(problems)):
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
