"""Storage that outlives sandboxes, and what else can be mounted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import _native
from .types import DiskFormat, MountConfig, VolumeKind, VolumeMode
from .volume_fs import VolumeFs


@dataclass(frozen=True)
class VolumeHandle:
    """A volume, as it was when it was looked up."""

    name: str
    kind: str
    """"directory" or "disk"."""
    path: str
    """Its directory on the host."""
    quota_mib: int | None
    """By how many MiB guests may make the files of a directory grow."""
    used_bytes: int | None
    """What it takes of the host's disk."""
    capacity_bytes: int | None
    """Of a disk."""
    disk_format: str | None
    """Of a disk: "raw"."""
    disk_fstype: str | None
    """Of a disk: "ext4"."""
    disk_path: str | None
    """Of a disk: its file."""
    labels: dict[str, str]
    created_at: str
    """RFC 3339."""

    def fs(self) -> VolumeFs:
        """Its files, if it is a directory."""
        return VolumeFs(self.name)

    async def remove(self) -> None:
        """Removes it with what is in it. VolumeInUseError while a sandbox that runs has it mounted."""
        await Volume.remove(self.name)


VolumeHandles = list[VolumeHandle]  # inside of Volume, list is another thing


class Volume:
    """Volumes by their names; and what paths of a guest lead to: Volume.named("data")."""

    @staticmethod
    def bind(path: str | Path, **options: Any) -> MountConfig:
        """A directory or file of the host, with the other members of MountConfig as options."""
        return MountConfig(bind=str(path), **options)

    @staticmethod
    def named(
        name: str,
        mode: VolumeMode | str = VolumeMode.EXISTING,
        kind: VolumeKind | str | None = None,
        size_mib: int | None = None,
        quota_mib: int | None = None,
        labels: Mapping[str, str] | None = None,
        **options: Any,
    ) -> MountConfig:
        """A volume: one that is there, unless ``mode`` says otherwise. VolumeNotFoundError,
        VolumeAlreadyExistsError; InvalidConfigError if it is not as it is asked for."""
        return MountConfig(
            named=name,
            named_mode=VolumeMode(mode),
            kind=None if kind is None else VolumeKind(kind),
            size_mib=size_mib,
            quota_mib=quota_mib,
            labels=None if labels is None else dict(labels),
            **options,
        )

    @staticmethod
    def owned(
        kind: VolumeKind | str = VolumeKind.DIRECTORY,
        size_mib: int | None = None,
        quota_mib: int | None = None,
        **options: Any,
    ) -> MountConfig:
        """A volume of the sandbox alone, which is removed with it."""
        return MountConfig(
            owned=True, kind=VolumeKind(kind), size_mib=size_mib, quota_mib=quota_mib, **options
        )

    @staticmethod
    def tmpfs(size_mib: int | None = None, **options: Any) -> MountConfig:
        """A file system in the guest's memory; None: half of that."""
        return MountConfig(tmpfs=True, size_mib=size_mib, **options)

    @staticmethod
    def disk(
        path: str | Path, format: DiskFormat | str | None = None, fstype: str | None = None, **options: Any
    ) -> MountConfig:
        """The file system in a disk image; its format is that of its name, unless ``format`` says otherwise."""
        chosen = None if format is None else DiskFormat(format)
        return MountConfig(disk=str(path), format=chosen, fstype=fstype, **options)

    @staticmethod
    async def create(
        name: str,
        kind: VolumeKind | str = VolumeKind.DIRECTORY,
        size_mib: int | None = None,
        quota_mib: int | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> VolumeHandle:
        """Makes a volume; a disk needs a size. VolumeAlreadyExistsError."""
        options = _native.encode(
            {
                "kind": str(VolumeKind(kind)),
                "size_mib": size_mib,
                "quota_mib": quota_mib,
                "labels": dict(labels or {}),
            }
        )
        return VolumeHandle(**await _native.ask("msb_volume_create", name.encode(), options))

    @staticmethod
    async def get(name: str) -> VolumeHandle:
        """A volume. VolumeNotFoundError."""
        return VolumeHandle(**await _native.ask("msb_volume_get", name.encode()))

    @staticmethod
    async def list() -> VolumeHandles:
        """All volumes, newest first."""
        return [VolumeHandle(**item) for item in await _native.ask("msb_volume_list")]

    @staticmethod
    async def remove(name: str) -> None:
        """Removes a volume with what is in it. VolumeNotFoundError; VolumeInUseError while a sandbox that
        runs has it mounted."""
        await _native.run(lambda _: _native.call("msb_volume_remove", name.encode()))

    @staticmethod
    async def clone(name: str, to: str, labels: Mapping[str, str] | None = None) -> VolumeHandle:
        """Makes a volume with what is in another one, which no sandbox may have mounted."""
        options = _native.encode({"labels": dict(labels or {})})
        arguments = (name.encode(), to.encode(), options)
        return VolumeHandle(**await _native.ask("msb_volume_clone", *arguments, cancels=True))

    @staticmethod
    async def prune(labels: Mapping[str, str] | None = None, dry_run: bool = False) -> dict[str, int]:
        """Removes the volumes that no sandbox mounts, not even one that is stopped: their names, and the
        bytes that they took."""
        options = _native.encode({"labels": dict(labels or {}), "dry_run": dry_run})
        return {item["name"]: item["used_bytes"] for item in await _native.ask("msb_volume_prune", options)}
