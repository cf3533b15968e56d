//! Networks that sandboxes reach each other by.

use crate::call::{invoke, invoke_json, Argument, Call};
#[cfg(doc)]
use crate::error::Error;
use crate::json::{Read, Value};
use crate::options::PrivateNetworkOptions;

/// A private network, as it was when it was looked up. `NetworkBuilder::network` joins one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PrivateNetwork {
    /// What it is known by.
    pub name: String,
    /// The IPv4 addresses of its members.
    pub subnet: String,
    /// Who is in it, by address.
    pub members: Vec<PrivateNetworkMember>,
    /// As RFC 3339 has it.
    pub created_at: String,
}

/// A sandbox that is in a private network.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PrivateNetworkMember {
    /// Its name.
    pub sandbox: String,
    /// Its IPv4 address there.
    pub address: String,
    /// Its IPv6 address there.
    pub address_v6: String,
    /// As of the sandbox.
    pub status: String,
    /// The others reach it.
    pub joined: bool,
}

impl PrivateNetworkMember {
    fn of(member: &Value) -> PrivateNetworkMember {
        PrivateNetworkMember {
            sandbox: member.text("sandbox"),
            address: member.text("address"),
            address_v6: member.text("address_v6"),
            status: member.text("status"),
            joined: member.flag("joined"),
        }
    }
}

/// A private network that is to be made.
#[derive(Debug, Clone)]
pub struct PrivateNetworkBuilder {
    name: String,
    options: PrivateNetworkOptions,
}

impl PrivateNetworkBuilder {
    /// An IPv4 prefix of 24 to 29 bits; one is chosen if this is not said.
    pub fn subnet(mut self, prefix: impl Into<String>) -> Self {
        self.options.subnet = Some(prefix.into());
        self
    }

    /// Makes it. Fails with [`Error::NetworkAlreadyExists`].
    pub fn create(self) -> Call<PrivateNetwork> {
        Call::short(move || {
            let (name, options) = (Argument::text("name", &self.name)?, Argument::options(&self.options)?);
            // SAFETY: the pointers are valid during the call.
            let network = invoke_json(|library, result| unsafe {
                (library.network_create)(name.pointer(), options.pointer(), result)
            })?;
            Ok(PrivateNetwork::of(&network))
        })
    }
}

impl PrivateNetwork {
    fn of(network: &Value) -> PrivateNetwork {
        PrivateNetwork {
            name: network.text("name"),
            subnet: network.text("subnet"),
            members: network["members"].items().iter().map(PrivateNetworkMember::of).collect(),
            created_at: network.text("created_at"),
        }
    }

    /// A network that is to be made.
    pub fn builder(name: impl Into<String>) -> PrivateNetworkBuilder {
        PrivateNetworkBuilder { name: name.into(), options: PrivateNetworkOptions::default() }
    }

    /// A network. A member that lost its place because a process was killed is given it back.
    /// [`Error::NetworkNotFound`].
    pub fn get(name: &str) -> Call<PrivateNetwork> {
        let name = name.to_owned();
        Call::short(move || {
            let name = Argument::text("name", &name)?;
            // SAFETY: the pointers are valid during the call.
            let network = invoke_json(|library, result| unsafe { (library.network_get)(name.pointer(), result) })?;
            Ok(PrivateNetwork::of(&network))
        })
    }

    /// All networks, by name.
    pub fn list() -> Call<Vec<PrivateNetwork>> {
        Call::short(|| {
            // SAFETY: the pointer is valid during the call.
            let networks = invoke_json(|library, result| unsafe { (library.network_list)(result) })?;
            Ok(networks.items().iter().map(PrivateNetwork::of).collect())
        })
    }

    /// Removes a network that no sandbox is in. [`Error::NetworkNotFound`], [`Error::NetworkInUse`].
    pub fn remove(name: &str) -> Call<()> {
        let name = name.to_owned();
        Call::short(move || {
            let name = Argument::text("name", &name)?;
            // SAFETY: the pointer is valid during the call.
            invoke(|library| unsafe { (library.network_remove)(name.pointer()) })
        })
    }

    /// Removes the networks that no sandbox is in, not even one that is stopped: their names.
    pub fn prune() -> Call<Vec<String>> {
        Call::short(|| {
            // SAFETY: the pointer is valid during the call.
            let names = invoke_json(|library, result| unsafe { (library.network_prune)(result) })?;
            Ok(names.items().iter().filter_map(|name| name.as_str().map(str::to_owned)).collect())
        })
    }
}
