#!/usr/bin/env python3
"""sbom.py BUILD TREE: what an installed TREE is made of, besides our own sources, as a CycloneDX document: the
packages of Debian whose headers or static libraries were compiled in, and those whose libraries are loaded; the
busybox of the images; the guest kernels. Nothing in it depends on when or where it was made."""

import json
import re
import subprocess
import sys
from pathlib import Path


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def compiled_in(build):
    """Files outside of the source that went into an object or a program of the product."""
    inputs = {line.strip() for line in run("ninja", "-C", build, "-t", "inputs", "product").splitlines()}
    files = set()
    target = None
    for line in run("ninja", "-C", build, "-t", "deps").splitlines():
        if not line.startswith(" "):
            target = line.split(":")[0]
        elif target in inputs and line.strip().startswith("/"):
            files.add(line.strip())
    files.update(path for path in inputs if path.startswith("/") and re.search(r"\.(a|so)$", path))
    return files


def loaded_by(tree):
    """Libraries of the system that the installed programs load."""
    files = set()
    for path in sorted(tree.rglob("*")):
        if path.is_file() and not path.is_symlink() and path.open("rb").read(4) == b"\x7fELF":
            listed = subprocess.run(["ldd", path], capture_output=True, text=True).stdout
            files.update(re.findall(r"=> (/\S+)", listed))
    return files


def owners(files):
    """Names of the packages that the files are from."""
    real = sorted({str(Path(file).resolve()) for file in files} | set(files))
    found = subprocess.run(["dpkg", "-S", *real], capture_output=True, text=True).stdout
    return {name.strip() for line in found.splitlines() if not line.startswith("diversion")
            for name in line.rsplit(": ", 1)[0].split(",")}


def package(name):
    shown = run("dpkg-query", "-W", "-f", "${Package} ${Version} ${Architecture} ${source:Package}", name)
    name, version, architecture, source = shown.split()
    return {"type": "library", "bom-ref": f"deb:{name}", "name": name, "version": version,
            "purl": f"pkg:deb/debian/{name}@{version.replace('+', '%2B').replace(':', '%3A')}?arch={architecture}",
            "properties": [{"name": "debian:source", "value": source}]}


def kernel(bundle):
    manifest = json.loads((bundle / "manifest.json").read_text())
    return {"type": "operating-system", "bom-ref": f"kernel:{bundle.name}", "name": f"linux ({bundle.name})",
            "version": manifest["version"], "licenses": [{"license": {"id": "GPL-2.0-only"}}]}


def main():
    build, tree = sys.argv[1], Path(sys.argv[2])
    version = run(str(tree / "bin/msb"), "--version").split()[1]
    names = owners(compiled_in(build) | loaded_by(tree) | {"/bin/busybox"})
    components = [package(name) for name in sorted(names)]
    components += [kernel(bundle) for bundle in sorted(tree.glob("share/microsandbox/kernels/*"))]
    document = {"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
                "metadata": {"component": {"type": "application", "bom-ref": "microsandbox", "name": "microsandbox",
                                           "version": version, "licenses": [{"license": {"id": "Apache-2.0"}}]}},
                "components": components}
    print(json.dumps(document, indent=1))


if __name__ == "__main__":
    main()
