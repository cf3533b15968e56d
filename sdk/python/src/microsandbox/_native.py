"""The C interface, and how its blocking calls become awaitable.

Each call has a thread while it blocks. Cancelling the task triggers the call's cancel
number, waits until the call has returned, and undoes what it has made.
"""

from __future__ import annotations

import asyncio
import ctypes
import ctypes.util
import json
import os
import shutil
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from . import errors
from ._tables import ABI_VERSION, FUNCTIONS

T = TypeVar("T")


class _text(ctypes.c_char_p):  # noqa: N801: used as ctypes' own types
    """Ends at a NUL: ``call`` refuses text that has one."""


_POINTER = ctypes.POINTER(ctypes.c_void_p)
# What the tables of functions name.
_TYPES: dict[str, Any] = {
    "cancel": ctypes.c_uint64,
    "handle": ctypes.c_uint64,
    "text": _text,
    "options": _text,
    "bytes": ctypes.c_char_p,  # its length is the next argument
    "size": ctypes.c_size_t,
    "i64": ctypes.c_int64,
    "i32": ctypes.c_int32,
    "u16": ctypes.c_uint16,
    "text*": _POINTER,
    "bytes*": _POINTER,
    "size*": ctypes.POINTER(ctypes.c_size_t),
    "handle*": ctypes.POINTER(ctypes.c_uint64),
    "own_text": ctypes.c_void_p,
    "own_bytes": ctypes.c_void_p,
}
_RESULTS: dict[str, Any] = {
    "error": ctypes.c_void_p,  # freed by us
    "void": None,
    "text": ctypes.c_char_p,
    "handle": ctypes.c_uint64,
    "u32": ctypes.c_uint32,
}


def _candidates() -> list[str]:
    """Where the library may be; the first that exists is taken."""
    chosen = os.environ.get("MICROSANDBOX_LIBRARY")
    if chosen:
        return [chosen]
    package = Path(__file__).resolve().parent
    found = [package / "_bundled" / "lib" / "libmicrosandbox.so"]
    # Beside the msb that a user would get, wherever its links lead.
    msb = os.environ.get("MSB_PATH") or shutil.which("msb")
    if msb:
        found.append(Path(msb).resolve().parent.parent / "lib" / "libmicrosandbox.so")
    # A build tree: sdk/python/src/microsandbox in the source tree.
    if len(package.parents) > 3:
        found.append(package.parents[3] / "build" / "lib" / "libmicrosandbox.so")
    paths = [str(path) for path in found if path.exists()]
    system = ctypes.util.find_library("microsandbox")
    return paths + ([system] if system else []) + ["libmicrosandbox.so.1"]


def _load() -> ctypes.CDLL:
    problems = []
    for path in _candidates():
        try:
            library = ctypes.CDLL(path)
            library.msb_abi_version.restype = ctypes.c_uint32
            version = library.msb_abi_version()
            if version != ABI_VERSION:
                raise OSError(f"{path}: interface {version}, wanted {ABI_VERSION}")
            _declare(library)
            return library
        except (OSError, AttributeError) as error:
            problems.append(str(error))
    raise errors.LibraryNotLoadedError(
        "libmicrosandbox.so cannot be loaded: " + "; ".join(problems),
        {"kind": "library_not_loaded", "hint": "install microsandbox, or set MICROSANDBOX_LIBRARY"},
    )


def _declare(library: ctypes.CDLL) -> None:
    for name, (result, parameters) in FUNCTIONS.items():
        function = getattr(library, name)
        function.argtypes = [_TYPES[kind] for kind in parameters]
        function.restype = _RESULTS[result]
    bundled = Path(__file__).resolve().parent / "_bundled" / "bin" / "msb"
    if bundled.exists():
        library.msb_set_sdk_msb_path(os.fsencode(bundled))


_library: ctypes.CDLL | None = None
_library_lock = threading.Lock()


def library() -> ctypes.CDLL:
    """Loaded when it is first needed, so that importing the package always works."""
    global _library
    if _library is None:
        with _library_lock:
            if _library is None:
                _library = _load()
    return _library


# ---- threads -------------------------------------------------------------------------------------


