"""The Rust crate."""

from __future__ import annotations

from .c import c_parameters
from .description import ABI, CHOICES, ERRORS, FUNCTIONS, NESTED, NOTICE, members, pascal, returns

RUST_TYPES = {
    "uint64_t": "u64", "int64_t": "i64", "int32_t": "i32", "uint16_t": "u16", "size_t": "usize",
    "const char*": "Str", "const uint8_t*": "*const u8", "char*": "*mut c_char", "uint8_t*": "*mut u8",
    "char**": "Out<*mut c_char>", "uint64_t*": "Out<u64>", "uint8_t**": "Out<*mut u8>", "size_t*": "Out<usize>",
}
RUST_RETURNS = {"error": " -> Failure", "void": "", "text": " -> Str", "handle": " -> u64", "u32": " -> u32"}
RUST_STRUCTS = {
    **{pascal(table) + "Options": [table] for table in NESTED},
    "CreateOptions": ["sandbox_create"], "StartOptions": ["sandbox_start"],
    "ListOptions": ["sandbox_list"], "RemoveOptions": ["remove"], "ExecOptions": ["exec"], "AttachOptions": ["attach"], "SshServerOptions": ["ssh_server"],
    "MetricsStreamOptions": ["metrics_stream"],
    "FsOptions": ["fs_read", "fs_make", "fs_stat", "fs_remove_dir"], "PullOptions": ["image_pull"],
    "LoadOptions": ["image_load"], "LogQuery": ["logs", "log_stream"],
    "SnapshotOptions": ["snapshot_create", "snapshot_import"], "ExportOptions": ["snapshot_export"],
    "ModifyOptions": ["sandbox_modify"], "NetworkLogQuery": ["network_log"],
    "VolumeOptions": ["volume_create", "volume_clone"], "PruneOptions": ["volume_prune"], "PrivateNetworkOptions": ["network_create"], "ForkOptions": ["sandbox_fork"],
    "StoragePruneOptions": ["storage_prune"], "VolumeRemoveOptions": ["volume_fs_remove"],
}
RUST_VALUES = {"text": "String", "flag": "bool", "texts": "Vec<String>", "map": "BTreeMap<String, String>",
               "number": "u64", "u32": "u32", "u16": "u16"}
RUST_NESTED = {tables[0]: name for name, tables in RUST_STRUCTS.items() if len(tables) == 1}


def rust_type(option: dict) -> str:
    kind = option["type"]
    if kind == "choice":
        return CHOICES[option["choice"]]["type"]
    nested = RUST_NESTED.get(option.get("table", ""), "")
    if option.get("also") == "false":
        return f"Switch<{nested}>"
    if kind == "objects" and option.get("also") == "text":
        return f"Vec<Spelled<{nested}>>"
    return {"objects": f"Vec<{nested}>", "objects_by_path": f"BTreeMap<String, {nested}>", "object": nested}.get(
        kind, RUST_VALUES.get(kind, ""))


# Enumerations that the crate also takes as text, from before it had them.
RUST_OPEN = {"thp", "engine", "log_level", "stat_virtualization", "host_permissions", "mount_cache", "network_profile"}


def rust_table(name: str, lines: list[str]) -> list[str]:
    """A macro that gives the table to another one, which makes of it what its module needs."""
    body = [f"            {line}".rstrip() for line in lines]
    return ["", f"macro_rules! {name} {{", "    ($made_by:ident) => {", "        $made_by! {", *body, "        }", "    };",
            "}", f"pub(crate) use {name};"]


def rust_words(values: list[dict], docs: bool = True) -> list[str]:
    lines = []
    for value in values:
        lines += [f"/// {value['doc']}"] * docs
        lines.append(f"\"{value['name']}\" {value.get('rust') or pascal(value['name'])},")
    return lines


def rust_tables() -> str:
    functions = []
    for function in FUNCTIONS:
        listed = ", ".join(RUST_TYPES[type] for type, _ in c_parameters(function))
        functions.append(f"{function['name']}({listed}){RUST_RETURNS[returns(function)]};")
    choices = []
    for name, choice in CHOICES.items():
        choices += [f"/// {choice['doc']}", f"{'open' if name in RUST_OPEN else 'closed'} {choice['type']} {{",
                    *(f"    {line}" for line in rust_words(choice["values"])), "}"]
    events = []
    for name, table in ("ExecEventName", "exec_events"), ("PullEventName", "pull_events"):
        events += [f"{name} {{", *(f"    {line}" for line in rust_words(ABI[table], docs=False)), "}"]
    options = []
    for name, tables in RUST_STRUCTS.items():
        options += [f"{name} {{", *(f"    {o['name']}: {rust_type(o)}," for o in members(*tables)), "}"]
    lines = [f"// {NOTICE}", "//! What the library has, as tables: each is a macro that another one is given to.", "",
             f"pub(crate) const ABI_VERSION: u32 = {ABI['version']};",
             *rust_table("function_table", functions),
             *rust_table("error_table", rust_words([error for error in ERRORS if not error.get("own")])),
             *rust_table("exec_failure_table", rust_words(ABI["exec_failures"])),
             *rust_table("choice_table", choices),
             *rust_table("event_table", events),
             *rust_table("option_table", options)]
    return "\n".join(lines) + "\n"
