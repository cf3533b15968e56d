"""The image cache."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import _native
from .types import PullPolicy


@dataclass(frozen=True)
class ImageHandle:
    """An image in the cache."""

    reference: str
    """Its name: "docker.io/library/debian:12"."""
    manifest_digest: str
    """The digest of its manifest: "sha256:..."."""
    architecture: str
    """The processor it is for, as OCI names it: "amd64"."""
    os: str
    """The operating system it is for: "linux"."""
    layer_count: int
    size_bytes: int
    """Its size as it is transported, compressed."""
    created_at: str
    """When it came into the cache; RFC 3339."""

    async def inspect(self) -> ImageDetail:
        """The image with what it says of its commands and what it consists of."""
        return await Image.inspect(self.reference)

    async def remove(self, force: bool = False) -> None:
        """Deletes the image. ImageInUseError if a sandbox was made from it, unless ``force``."""
        await Image.remove(self.reference, force)


@dataclass(frozen=True)
class ImageDetail:
    """An image with what it says of its commands and what it consists of."""

    handle: ImageHandle
    config: dict[str, Any]
    """digest, env, cmd, entrypoint, working_dir, user, labels, stop_signal"""
    layers: tuple[dict[str, Any], ...]
    """diff_id, blob_digest, media_type, compressed_size_bytes, erofs_size_bytes, position"""


def _handle(item: dict[str, Any]) -> ImageHandle:
    return ImageHandle(
        item["reference"], item["digest"], item["architecture"], item["os"], item["layer_count"],
        item["size_bytes"], item["created_at"],
    )


ImageHandles = list[ImageHandle]  # inside of Image, list is another thing


async def _ask(function: str, *arguments: Any, cancels: bool = False) -> Any:
    def job(cancel: int) -> Any:
        result = _native.Text()
        _native.call(function, *([cancel, 0] if cancels else []), *arguments, result)
        return result.take_json()

    return await _native.run(job)


class Image:
    """The images that this MSB_HOME has."""

    @staticmethod
    async def list() -> ImageHandles:
        """All images in the cache, newest first."""
        return [_handle(item) for item in await _ask("msb_image_list")]

    @staticmethod
    async def get(reference: str) -> ImageHandle:
        """An image. ImageNotFoundError if it is not in the cache."""
        return _handle(await _ask("msb_image_inspect", reference.encode()))

    @staticmethod
    async def inspect(reference: str) -> ImageDetail:
        """An image with what it says of its commands and what it consists of. ImageNotFoundError if it is
        not in the cache."""
        item = await _ask("msb_image_inspect", reference.encode())
        return ImageDetail(_handle(item), item["config"], tuple(item["layers"]))

    @staticmethod
    async def pull(
        reference: str,
        pull_policy: PullPolicy | None = None,
        registry_insecure: bool = False,
        registry_ca_certs: str | Path | None = None,
    ) -> ImageHandle:
        """Fetches an image from its registry; ``registry_insecure``: by plain HTTP, ``registry_ca_certs``:
        path of a PEM file with authorities to trust. ImageNotFoundError, ImagePullFailedError."""
        options = _native.encode(
            {
                "pull_policy": pull_policy,
                "insecure": registry_insecure,
                "ca_certs": None if registry_ca_certs is None else str(registry_ca_certs),
            }
        )
        return _handle(await _ask("msb_image_pull", reference.encode(), options, cancels=True))

    @staticmethod
    async def load(path: str | Path, tags: Iterable[str] = ()) -> ImageHandles:
        """Takes images from a docker-archive or OCI-layout tar; ``tags`` are more names of its first image."""
        options = _native.encode({"tags": [*tags]})
        items = await _ask("msb_image_load", str(path).encode(), options, cancels=True)
        return [_handle(item) for item in items]

    @staticmethod
    async def remove(reference: str, force: bool = False) -> None:
        """Deletes an image. ImageInUseError if a sandbox was made from it, unless ``force``."""
        options = _native.encode({"force": force})
        await _native.run(lambda _: _native.call("msb_image_remove", reference.encode(), options))

    @staticmethod
    async def prune() -> int:
        """Deletes what neither a reference nor a sandbox needs; the result is how many bytes that were."""
        return int((await _ask("msb_image_prune"))["bytes_reclaimed"])
