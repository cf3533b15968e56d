"""What takes room on the host's disk, and removing what nothing needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from . import _native


@dataclass(frozen=True)
class StorageItem:
    """Something that takes room."""

    name: str
    path: str
    logical_bytes: int
    """What reading all of it gives."""
    allocated_bytes: int
    """What it takes of the host's disk; 0 of images, whose bytes are those of layers."""
    in_use: bool
    """By something that runs, or is kept."""
    reclaimable: bool
    """Storage.prune() may remove it."""
    reasons: tuple[str, ...]
    """Why it is in use: "sandbox 'web'"."""


@dataclass(frozen=True)
class StorageUsage:
    """What there is of a type."""

    count: int
    in_use: int
    logical_bytes: int
    allocated_bytes: int | None
    """None of images."""
    reclaimable_bytes: int
    items: tuple[StorageItem, ...]


@dataclass(frozen=True)
class PrunedItem:
    """What became of something that Storage.prune() may remove."""

    item: StorageItem
    type: str
    state: str
    """"removed", "reclaimable" (a dry run), "in_use" (by now) or "error"."""
    error: str | None


@dataclass(frozen=True)
class PruneReport:
    """What Storage.prune() did."""

    dry_run: bool
    items: tuple[PrunedItem, ...]
    removed: int
    bytes_reclaimed: int


def _item(item: dict[str, Any]) -> StorageItem:
    return StorageItem(
        item["name"], item["path"], item["logical_bytes"], item["allocated_bytes"], item["in_use"], item["reclaimable"],
        tuple(item["reasons"]),
    )


class Storage:
    """What this MSB_HOME takes of the host's disk."""

    @staticmethod
    async def usage() -> dict[str, StorageUsage]:
        """By type: images, layers, sandboxes, snapshots, volumes, logs, caches."""
        document = await _native.ask("msb_storage_usage", cancels=True)
        return {
            name: StorageUsage(
                part["count"], part["in_use"], part["logical_bytes"], part["allocated_bytes"], part["reclaimable_bytes"],
                tuple(_item(item) for item in part["items"]),
            )
            for name, part in document.items()
            if name != "notes"
        }

    @staticmethod
    async def prune(
        types: Iterable[str] = (),
        labels: Mapping[str, str] | None = None,
        older_than: float | None = None,
        dry_run: bool = False,
    ) -> PruneReport:
        """Removes what nothing needs. Without ``types`` (as of ``usage()``, without logs) what can be had again: images,
        layers and caches. ``older_than``: only what was made, or ran last, so many seconds ago."""
        options = _native.encode(
            {
                "types": list(types),
                "labels": dict(labels or {}),
                "older_than_ms": None if older_than is None else int(older_than * 1000),
                "dry_run": dry_run,
            }
        )
        report = await _native.ask("msb_storage_prune", options, cancels=True)
        items = tuple(PrunedItem(_item(item), item["type"], item["state"], item["error"]) for item in report["items"])
        return PruneReport(report["dry_run"], items, report["removed"], report["bytes_reclaimed"])
