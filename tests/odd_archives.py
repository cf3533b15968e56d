#!/usr/bin/env python3
"""Image archives as tools in the field write them: odd_archives.py DIRECTORY writes one *.tar a kind, each
with an image of its own name. Every one of them is to load."""
import hashlib
import io
import json
import os
import sys
import tarfile

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
AMD64 = {"os": "linux", "architecture": "amd64"}


def sha(data):
    return hashlib.sha256(data).hexdigest()


def entry(name, data=None, link=None, kind=None, mode=0o755):
    info = tarfile.TarInfo(name)
    info.mode = mode
    info.size = len(data or b"")
    info.linkname = link or ""
    info.type = kind or (tarfile.REGTYPE if data is not None else tarfile.DIRTYPE)
    return info, data


def hard(name, target):
    return entry(name, link=target, kind=tarfile.LNKTYPE)


def soft(name, target):
    return entry(name, link=target, kind=tarfile.SYMTYPE)


def tar(entries):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for info, data in entries:
            archive.addfile(info, io.BytesIO(data or b""))
    return out.getvalue()


class Archive:
    def __init__(self):
        self.blobs = {}
        self.descriptors = []
        self.items = []

    def put(self, data, kind, **more):
        if not isinstance(data, bytes):
            data = json.dumps(data).encode()
        self.blobs[sha(data)] = data
        return {"mediaType": kind, "digest": "sha256:" + sha(data), "size": len(data), **more}

    def image(self, name, layers, config=None, annotate=True, **document):
        described = [self.put(layer, LAYER) for layer in layers]
        configuration = self.put({**AMD64, "config": config or {"Cmd": ["/bin/sh"]}, "rootfs": {
            "type": "layers", "diff_ids": [layer["digest"] for layer in described]}, **document}, CONFIG)
        manifest = self.put({"schemaVersion": 2, "mediaType": MANIFEST, "config": configuration,
                             "layers": described}, MANIFEST, platform=AMD64)
        if annotate:
            manifest["annotations"] = {"org.opencontainers.image.ref.name": name}
        self.descriptors.append(manifest)
        path = "blobs/sha256/{}".format
        self.items.append({"Config": path(configuration["digest"][7:]), "RepoTags": [name],
                           "Layers": [path(layer["digest"][7:]) for layer in described]})
        return manifest

    def index(self, descriptors, **more):
        return self.put({"schemaVersion": 2, "mediaType": INDEX, "manifests": descriptors}, INDEX, **more)

    def write(self, path, layout=True, docker=False):
        members = [entry("blobs/sha256/" + name, data, mode=0o644) for name, data in self.blobs.items()]
        if layout:
            members += [entry("oci-layout", b'{"imageLayoutVersion":"1.0.0"}'), entry("index.json", json.dumps(
                {"schemaVersion": 2, "mediaType": INDEX, "manifests": self.descriptors}).encode())]
        if docker:
            members.append(entry("manifest.json", json.dumps(self.items).encode()))
        with open(path, "wb") as out:
            out.write(tar(members))


def base():
    with open("/usr/bin/busybox", "rb") as program:
        entries = [entry("bin"), entry("bin/busybox", program.read())]
    return tar(entries + [soft("bin/" + name, "busybox") for name in ("sh", "cat", "ls", "stat", "ln", "echo")])


def layers_of_kinds():
    """Name of an image: the layers above the base."""
    keep = entry("w/keep", b"k")
    return {
        "links": [[entry("a/one", b"x"), hard("a/two", "a/one")]],
        "links-replaced": [[entry("u/p", b"new"), entry("u/q", b"old")], [entry("u/p", b"NEW"), hard("u/q", "u/p")]],
        "whiteout-as-link": [[keep, entry("w/gone", b"g")], [entry("w/src", b"s"), hard("w/.wh.gone", "w/src")]],
        "opaque-in-the-middle": [[entry("o/old", b"o")], [entry("o"), entry("o/n1", b"1"),
                                 entry("o/.wh..wh..opq", b""), entry("o/n2", b"2")]],
        "unreadable": [[entry("ro", mode=0o555), entry("ro/x", b"1", mode=0)], [entry("ro/x", b"22", mode=0)]],
        "links-that-climb": [[soft("m", "../../../../etc/passwd"), soft("l", "/../../tmp")], [entry("l/t", b"T")]],
        "file-to-directory": [[entry("p", b"file")], [entry("p/q/r", b"deep")]],
    }


def write_all(top):
    bottom = base()
    for name, layers in layers_of_kinds().items():
        archive = Archive()
        archive.image(name + ":1", [bottom] + [tar(layer) for layer in layers])
        archive.write(f"{top}/{name}.tar")
    for name, config in {"odd-variables": {"Env": ["PATH=/bin", "NOEQ", "A=1", "A=2", "EMPTY="]},
                         "no-config": {"Env": None, "Cmd": None, "User": None}}.items():
        archive = Archive()
        archive.image(name + ":1", [bottom], config)
        archive.write(f"{top}/{name}.tar")
    twice = Archive()
    twice.image("same-layer-twice:1", [bottom, bottom])
    twice.write(f"{top}/same-layer-twice.tar")
    both = Archive()
    both.image("both-forms:1", [bottom], annotate=False)
    both.write(f"{top}/both-forms.tar", docker=True)
    nested = Archive()
    image = nested.image("nested:1", [bottom], annotate=False)
    attestation = nested.put({"schemaVersion": 2, "mediaType": MANIFEST, "config": image, "layers": []}, MANIFEST,
                             platform={"os": "unknown", "architecture": "unknown"},
                             annotations={"vnd.docker.reference.type": "attestation-manifest"})
    nested.descriptors = [nested.index([attestation, image], annotations={
        "io.containerd.image.name": "docker.io/library/nested:1", "org.opencontainers.image.ref.name": "1"})]
    nested.write(f"{top}/nested.tar")


def write_some_odd(top):
    """Archives with three images, of which the second is not as it should be."""
    bottom = base()
    odd = Archive()
    odd.image("first:1", [bottom])
    odd.image("odd:1", [bottom, b"this is no tar at all" * 100])
    odd.image("third:1", [bottom])
    os.makedirs(f"{top}/odd", exist_ok=True)
    odd.write(f"{top}/odd/layout.tar")
    odd.write(f"{top}/odd/docker.tar", layout=False, docker=True)
    wrong = Archive()
    wrong.image("first:1", [bottom], config={"Env": "PATH=/bin"})
    wrong.image("second:1", [bottom])
    wrong.write(f"{top}/odd/configuration.tar")
    bomb = Archive()
    bomb.image("bomb:1", [tar([entry(f"zeros{i}", bytes(4 << 20)) for i in range(16)])])
    bomb.write(f"{top}/odd/bomb.tar")


if __name__ == "__main__":
    write_all(sys.argv[1])
    write_some_odd(sys.argv[1])
