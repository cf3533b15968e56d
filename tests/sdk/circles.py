"""circles.py SDK: fails if modules of the Python, Rust or TypeScript package import each other in a circle."""

import re
import sys
from pathlib import Path

PACKAGES = {
    "python/src/microsandbox/*.py": r"^\s*from \.(\w*) import ([^#\n]*)",
    "rust/src/*.rs": r"\bcrate::(\w+)",
    "typescript/src/*.ts": r'^(?:import|export)\b[^;]*?from "\./(\w+)\.js"',
}


def imports(pattern: str, text: str) -> set[str]:
    found = set()
    for match in re.finditer(pattern, text, re.MULTILINE):
        named, *rest = match.groups()
        # "from . import a, b" names modules behind the word.
        found |= {named} if named else set(re.findall(r"\w+", rest[0]))
    return found


def circle(modules: dict[str, set[str]]) -> list[str] | None:
    """The modules of one, from the first to the first."""
    done: set[str] = set()

    def visit(name: str, path: list[str]) -> list[str] | None:
        if name in path:
            return path[path.index(name) :] + [name]
        if name in done:
            return None
        for other in sorted(modules[name] & modules.keys()):
            if found := visit(other, [*path, name]):
                return found
        done.add(name)
        return None

    for name in sorted(modules):
        if found := visit(name, []):
            return found
    return None


failed = False
for files, pattern in PACKAGES.items():
    texts = {path.stem: path.read_text() for path in Path(sys.argv[1]).glob(files)}
    # Comments and documentation may name any module; the package's own face imports all.
    stripped = {name: re.sub(r"(?m)^\s*//.*$", "", text) for name, text in texts.items()}
    modules = {name: imports(pattern, text) - {name} for name, text in stripped.items() if name not in ("__init__", "lib", "index")}
    if len(modules) < 8:
        sys.exit(f"{files}: only {len(modules)} modules were found")
    if found := circle(modules):
        print(f"{files}: {' -> '.join(found)}", file=sys.stderr)
        failed = True
sys.exit(failed)
