"""The TypeScript package."""

from __future__ import annotations

from .description import (
    ABI, CHOICES, ERRORS, FUNCTIONS, NESTED, NOTICE, OPTIONS, camel, members, parameters, pascal, returns,
)

TS_STRUCTS = {
    **{"Native" + pascal(table): [table] for table in NESTED}, "NativeCreateOptions": ["sandbox_create"], "NativeExecOptions": ["exec"], "NativeAttachOptions": ["attach"],
    "NativeSshServerOptions": ["ssh_server"], "NativeMetricsStreamOptions": ["metrics_stream"],
    "NativeListOptions": ["sandbox_list"], "NativePullOptions": ["image_pull"],
    "NativeFsOptions": ["fs_read", "fs_make", "fs_stat", "fs_remove_dir"], "NativeLogOptions": ["logs", "log_stream"],
    "NativeSnapshotOptions": ["snapshot_create", "snapshot_import"], "NativeExportOptions": ["snapshot_export"],
    "NativeModifyOptions": ["sandbox_modify"], "NativeNetworkLogOptions": ["network_log"],
    "NativeVolumeOptions": ["volume_create", "volume_clone"], "NativePruneOptions": ["volume_prune"], "NativePrivateNetworkOptions": ["network_create"], "NativeForkOptions": ["sandbox_fork"],
    "NativeStoragePruneOptions": ["storage_prune"],
}
TS_TYPES = {"text": "string", "flag": "boolean", "texts": "string[]", "map": "Record<string, string>",
            "number": "number", "u32": "number", "u16": "number"}
TS_IN = {"cancel": "Handle", "handle": "Handle", "text": "string", "options": "string", "bytes": "Uint8Array",
         "i64": "number", "i32": "number", "u16": "number"}
TS_OUT = {"text*": "string", "handle*": "Handle", "bytes*": "Bytes"}


def ts_type(option: dict) -> str:
    kind = option["type"]
    if kind == "choice":
        return CHOICES[option["choice"]]["type"]
    if option["name"] == "sources":
        return 'string[] | "all"'
    nested = "Native" + pascal(option.get("table", ""))
    also = {"text": "string | ", "false": "false | "}.get(option.get("also", ""), "")
    many = f"(string | {nested})[]" if also else f"{nested}[]"
    return {"objects": many, "objects_by_path": f"Record<string, {nested}>", "object": also + nested}.get(
        kind, TS_TYPES.get(kind, ""))


def ts_function(function: dict) -> str:
    given, got = [], []
    for kind, nullable, name in parameters(function):
        if kind in TS_OUT:
            got.append(TS_OUT[kind] + (" | null" if nullable else ""))
        else:
            null = {"handle": " | 0"}.get(kind, " | null") if nullable else ""
            given.append(f"{camel(name)}: {TS_IN[kind]}{null}")
    if returns(function) in ("text", "handle"):
        result = {"text": "string", "handle": "Handle"}[returns(function)]
    elif function["call"] == "immediate":
        result = f"Outcome<[{', '.join(got)}]>" if returns(function) == "error" else "void"
    else:
        result = f"Later<[{', '.join(got)}]>" if got else "Later"
    return f"  {function['name']}({', '.join(given)}): {result};"


def ts_union(name: str, doc: str, values: list[dict]) -> list[str]:
    lines = ["", f"/** {doc} */", f"export type {name} ="]
    for value in values:
        lines += [f"  /** {value['doc']} */", f'  | "{value["name"]}"']
    lines[-1] += ";"
    return lines


def ts_tables() -> str:
    lines = [f"// {NOTICE}", "", "/** A number of the library: what is open, or a call that can be cancelled. */",
             "export type Handle = bigint;", "/** Data of the library; null where there is none. */",
             "export type Bytes = Uint8Array | null;", "/** [error, results...] */",
             "export type Outcome<T extends unknown[] = []> = [string | null, ...T];",
             "/** The outcome of a call that blocks. */",
             "export type Later<T extends unknown[] = []> = Promise<Outcome<T>>;", "",
             "/** The functions of the library, under their names without msb_. */", "export interface NativeFunctions {"]
    lines += [ts_function(f) for f in FUNCTIONS if f["call"] in ("cancellable", "blocking", "immediate")]
    lines.append("}")
    lines += ts_union("ErrorKind", "What went wrong: the kinds of the C interface and of this package.", ERRORS)
    lines += ts_union("ExecFailureKind", "Why a command could not start.", ABI["exec_failures"])
    lines += ts_union("ExecEventName", "What an event of a command is, in the C interface.", ABI["exec_events"])
    lines += ts_union("PullEventName", "What a report of a pull is, in the C interface.", ABI["pull_events"])
    for choice in CHOICES.values():
        lines += ts_union(choice["type"], choice["doc"], choice["values"])
    for name, tables in TS_STRUCTS.items():
        doc = OPTIONS["fs" if len(tables) > 2 else tables[-1]]["doc"]
        lines += ["", f"/** {doc} As the C interface has it. */", f"export interface {name} {{"]
        lines += [f"  {option['name']}?: {ts_type(option)} | undefined;" for option in members(*tables)]
        lines.append("}")
    return "\n".join(lines) + "\n"


def node_functions() -> str:
    lists = {
        "cancellable": ("CANCELLABLE", "Block, and take the number that cancels them first."),
        "blocking": ("BLOCKING", "Block, and cannot be ended early."),
        "immediate": ("IMMEDIATE", "Return at once."),
        "internal": ("INTERNAL", "Used by this module itself."),
    }
    lines = ["// clang-format off", f"// {NOTICE}", "// The functions of libmicrosandbox.so by how they are called.",
             "#pragma once"]
    for call, (name, doc) in lists.items():
        lines += ["", f"/// {doc}", f"#define MSB_NODE_{name}(X) \\"]
        lines += [f"    X({function['name']}) \\" for function in FUNCTIONS if function["call"] == call]
        lines[-1] = lines[-1].removesuffix(" \\")
    return "\n".join(lines) + "\n"
