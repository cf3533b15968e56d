#!/usr/bin/env python3
"""What a power cut would have left, from what recorder.cpp recorded.

keep ROOT STORE          before a command: all that is there is durable; STORE remembers it
count LOG                how many moments there are: before the first fsync, and after each
restore ROOT STORE LOG N MODEL
    makes ROOT what it would be if the power had gone right after the Nth fsync:
    durable   only what was made durable: content of files, names in directories
    names     names as they were at that moment, but content only where it was durable: other files are empty,
              as a journal of metadata alone leaves them
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path


def entries(text: str) -> list[tuple[str, str, str, str]]:
    return [tuple(line.split(" ", 3)) for line in text.splitlines()]  # type: ignore[misc]


def key_of(path: Path) -> str:
    asked = subprocess.run(["stat", "-c", "%i.%W.%w", str(path)], capture_output=True, text=True, check=True).stdout
    number, seconds, birth = asked.strip().split(".", 2)
    return f"{number}.{seconds}.{int(birth.split('.')[1].split(' ')[0])}"


def keep(root: Path, store: Path) -> None:
    subprocess.run(["cp", "-a", "--sparse=always", str(root), str(store)], check=True)
    lines = [f"d {key_of(root)} {root.stat().st_mode & 0o7777} ."]
    for directory, names, files in os.walk(root):
        for name in (*names, *files):
            path = Path(directory, name)
            kind = "l" if path.is_symlink() else "d" if path.is_dir() else "f" if path.is_file() else "?"
            lines.append(f"{kind} {key_of(path)} {path.lstat().st_mode & 0o7777} {path.relative_to(root)}")
    store.with_suffix(".tree").write_text("\n".join(lines) + "\n")


class State:
    """Durable content by key: files as paths of copies, directories as their entries."""

    def __init__(self, store: Path) -> None:
        self.files: dict[str, Path] = {}
        self.directories: dict[str, list[tuple[str, str, str, str]]] = {}
        self.links: dict[str, str] = {}
        by_path: dict[str, str] = {}
        for kind, key, mode, path in entries(store.with_suffix(".tree").read_text()):
            by_path[path] = key
            if kind == "d":
                self.directories[key] = []
            elif kind == "f":
                self.files[key] = store / path
            elif kind == "l":
                self.links[key] = os.readlink(store / path)
            if path == ".":
                self.root = key
            else:
                parent = str(Path(path).parent)
                self.directories[by_path[parent]].append((kind, key, mode, Path(path).name))

    def apply(self, place: Path) -> None:
        head, *rest = (place / "event").read_text().splitlines()
        kind, key, _ = head.split(" ")
        if kind == "all":
            self.names_of(place)
            self.files |= {path.name: path for path in (place / "data").iterdir()}
        elif kind == "dir":
            self.directories[key] = entries("\n".join(rest))
        else:
            self.files[key] = place / "data"

    def names_of(self, place: Path) -> None:
        """All names as they were at that moment."""
        self.directories = {key: [] for key in self.directories}
        by_path = {".": self.root}
        for kind, key, mode, path in entries((place / "tree").read_text()):
            by_path[path] = key
            if kind == "d":
                self.directories[key] = []
            parent = str(Path(path).parent)
            self.directories[by_path[parent]].append((kind, key, mode, Path(path).name))

    def build(self, key: str, at: Path) -> None:
        for kind, child, mode, name in self.directories.get(key, []):
            path = at / name
            if kind == "d":
                path.mkdir()
                self.build(child, path)
                path.chmod(int(mode))
            elif kind == "l":
                path.symlink_to(self.links.get(child, "nowhere"))
            elif kind == "f":
                source = self.files.get(child)
                if source is None:
                    path.touch()
                else:
                    subprocess.run(["cp", "--sparse=always", "--reflink=auto", str(source), str(path)], check=True)
                path.chmod(int(mode))


def restore(root: Path, store: Path, log: Path, count: int, model: str) -> None:
    state = State(store)
    for number in range(count):
        state.apply(log / str(number))
    if model == "names" and count > 0:
        state.names_of(log / str(count - 1))
    shutil.rmtree(root)
    root.mkdir(mode=0o700)
    state.build(state.root, root)


if __name__ == "__main__":
    action, *arguments = sys.argv[1:]
    if action == "keep":
        keep(Path(arguments[0]), Path(arguments[1]))
    elif action == "count":
        print(len([place for place in Path(arguments[0]).iterdir() if (place / "event").exists()]))
    elif action == "restore":
        restore(Path(arguments[0]), Path(arguments[1]), Path(arguments[2]), int(arguments[3]), arguments[4])
    else:
        sys.exit(f"unknown action '{action}'")
