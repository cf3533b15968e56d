//! How TLS connections are opened on their way, and which secrets are put into them there.

use crate::choices::*;
use crate::options::*;

/// How TLS connections are opened on their way: [`crate::NetworkBuilder::tls`]. The files, in PEM form, are read at each
/// start. Patterns of hosts are `NAME`, `*.NAME` (that and all below it), an address, or `*`; the closest counts.
#[derive(Debug, Clone)]
pub struct TlsBuilder {
    pub(crate) options: TlsOptions,
}

impl TlsBuilder {
    /// The ports whose connections are opened: 443, if this is not said.
    pub fn intercepted_ports(mut self, ports: impl IntoIterator<Item = u16>) -> Self {
        self.options.intercepted_ports = Some(ports.into_iter().map(|port| port.to_string()).collect());
        self
    }

    /// One more pattern of hosts whose connections stay as they are.
    pub fn bypass(mut self, pattern: impl Into<String>) -> Self {
        push(&mut self.options.bypass, pattern.into());
        self
    }

    /// Whether QUIC, which cannot be opened, is refused on these ports: true, if this is not said.
    pub fn block_quic(mut self, enabled: bool) -> Self {
        self.options.block_quic = Some(enabled);
        self
    }

    /// The certificate of the authority that the guest is to trust; if this is not said, one is made at each start.
    pub fn intercept_ca_cert(mut self, path: impl Into<String>) -> Self {
        self.options.ca_cert = Some(path.into());
        self
    }

    /// The authority's key.
    pub fn intercept_ca_key(mut self, path: impl Into<String>) -> Self {
        self.options.ca_key = Some(path.into());
        self
    }

    /// Whether servers' certificates are checked: true, if this is not said.
    pub fn verify_upstream(mut self, enabled: bool) -> Self {
        self.options.verify_upstream = Some(enabled);
        self
    }

    /// The same for some servers.
    pub fn verify_upstream_for(mut self, pattern: impl Into<String>, enabled: bool) -> Self {
        let scoped = ScopedVerifyOptions { pattern: Some(pattern.into()), verify: Some(enabled) };
        push(&mut self.options.scoped_verify_upstream, scoped);
        self
    }

    /// One more file of authorities that are trusted beside this machine's.
    pub fn upstream_ca_cert(mut self, path: impl Into<String>) -> Self {
        push(&mut self.options.upstream_ca_certs, path.into());
        self
    }

    /// The same for some servers.
    pub fn upstream_ca_cert_for(mut self, pattern: impl Into<String>, path: impl Into<String>) -> Self {
        let scoped = ScopedFileOptions { pattern: Some(pattern.into()), path: Some(path.into()) };
        push(&mut self.options.scoped_upstream_ca_certs, scoped);
        self
    }

    /// What is shown to some servers that ask for a certificate.
    pub fn client_cert_for(
        mut self,
        pattern: impl Into<String>,
        cert: impl Into<String>,
        key: impl Into<String>,
    ) -> Self {
        let client =
            ClientCertOptions { pattern: Some(pattern.into()), cert: Some(cert.into()), key: Some(key.into()) };
        push(&mut self.options.client_certs, client);
        self
    }

    /// One more secret that never enters the guest: commands there see a placeholder in the variable `env`, and
    /// requests to its hosts get the value in its place.
    pub fn secret(mut self, env: impl Into<String>, with: impl FnOnce(SecretBuilder) -> SecretBuilder) -> Self {
        let options = SecretOptions { env: Some(env.into()), ..Default::default() };
        push(&mut self.options.secrets, with(SecretBuilder { options }).options);
        self
    }

    /// What happens when a placeholder is sent to another host than its secret's: it is blocked and logged, if this is
    /// not said.
    pub fn on_secret_violation(mut self, action: ViolationAction) -> Self {
        self.options.secret_violation_action = Some(action);
        self
    }
}

/// A secret: [`TlsBuilder::secret`].
#[derive(Debug, Clone)]
pub struct SecretBuilder {
    pub(crate) options: SecretOptions,
}

impl SecretBuilder {
    /// One more host that gets the value, or a pattern of such: `NAME`, `*.NAME`, an address, or `*`.
    pub fn allow_host(mut self, pattern: impl Into<String>) -> Self {
        push(&mut self.options.hosts, pattern.into());
        self
    }

    /// Where the value comes from at each start: `env:NAME`, `file:PATH` or `exec:COMMAND` of this machine; if this is
    /// not said, the variable of the same name.
    pub fn source(mut self, source: impl Into<String>) -> Self {
        self.options.source = Some(source.into());
        self
    }

    /// What the guest sees: `$MSB_` and the variable's name, if this is not said.
    pub fn placeholder(mut self, placeholder: impl Into<String>) -> Self {
        self.options.placeholder = Some(placeholder.into());
        self
    }

    /// Whether it is replaced in headers and in credentials of Basic authentication: true, if this is not said.
    pub fn inject_headers(mut self, enabled: bool) -> Self {
        self.places().headers = Some(enabled);
        self
    }

    /// One more header in which it is replaced; all, if this is not said.
    pub fn header_field(mut self, name: impl Into<String>) -> Self {
        push(&mut self.places().header_fields, name.into());
        self
    }

    /// Whether it is replaced behind the `?` of a request's target.
    pub fn inject_query(mut self, enabled: bool) -> Self {
        self.places().query = Some(enabled);
        self
    }

    /// Whether it is replaced in bodies.
    pub fn inject_body(mut self, enabled: bool) -> Self {
        self.places().body = Some(enabled);
        self
    }

    /// One more pattern of hosts that may get the placeholder as it is.
    pub fn passthrough(mut self, pattern: impl Into<String>) -> Self {
        push(&mut self.options.passthrough, pattern.into());
        self
    }

    /// One more method of requests that get the value; all, if this is not said.
    pub fn method(mut self, method: impl Into<String>) -> Self {
        push(&mut self.options.methods, method.into());
        self
    }

    /// One more beginning of paths of requests that get the value; all, if this is not said.
    pub fn path(mut self, prefix: impl Into<String>) -> Self {
        push(&mut self.options.paths, prefix.into());
        self
    }

    /// How many requests a minute get the value.
    pub fn per_minute(mut self, requests: u64) -> Self {
        self.options.per_minute = Some(requests);
        self
    }

    /// How many requests get the value in all.
    pub fn total(mut self, requests: u64) -> Self {
        self.options.total = Some(requests);
        self
    }

    /// What happens when the placeholder is sent to another host.
    pub fn on_violation(mut self, action: ViolationAction) -> Self {
        self.options.action = Some(action);
        self
    }

    fn places(&mut self) -> &mut SecretPlacesOptions {
        self.options.substitution.get_or_insert_with(Default::default)
    }
}
