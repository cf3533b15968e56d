#!/usr/bin/env python3
"""sdk_packages.py VERSION DIRECTORY: makes what package managers install without this source, into the new DIRECTORY:

  go/            a module proxy of files:    GOPROXY=file:///DIRECTORY/go go get microsandbox.internal/microsandbox
  microsandbox-VERSION.crate                 for a registry, or unpacked into a vendored directory
  microsandbox-VERSION-py3-none-any.whl      pip install

They hold our sources only, and find the library of an installed msb when they are used. The archives are written here
because that takes no more than a list of files, needs none of the languages, and gives the same bytes everywhere."""

import base64
import gzip
import hashlib
import io
import json
import os
import sys
import tarfile
import time
import tomllib
import zipfile
from pathlib import Path

SDK = Path(__file__).resolve().parent.parent / "sdk"
LICENSE = (SDK.parent / "LICENSE").read_bytes()
MADE_AT = max(int(os.environ.get("SOURCE_DATE_EPOCH", "0")), 315532800)  # zip knows no time before 1980


def files_of(root, *patterns):
    """{path below root: content}, in order."""
    paths = sorted(path for pattern in patterns for path in root.glob(pattern) if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in paths if "__pycache__" not in path.parts}


def write_zip(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, time.gmtime(MADE_AT)[:6])
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)


def write_tar_gz(path, files):
    with path.open("wb") as raw, gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as stream:
        with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as archive:
            for name, content in files.items():
                entry = tarfile.TarInfo(name)
                entry.size, entry.mode, entry.mtime = len(content), 0o644, MADE_AT
                archive.addfile(entry, io.BytesIO(content))


def go_module(version, out):
    """https://go.dev/ref/mod#goproxy-protocol and #zip-files"""
    mod = (SDK / "go/go.mod").read_text()
    module = mod.split()[1]
    place = out / module / "@v"
    place.mkdir(parents=True)
    tag = f"v{version}"
    (place / "list").write_text(tag + "\n")
    made = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(MADE_AT))
    (place / f"{tag}.info").write_text(json.dumps({"Version": tag, "Time": made}))
    (place / f"{tag}.mod").write_text(mod)
    sources = {name: content for name, content in files_of(SDK / "go", "*.go", "*.c", "*.h", "go.mod").items()
               if not name.endswith("_test.go")}
    write_zip(place / f"{tag}.zip",
              {f"{module}@{tag}/{name}": content for name, content in {"LICENSE": LICENSE, **sources}.items()})


def crate(version, out):
    sources = files_of(SDK / "rust", "Cargo.toml", "src/**/*")
    root = f"microsandbox-{version}"
    write_tar_gz(out / f"{root}.crate",
                 {f"{root}/{name}": content for name, content in {"LICENSE": LICENSE, **sources}.items()})


def wheel(version, out):
    """https://packaging.python.org/en/latest/specifications/binary-distribution-format/"""
    project = tomllib.loads((SDK / "python/pyproject.toml").read_text())["project"]
    info = f"microsandbox-{version}.dist-info"
    files = files_of(SDK / "python/src", "microsandbox/**/*.py", "microsandbox/py.typed")
    metadata = ["Metadata-Version: 2.1", "Name: microsandbox", f"Version: {version}", f"Summary: {project['description']}",
                f"Requires-Python: {project['requires-python']}", "License: Apache-2.0",
                "Description-Content-Type: text/markdown", "", (SDK / "python/README.md").read_text()]
    files[f"{info}/LICENSE"] = LICENSE
    files[f"{info}/METADATA"] = "\n".join(metadata).encode()
    files[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: microsandbox\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    record = ""
    for name, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        record += f"{name},sha256={digest},{len(content)}\n"
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    write_zip(out / f"microsandbox-{version}-py3-none-any.whl", files)


def main():
    version, out = sys.argv[1], Path(sys.argv[2])
    out.mkdir(parents=True)
    go_module(version, out / "go")
    crate(version, out)
    wheel(version, out)


if __name__ == "__main__":
    main()
