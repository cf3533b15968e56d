//! How a sandbox was made.

use crate::json::{Read, Value};
use std::collections::BTreeMap;
use std::time::Duration;

/// A resource limit: "nofile", "cpu", ...
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rlimit {
    /// The name of setrlimit(2) in lower case.
    pub resource: String,
    /// The limit that holds at first.
    pub soft: u64,
    /// How far it may be raised.
    pub hard: u64,
}

/// A program that is the guest's process 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitConfig {
    /// An absolute path in the guest, or "auto".
    pub cmd: String,
    /// Arguments behind the program's own name.
    pub args: Vec<String>,
    /// Environment over the one it inherits.
    pub env: BTreeMap<String, String>,
}

/// How a sandbox was made, with what its image says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SandboxConfig {
    /// The sandbox's name.
    pub name: String,
    /// The reference of its image; empty: the one that comes with msb.
    pub image: String,
    /// The digest of the image's manifest: "sha256:...".
    pub manifest_digest: String,
    /// Number of virtual processors.
    pub cpus: u32,
    /// How many virtual processors it can be given later.
    pub max_cpus: u32,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// How much memory, in MiB, it can be given later.
    pub max_memory_mib: u64,
    /// Size of the root disk in MiB.
    pub root_disk_mib: u64,
    /// Huge pages for the guest's memory: a word of [`crate::ThpMode`].
    pub thp: String,
    /// Environment of all commands.
    pub env: BTreeMap<String, String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Files on every command's PATH: content by name.
    pub scripts: BTreeMap<String, String>,
    /// Directory in which commands start.
    pub workdir: String,
    /// User of commands.
    pub user: String,
    /// The guest's name.
    pub hostname: String,
    /// The shell that runs scripts.
    pub shell: String,
    /// Words of the sandbox's own command.
    pub entrypoint: Vec<String>,
    /// Words behind the entrypoint.
    pub cmd: Vec<String>,
    /// The guest's process 1, if it is not the agent.
    pub init: Option<InitConfig>,
    /// What the guest's users may do: a word of [`crate::SecurityProfile`].
    pub security_profile: String,
    /// Whether the guest has a network interface.
    pub network: bool,
    /// Limits for all commands.
    pub rlimits: Vec<Rlimit>,
    /// What runs the guest: a word of [`crate::Engine`].
    pub engine: String,
    /// The boundary that was asked for: a word of [`crate::Isolation`].
    pub require_isolation: String,
    /// Whether nothing is kept when it has stopped.
    pub ephemeral: bool,
    /// After which time it is stopped.
    pub max_duration: Option<Duration>,
    /// After which time without activity it is stopped.
    pub idle_timeout: Option<Duration>,
    /// How much its runtime logs: a word of [`crate::LogLevel`].
    pub log_level: String,
}

impl SandboxConfig {
    pub(crate) fn parse(config: &Value) -> SandboxConfig {
        let (resources, runtime) = (&config["resources"], &config["runtime"]);
        let lifecycle = &config["lifecycle"];
        SandboxConfig {
            name: config.text("name"),
            image: config.text("image"),
            manifest_digest: config.text("manifest_digest"),
            cpus: resources.number("cpus").unwrap_or(0),
            max_cpus: resources.number("max_cpus").unwrap_or(0),
            memory_mib: resources.number("memory_mib").unwrap_or(0),
            max_memory_mib: resources.number("max_memory_mib").unwrap_or(0),
            root_disk_mib: resources.number("root_disk_mib").unwrap_or(0),
            thp: resources.text("thp"),
            env: pairs(&config["env"]),
            labels: config["labels"].text_map(),
            scripts: runtime["scripts"].text_map(),
            workdir: runtime.text("workdir"),
            user: runtime.text("user"),
            hostname: runtime.text("hostname"),
            shell: runtime.text("shell"),
            entrypoint: runtime.texts("entrypoint"),
            cmd: runtime.texts("cmd"),
            init: Some(&runtime["init"]).filter(|init| **init != Value::Null).map(|init| InitConfig {
                cmd: init.text("cmd"),
                args: init.texts("args"),
                env: pairs(&init["env"]),
            }),
            security_profile: config.text("security_profile"),
            network: config["network"].flag("enabled"),
            rlimits: config["rlimits"].items().iter().map(rlimit).collect(),
            engine: config.text("engine"),
            require_isolation: config.text("require_isolation"),
            ephemeral: lifecycle.flag("ephemeral"),
            max_duration: seconds(lifecycle, "max_duration_secs"),
            idle_timeout: seconds(lifecycle, "idle_timeout_secs"),
            log_level: runtime.text("log_level"),
        }
    }
}

fn rlimit(limit: &Value) -> Rlimit {
    Rlimit {
        resource: limit.text("resource"),
        soft: limit.number("soft").unwrap_or(0),
        hard: limit.number("hard").unwrap_or(0),
    }
}

/// 0 is no limit.
fn seconds(value: &Value, key: &str) -> Option<Duration> {
    value.number(key).filter(|seconds| *seconds > 0).map(Duration::from_secs)
}

fn pairs(list: &Value) -> BTreeMap<String, String> {
    list.items().iter().map(|pair| (pair.text("key"), pair.text("value"))).collect()
}
