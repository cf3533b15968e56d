"""The C interface, and how its blocking calls become awaitable.

Each call runs in a thread of its own while it blocks. Cancelling the task triggers the call's cancel
number, waits until the call has returned, and undoes what it has made.
"""

from __future__ import annotations

import asyncio
import ctypes
import ctypes.util
import json
import os
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from . import errors

T = TypeVar("T")

_u64 = ctypes.c_uint64
_i64 = ctypes.c_int64
_size = ctypes.c_size_t
_data = ctypes.c_char_p  # its length is another argument
_bytes_out = ctypes.POINTER(ctypes.c_void_p)
_text_out = ctypes.POINTER(ctypes.c_void_p)
_size_out = ctypes.POINTER(_size)
_u64_out = ctypes.POINTER(_u64)


class _text(ctypes.c_char_p):  # noqa: N801: used as the types above
    """Ends at a NUL: ``call`` refuses text that has one."""


# Arguments of the functions that return an error. Those whose name is in _CANCELLABLE take a cancel
# number first, which is left out here.
_SIGNATURES: dict[str, list[Any]] = {
    "msb_progress_next": [_u64, _text_out],
    "msb_sandbox_create": [_u64, _text, _text, _text_out],
    "msb_sandbox_start": [_text, _text, _text_out],
    "msb_sandbox_connect": [_text, _i64, _text_out],
    "msb_sandbox_info": [_u64, _text_out],
    "msb_sandbox_detach": [_u64],
    "msb_sandbox_close": [_u64],
    "msb_sandbox_get": [_text, _text_out],
    "msb_sandbox_list": [_text, _text_out],
    "msb_sandbox_remove": [_text, _text],
    "msb_sandbox_stop": [_text, _i64],
    "msb_sandbox_kill": [_text, _i64],
    "msb_sandbox_drain": [_text],
    "msb_sandbox_request_stop": [_text, _i64],
    "msb_sandbox_request_kill": [_text],
    "msb_sandbox_request_drain": [_text],
    "msb_sandbox_wait_until_stopped": [_u64, _text, _i64, _text_out],
    "msb_sandbox_ping": [_text, _text_out],
    "msb_sandbox_touch": [_text, _text_out],
    "msb_agent_socket_path": [_text, _text_out],
    "msb_sandbox_exec": [
        _u64, _text, _text, _data, _size, _text_out, _bytes_out, _size_out, _bytes_out, _size_out,
    ],
    "msb_sandbox_exec_stream": [_u64, _text, _text, _data, _size, _u64_out],
    "msb_exec_recv": [_u64, _text_out, _bytes_out, _size_out],
    "msb_exec_stdin_write": [_u64, _data, _size],
    "msb_exec_stdin_close": [_u64],
    "msb_exec_signal": [_u64, ctypes.c_int32],
    "msb_exec_resize": [_u64, ctypes.c_uint16, ctypes.c_uint16],
    "msb_exec_collect": [_u64, _text, _text_out, _bytes_out, _size_out, _bytes_out, _size_out],
    "msb_fs_read": [_u64, _text, _text, _bytes_out, _size_out],
    "msb_fs_write": [_u64, _text, _text, _data, _size],
    "msb_fs_stat": [_u64, _text, _text, _text_out],
    "msb_fs_list": [_u64, _text, _text, _text_out],
    "msb_fs_exists": [_u64, _text, _text, _text_out],
    "msb_fs_mkdir": [_u64, _text, _text],
    "msb_fs_remove": [_u64, _text, _text],
    "msb_fs_remove_dir": [_u64, _text, _text],
    "msb_fs_copy": [_u64, _text, _text, _text],
    "msb_fs_rename": [_u64, _text, _text, _text],
    "msb_fs_copy_from_host": [_u64, _text, _text, _text],
    "msb_fs_copy_to_host": [_u64, _text, _text, _text],
    "msb_fs_read_stream": [_u64, _text, _text, _u64_out],
    "msb_fs_read_stream_recv": [_u64, _bytes_out, _size_out],
    "msb_fs_write_stream": [_u64, _text, _text, _u64_out],
    "msb_fs_write_stream_write": [_u64, _data, _size],
    "msb_fs_write_stream_finish": [_u64],
    "msb_image_list": [_text_out],
    "msb_image_inspect": [_text, _text_out],
    "msb_image_pull": [_u64, _text, _text, _text_out],
    "msb_image_load": [_u64, _text, _text, _text_out],
    "msb_image_remove": [_text, _text],
    "msb_image_prune": [_text_out],
    "msb_sandbox_logs": [_text, _text, _text_out, _bytes_out, _size_out],
    "msb_log_stream_open": [_text, _text, _u64_out],
    "msb_log_stream_recv": [_u64, _text_out, _bytes_out, _size_out],
}
_CANCELLABLE = {
    *(name for name in _SIGNATURES if name.startswith("msb_fs_")),
    "msb_image_pull", "msb_image_load",
    "msb_progress_next", "msb_sandbox_create", "msb_sandbox_start", "msb_sandbox_connect",
    "msb_sandbox_close", "msb_sandbox_stop", "msb_sandbox_kill", "msb_sandbox_drain",
    "msb_sandbox_wait_until_stopped", "msb_sandbox_ping", "msb_sandbox_touch", "msb_sandbox_exec",
    "msb_sandbox_exec_stream", "msb_exec_recv", "msb_exec_stdin_write", "msb_exec_stdin_close",
    "msb_exec_signal", "msb_exec_resize", "msb_exec_collect", "msb_log_stream_recv",
}
_ABI_VERSION = 1


def _candidates() -> list[str]:
    """Where the library may be; the first that exists is taken."""
    chosen = os.environ.get("MICROSANDBOX_LIBRARY")
    if chosen:
        return [chosen]
    package = Path(__file__).resolve().parent
    found = [package / "_bundled" / "lib" / "libmicrosandbox.so"]
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
            if version != _ABI_VERSION:
                raise OSError(f"{path}: interface {version}, wanted {_ABI_VERSION}")
            _declare(library)
            return library
        except (OSError, AttributeError) as error:
            problems.append(str(error))
    raise errors.LibraryNotLoadedError(
        "libmicrosandbox.so cannot be loaded: " + "; ".join(problems),
        {"kind": "library_not_loaded", "hint": "install microsandbox, or set MICROSANDBOX_LIBRARY"},
    )


def _declare(library: ctypes.CDLL) -> None:
    for name, arguments in _SIGNATURES.items():
        function = getattr(library, name)
        function.argtypes = ([_u64] if name in _CANCELLABLE else []) + arguments
        function.restype = ctypes.c_void_p  # freed by us
    for name, arguments, result in (
        ("msb_version", [], ctypes.c_char_p),
        ("msb_free_string", [ctypes.c_void_p], None),
        ("msb_free_bytes", [ctypes.c_void_p], None),
        ("msb_set_sdk_msb_path", [_text], None),
        ("msb_cancel_alloc", [], _u64),
        ("msb_cancel_trigger", [_u64], None),
        ("msb_cancel_unregister", [_u64], None),
        ("msb_progress_alloc", [], _u64),
        ("msb_progress_free", [_u64], None),
        ("msb_sandbox_release", [_u64], None),
        ("msb_exec_close", [_u64], None),
        ("msb_fs_stream_close", [_u64], None),
        ("msb_log_stream_close", [_u64], None),
    ):
        function = getattr(library, name)
        function.argtypes = arguments
        function.restype = result
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
                continue  # somebody counts on this thread: his job comes
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
        self._size = _size()
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
