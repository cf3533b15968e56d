use crate::json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// A resource limit: "nofile", "cpu", ...
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rlimit {
    pub resource: String,
    pub soft: u64,
    pub hard: u64,
}

/// A program that is the guest's process 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitConfig {
    pub cmd: String,
    pub args: Vec<String>,
    pub env: BTreeMap<String, String>,
}

/// How a sandbox was made, with what its image says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SandboxConfig {
    pub name: String,
    pub image: String,
    pub manifest_digest: String,
    pub cpus: u32,
    pub max_cpus: u32,
    pub memory_mib: u64,
    pub max_memory_mib: u64,
    pub root_disk_mib: u64,
    pub thp: String,
    pub env: BTreeMap<String, String>,
    pub labels: BTreeMap<String, String>,
    pub scripts: BTreeMap<String, String>,
    pub workdir: String,
    pub user: String,
    pub hostname: String,
    pub shell: String,
    pub entrypoint: Vec<String>,
    pub cmd: Vec<String>,
    pub init: Option<InitConfig>,
    pub security_profile: String,
    pub network: bool,
    pub rlimits: Vec<Rlimit>,
    pub engine: String,
    pub require_isolation: String,
    pub ephemeral: bool,
    pub max_duration: Option<Duration>,
    pub idle_timeout: Option<Duration>,
    pub log_level: String,
}

impl SandboxConfig {
    pub(crate) fn parse(config: &Value) -> SandboxConfig {
        let (resources, runtime) = (config.get("resources"), config.get("runtime"));
        let lifecycle = config.get("lifecycle");
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
            env: pairs(config.get("env")),
            labels: map(config.get("labels")),
            scripts: map(runtime.get("scripts")),
            workdir: runtime.text("workdir"),
            user: runtime.text("user"),
            hostname: runtime.text("hostname"),
            shell: runtime.text("shell"),
            entrypoint: runtime.texts("entrypoint"),
            cmd: runtime.texts("cmd"),
            init: Some(runtime.get("init")).filter(|init| **init != Value::Null).map(|init| InitConfig {
                cmd: init.text("cmd"),
                args: init.texts("args"),
                env: pairs(init.get("env")),
            }),
            security_profile: config.text("security_profile"),
            network: config.get("network").flag("enabled"),
            rlimits: config.get("rlimits").items().iter().map(rlimit).collect(),
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

pub(crate) fn map(object: &Value) -> BTreeMap<String, String> {
    match object {
        Value::Object(members) => {
            members.iter().filter_map(|(key, value)| Some((key.clone(), value.as_text()?.to_owned()))).collect()
        }
        _ => BTreeMap::new(),
    }
}
