"""Keyword arguments as the options of the library."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Any

from . import _native
from ._tables import ATTACH_OPTIONS, CREATE_OPTIONS, EXEC_OPTIONS, SSH_SERVER_OPTIONS, STREAM_OPTIONS
from .types import InitConfig, Patch, PortBinding, Stdin


def _init(init: Any) -> Any:
    """"auto" or a path, InitConfig, {"cmd", "args", "env"}, or (cmd, args, env)."""
    if isinstance(init, str):
        return init
    if isinstance(init, tuple):
        init = InitConfig(*init)
    if isinstance(init, InitConfig):
        return {"cmd": init.cmd, "args": list(init.args), "env": dict(init.env)}
    return {**init, "args": list(init.get("args") or []), "env": dict(init.get("env") or {})}


def _words(words: Iterable[str]) -> list[str]:
    if isinstance(words, str):
        raise TypeError("a list of words is wanted, not one text")
    return list(words)


def _ports(ports: Mapping[int, int] | Iterable[PortBinding]) -> list[dict[str, Any]]:
    if isinstance(ports, Mapping):
        ports = [PortBinding(host, guest) for host, guest in ports.items()]
    return [asdict(port) for port in ports]


def _given(item: Any) -> dict[str, Any]:
    return {key: value for key, value in asdict(item).items() if value is not None}


def _patches(patches: Iterable[Patch | Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [_given(patch) if isinstance(patch, Patch) else dict(patch) for patch in patches]


# By the type that the tables have for an option. Other values are as JSON has them.
_CONVERSIONS: dict[str, Callable[[Any], Any]] = {
    "text": str,
    "texts": _words,
    "map": dict,
    "seconds": lambda value: -(-_native.decode_milliseconds(value) // 1000),
    "milliseconds": _native.decode_milliseconds,
    "init": _init,
    "mount": lambda mounts: {path: _given(mount) for path, mount in mounts.items()},
    "patch": _patches,
    "port": _ports,
    "network": lambda network: network.to_json(),
    "rlimit": lambda limits: [limit.to_json() for limit in limits],
}


def _convert(
    function: str, table: dict[str, tuple[str, str]], given: Mapping[str, Any]
) -> dict[str, Any]:
    options = {}
    for keyword, value in given.items():
        if keyword not in table:
            raise TypeError(f"{function}() got an unexpected keyword argument {keyword!r}")
        name, kind = table[keyword]
        if value is not None:
            options[name] = _CONVERSIONS.get(kind, lambda value: value)(value)
    return options


def create_options(function: str, given: Mapping[str, Any]) -> bytes:
    """Of Sandbox.create()."""
    rest = dict(given)
    disable_network = rest.pop("disable_network", False)
    options = _convert(function, CREATE_OPTIONS, rest)
    if disable_network:
        options["network"] = False
    return _native.encode(options)


def _words_and_rest(
    args: Iterable[str] | Mapping[str, Any] | None, given: Mapping[str, Any]
) -> tuple[Iterable[str] | None, dict[str, Any]]:
    if isinstance(args, Mapping):
        given = {**given, **args}
        args = None
    rest = dict(given)
    return (rest.pop("args", None) if args is None else args), rest


def attach_options(
    function: str,
    args: Iterable[str] | Mapping[str, Any] | None,
    given: Mapping[str, Any],
    *,
    shell: bool = False,
) -> bytes:
    """Of a command with our terminal. `args` may also be all options in one, `args` among them."""
    args, rest = _words_and_rest(args, given)
    options = _convert(function, ATTACH_OPTIONS, rest)
    if args is not None:
        options["args"] = _words(args)
    if shell:
        options["shell"] = True
    return _native.encode(options)


def ssh_server_options(function: str, given: Mapping[str, Any]) -> bytes:
    """Of an SSH server."""
    return _native.encode(_convert(function, SSH_SERVER_OPTIONS, given))


def exec_options(
    function: str,
    args: Iterable[str] | Mapping[str, Any] | None,
    given: Mapping[str, Any],
    *,
    shell: bool = False,
    streams: bool = False,
) -> tuple[bytes, Stdin]:
    """Of a command, and its input. `args` may also be all options in one, `args` among them."""
    args, rest = _words_and_rest(args, given)
    stdin = rest.pop("stdin", None) or Stdin.null()
    if isinstance(stdin, (bytes, bytearray)):
        stdin = Stdin.bytes(bytes(stdin))
    options = _convert(function, STREAM_OPTIONS if streams else EXEC_OPTIONS, rest)
    if args is not None:
        options["args"] = _words(args)
    if shell:
        options["shell"] = True
    if streams:
        options["stdin"] = stdin.is_pipe
    elif stdin.is_pipe:
        raise ValueError(f"a pipe needs a stream; give {function}() the bytes")
    return _native.encode(options), stdin
