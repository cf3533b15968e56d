"""options.py ABI: the library's options are those that the description has."""

import ctypes
import json
import sys

from microsandbox import MicrosandboxError, _native

ABI = json.load(open(sys.argv[1]))
TABLES = ABI["options"]
VALUES = {"text": "x", "texts": ["x"], "flag": True, "map": {"x": "x"}, "number": 1, "u32": 1, "u16": 1}
# Texts that have a grammar of their own.
TEXTS = {"resource": "nofile", "cursor": '[1,"x"]', "from_cursor": None, "profiles": ["public"], "rules": ["allow@any"],
         "sources": ["stdout"], "root_disk": "tmpfs:64M",
         "nameservers": ["9.9.9.9"], "mac": "02:00:00:00:00:01", "mtu": 1500, "proxy": "env", "ipv4": "10.0.0.2", "ipv6": "fd00::2",
         "intercepted_ports": ["443"], "source": "env:HOME", "paths": ["/x"],
         "ipv4_pool": "10.0.0.0/8", "ipv6_pool": "fd00::/48"}
# What a mount cannot have beside a directory of the host.
OTHER_MOUNTS = {"named", "named_mode", "owned", "tmpfs", "disk", "kind", "size_mib", "labels", "format", "fstype"}


def example(option: dict) -> object:
    """A value that the description allows."""
    if option["name"] in TEXTS:
        return TEXTS[option["name"]]
    if option["type"] in VALUES:
        return VALUES[option["type"]]
    if option["type"] == "choice":
        return ABI["choices"][option["choice"]]["values"][0]["name"]
    left_out = OTHER_MOUNTS if option["table"] == "mount" else set()
    nested = {member["name"]: example(member) for member in TABLES[option["table"]]["members"]
              if member["name"] not in left_out}
    return {"objects": [nested], "objects_by_path": {"/x": nested}, "object": nested}[option["type"]]


def call(function: dict, options: dict) -> str:
    """The kind of error that the call fails with: its handles and names are none."""
    arguments = []
    for kind, *_ in (text.split() for text in function["parameters"]):
        kind = kind.rstrip("?")
        if kind in ("text*", "handle*"):
            arguments.append(_native.Text() if kind == "text*" else ctypes.byref(ctypes.c_uint64()))
        elif kind == "bytes*":
            out = _native.Bytes()
            arguments += [out.data, out.size]
        elif kind == "bytes":
            arguments += [b"", 0]
        else:
            arguments.append({"options": json.dumps(options).encode(), "text": b"no/such"}.get(kind, 0))
    try:
        _native.call("msb_" + function["name"], *arguments)
    except MicrosandboxError as error:
        return error.details.get("kind", "")
    return ""


problems = []


def check(function: dict, options: dict, refused: bool) -> None:
    kind = call(function, options)
    if (kind == "invalid_argument") != refused:
        problems.append(f"{function['name']} {json.dumps(options)}: {kind or 'succeeded'}")


# Those that read their options before they look for the sandbox or the image that there is not.
FUNCTIONS = [f for s in ABI["sections"] for f in s["functions"] if f["name"] in (
    "sandbox_create", "sandbox_list", "sandbox_logs", "log_stream_open", "image_pull", "image_load")]
for function in FUNCTIONS:
    check(function, {"no_such_option": 1}, True)
    for option in TABLES[function["options"]]["members"]:
        check(function, {option["name"]: example(option)}, False)
        check(function, {option["name"]: 1.5}, True)
        if option["type"] == "choice":
            for value in ABI["choices"][option["choice"]]["values"]:
                check(function, {option["name"]: value["name"]}, False)
            check(function, {option["name"]: "no_such_word"}, True)
if problems:
    sys.exit("\n".join(problems))