class _Threads:
    """As many threads as calls block at the same time. They are daemons: a call that blocks does not
    keep the interpreter from ending."""

    _IDLE_SECONDS = 10.0

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._idle = 0

    def submit(self, job: Callable[[], T]) -> Future[T]:
        future: Future[T] = Future()
        with self._lock:
            spare = self._idle > 0
            if spare:
                self._idle -= 1
        self._jobs.put((future, job))
        if not spare:
            threading.Thread(target=self._work, name="microsandbox", daemon=True).start()
        return future

    def _work(self) -> None:
        while True:
            try:
                future, job = self._jobs.get(timeout=self._IDLE_SECONDS)
            except queue.Empty:
                with self._lock:
                    if self._idle > 0:
                        self._idle -= 1
                        return
                continue  # a job that counts on this thread is about to come
            try:
                future.set_result(job())
            except BaseException as error:  # noqa: BLE001: it is the caller's
                future.set_exception(error)
            del future, job  # an idle thread keeps nothing alive
            with self._lock:
                self._idle += 1


_threads = _Threads()


def _after_fork() -> None:
    global _threads, _library_lock
    _threads = _Threads()
    _library_lock = threading.Lock()


os.register_at_fork(after_in_child=_after_fork)


# ---- calls ---------------------------------------------------------------------------------------


def encode(options: dict[str, Any]) -> bytes:
    """Options without those that were not given."""
    return json.dumps({key: value for key, value in options.items() if value is not None}).encode()


class Text:
    """An out parameter that receives text."""

    def __init__(self) -> None:
        self._pointer = ctypes.c_void_p()

    @property
    def _as_parameter_(self) -> Any:
        return ctypes.byref(self._pointer)

    def take(self) -> bytes | None:
        pointer, self._pointer.value = self._pointer.value, None
        if not pointer:
            return None
        try:
            return ctypes.string_at(pointer)
        finally:
            library().msb_free_string(pointer)

    def take_json(self) -> Any:
        text = self.take()
        return None if text is None else json.loads(text)


class Bytes:
    """Two out parameters that receive bytes: ``data`` and ``size``."""

    def __init__(self) -> None:
        self._pointer = ctypes.c_void_p()
        self._size = ctypes.c_size_t()
        self.data = ctypes.byref(self._pointer)
        self.size = ctypes.byref(self._size)

    def take(self) -> bytes:
        pointer, self._pointer.value = self._pointer.value, None
        if not pointer:
            return b""
        try:
            return ctypes.string_at(pointer, self._size.value)
        finally:
            library().msb_free_bytes(pointer)


def call(name: str, *arguments: Any) -> None:
    """Calls a function that returns an error, which is raised."""
    native = library()
    function = getattr(native, name)
    for kind, argument in zip(function.argtypes, arguments):
        if kind is _text and argument is not None and b"\0" in argument:
            raise errors.InvalidArgumentError(
                f"text with a NUL byte: {argument!r}", {"kind": "invalid_argument"}
            )
    error = function(*arguments)
    if error:
        try:
            raise errors.from_json(ctypes.string_at(error))
        finally:
            native.msb_free_string(error)


async def run(job: Callable[[int], T], undo: Callable[[T], None] | None = None) -> T:
    """Runs ``job(cancel)`` in a thread. ``undo`` gets its result if nobody else does."""
    native = library()
    cancel = native.msb_cancel_alloc()

    def work() -> T:
        try:
            return job(cancel)
        finally:
            native.msb_cancel_unregister(cancel)  # if the job did not use it

    future = asyncio.wrap_future(_threads.submit(work))
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        native.msb_cancel_trigger(cancel)
        while not future.done():
            try:
                await asyncio.wait([future])
            except asyncio.CancelledError:
                continue
        if future.exception() is None and undo is not None:
            await asyncio.shield(asyncio.wrap_future(_threads.submit(lambda: undo(future.result()))))
        raise


def decode_milliseconds(seconds: float | None, otherwise: int = -1) -> int:
    """Seconds as whole milliseconds, rounded up; ``None`` as ``otherwise``."""
    if seconds is None:
        return otherwise
    if seconds < 0:
        raise ValueError("a time must not be negative")
    return int(-(-seconds * 1000 // 1))


async def ask(function: str, *arguments: Any, cancels: bool = False) -> Any:
    """A call whose result is JSON; ``cancels``: one that can be cancelled."""

    def job(cancel: int) -> Any:
        result = Text()
        call(function, *([cancel] if cancels else []), *arguments, result)
        return result.take_json()

    return await run(job)
