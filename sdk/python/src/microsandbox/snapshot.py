"""Disks of sandboxes that were kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import _native
from .progress import CopyProgress, reporting
from .types import DiskChange


@dataclass(frozen=True)
class SnapshotHandle:
    """A snapshot, as it was when it was looked up."""

    digest: str
    """What it is known by: "sha256:...", of its descriptor."""
    name: str
    """The last part of its path."""
    parent_digest: str | None
    """The snapshot that it came from."""
    image_ref: str
    """The image that it was made with."""
    scope: str
    """"disk"."""
    state_kind: str
    """"file"."""
    format: str
    """Of the disk: "raw"."""
    fstype: str
    """On the disk: "ext4"."""
    size_bytes: int
    """Of the disk, holes included."""
    created_at: str
    """RFC 3339."""
    path: str

    async def open(self) -> SnapshotDetail:
        """The snapshot with all that its descriptor says."""
        return await Snapshot.open(self.path)

    async def verify(self) -> SnapshotVerification:
        """Compares the disk with the hash that was recorded. SnapshotIntegrityError if it is another one."""
        return await Snapshot.verify(self.path)

    async def remove(self, force: bool = False) -> None:
        """Removes it. SnapshotInUseError if another one came from it, unless ``force``."""
        await Snapshot.remove(self.path, force)


@dataclass(frozen=True)
class SnapshotDetail(SnapshotHandle):
    """A snapshot with all that its descriptor says."""

    image_manifest_digest: str
    upper_file: str
    integrity: dict[str, Any] | None
    """algorithm, root, logical_size, leaf_size; None if no hash was recorded"""
    source_sandbox: str | None
    labels: dict[str, str]


@dataclass(frozen=True)
class SnapshotVerification:
    """What Snapshot.verify() found."""

    digest: str
    path: str
    kind: str
    """"verified", or "not_recorded"."""
    algorithm: str | None
    hash: str | None


SnapshotHandles = list[SnapshotHandle]  # inside of Snapshot, list is another thing


def _summary(item: dict[str, Any]) -> dict[str, Any]:
    names = ("digest", "name", "parent_digest", "image_ref", "scope", "state_kind", "format", "fstype", "size_bytes", "created_at")
    return {name: item[name] for name in names} | {"path": item["artifact_path"]}


def _detail(item: dict[str, Any]) -> SnapshotDetail:
    names = ("image_manifest_digest", "upper_file", "integrity", "source_sandbox", "labels")
    return SnapshotDetail(**_summary(item), **{name: item[name] for name in names})


async def _copy(progress: CopyProgress | None, function: str, *arguments: Any) -> Any:
    """A call that reports how far it is."""

    def job(cancel: int, queue: int) -> Any:
        result = _native.Text()
        _native.call(function, cancel, queue, *arguments, result)
        return result.take_json()

    return await reporting(progress, job)


def _text(value: str | Path) -> bytes:
    return str(value).encode()


class Snapshot:
    """Disks of sandboxes that were kept. Where one is named, a name, a path or a digest will do."""

    @staticmethod
    async def create(
        name: str | Path,
        from_sandbox: str,
        dest_dir: str | Path | None = None,
        labels: Mapping[str, str] | None = None,
        force: bool = False,
        record_integrity: bool = False,
        copy_while_frozen: bool = False,
        progress: CopyProgress | None = None,
    ) -> SnapshotDetail:
        """Snapshots a sandbox; ``force`` replaces one that is there, ``record_integrity`` records a hash of the
        disk. One that runs is frozen meanwhile: SnapshotSandboxRunningError if that would take more than a
        moment, unless ``copy_while_frozen``. SnapshotAlreadyExistsError."""
        options = _native.encode(
            {
                "dest_dir": None if dest_dir is None else str(dest_dir),
                "labels": dict(labels or {}),
                "force": force,
                "integrity": record_integrity,
                "copy_while_frozen": copy_while_frozen,
            }
        )
        arguments = (from_sandbox.encode(), _text(name), options)
        return _detail(await _copy(progress, "msb_snapshot_create", *arguments))

    @staticmethod
    async def open(snapshot: str | Path) -> SnapshotDetail:
        """A snapshot with all that its descriptor says; of its disk only the size is looked at.
        SnapshotNotFoundError."""
        return _detail(await _native.ask("msb_snapshot_open", _text(snapshot)))

    @staticmethod
    async def get(snapshot: str | Path) -> SnapshotHandle:
        """A snapshot. SnapshotNotFoundError."""
        return SnapshotHandle(**_summary(await _native.ask("msb_snapshot_open", _text(snapshot))))

    @staticmethod
    async def diff(before: str | Path, after: str | Path) -> tuple[DiskChange, ...]:
        """What differs between the disks of two snapshots."""
        items = await _native.ask("msb_snapshot_diff", _text(before), _text(after), cancels=True)
        return tuple(DiskChange(**item) for item in items)

    @staticmethod
    async def list() -> SnapshotHandles:
        """All snapshots that are known here, newest first."""
        return [SnapshotHandle(**_summary(item)) for item in await _native.ask("msb_snapshot_list")]

    @staticmethod
    async def list_dir(directory: str | Path) -> SnapshotHandles:
        """The snapshots in a directory, whatever is known of it."""
        items = await _native.ask("msb_snapshot_list_dir", _text(directory))
        return [SnapshotHandle(**_summary(item)) for item in items]

    @staticmethod
    async def verify(snapshot: str | Path) -> SnapshotVerification:
        """Compares the disk with the hash that was recorded. SnapshotIntegrityError if it is another one."""
        report = await _native.ask("msb_snapshot_verify", _text(snapshot), cancels=True)
        upper = report["upper"]
        return SnapshotVerification(
            report["digest"], report["path"], upper["kind"], upper.get("algorithm"), upper.get("digest")
        )

    @staticmethod
    async def remove(snapshot: str | Path, force: bool = False) -> None:
        """Removes a snapshot. SnapshotInUseError if another one came from it, unless ``force``."""
        options = _native.encode({"force": force})
        await _native.run(lambda _: _native.call("msb_snapshot_remove", _text(snapshot), options))

    @staticmethod
    async def reindex(directory: str | Path | None = None) -> int:
        """Looks again which snapshots a directory has (None: the one of this MSB_HOME); the result is their number."""
        path = None if directory is None else _text(directory)
        return int((await _native.ask("msb_snapshot_reindex", path))["indexed"])

    @staticmethod
    async def export(
        snapshot: str | Path,
        file: str | Path,
        since: str | Path | None = None,
        with_parents: bool = False,
        with_image: bool = False,
        plain_tar: bool = False,
        force: bool = False,
        progress: CopyProgress | None = None,
    ) -> str:
        """Writes a snapshot into one file, whose path is the result: with its parents or image, or only
        what differs from the disk of another one (``since``)."""
        options = _native.encode(
            {
                "since": None if since is None else str(since),
                "with_parents": with_parents,
                "with_image": with_image,
                "plain_tar": plain_tar,
                "force": force,
            }
        )
        arguments = (_text(snapshot), _text(file), options)
        return str((await _copy(progress, "msb_snapshot_export", *arguments))["path"])

    @staticmethod
    async def import_(
        file: str | Path,
        dest_dir: str | Path | None = None,
        name: str | None = None,
        force: bool = False,
        progress: CopyProgress | None = None,
    ) -> SnapshotDetail:
        """Takes in a file that export() wrote. SnapshotAlreadyExistsError."""
        options = _native.encode(
            {"dest_dir": None if dest_dir is None else str(dest_dir), "name": name, "force": force}
        )
        return _detail(await _copy(progress, "msb_snapshot_import", _text(file), options))

    save = export
    load = import_
