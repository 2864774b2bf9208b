//! What can be configured: the section `[analytics]`.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use service::Secret;

/// The settings of the analytics server.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Address of the API, its own origin.
    pub listen: SocketAddr,
    /// Scheme, host and port under which clients reach it; null means the
    /// address that is listened on.
    pub origin: Option<String>,
    /// Directory of the project: its datafiles, fixtures and tests.
    pub project: PathBuf,
    /// Reload the project when its files change; while they are wrong, the last
    /// good state is served.
    pub watch: bool,
    /// Origins whose pages may call the API, such as `https://app.example`;
    /// `*` allows every origin, which is safe because no cookie is involved.
    pub cors_origins: Vec<String>,
    /// Answer `GET /tokens` to callers on this machine with the workspace's
    /// tokens, as Tinybird Local does, so that its command line finds its way.
    pub local_bootstrap: bool,
    /// Hosts from which imports fetch files by their address (`url=`), such as
    /// `files.example` or `files.example:8443`; without any, none are fetched.
    pub import_hosts: Vec<String>,
    /// Let tokens with the scope ADMIN or WORKSPACE:DEPLOY replace the
    /// datafiles of the project's directory over HTTP.
    pub deploy: bool,
    /// What one query may take.
    pub query: QuerySettings,
    /// How many requests are answered.
    pub limits: LimitSettings,
    /// The engine.
    pub engine: EngineSettings,
    /// Secrets of the project's templates (`tb_secret`), by name. Secrets set
    /// through the API come before them.
    pub secrets: std::collections::BTreeMap<String, Secret>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 7181)),
            origin: None,
            project: PathBuf::from("demo"),
            watch: false,
            cors_origins: vec!["http://localhost:3000".to_owned()],
            local_bootstrap: false,
            import_hosts: Vec::new(),
            deploy: false,
            query: QuerySettings::default(),
            limits: LimitSettings::default(),
            engine: EngineSettings::default(),
            secrets: std::collections::BTreeMap::new(),
        }
    }
}

impl Settings {
    /// Where clients reach the API: scheme, host and port.
    #[must_use]
    pub fn origin(&self) -> String {
        let origin = self
            .origin
            .as_deref()
            .map(|origin| origin.trim_end_matches('/'));
        origin.map_or_else(|| format!("http://{}", self.listen), str::to_owned)
    }
}

/// What one query may take.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QuerySettings {
    /// Seconds from the request to the answer, waiting included.
    pub deadline_seconds: u64,
    /// Bytes of memory.
    pub memory_bytes: u64,
    /// Bytes of the result, before it is formatted and after.
    pub result_bytes: u64,
    /// Threads; null leaves it to the engine.
    pub max_threads: Option<u32>,
}

impl Default for QuerySettings {
    fn default() -> Self {
        Self {
            deadline_seconds: 10,
            memory_bytes: 2 * 1024 * 1024 * 1024,
            result_bytes: 100 * 1024 * 1024,
            max_threads: None,
        }
    }
}

/// How many requests are answered. A token's own limit comes with the token.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitSettings {
    /// Requests per second over the whole workspace; null is no limit.
    pub workspace_rps: Option<u32>,
    /// Requests per second for each endpoint whose pipe has no `TAGS "rps=…"`;
    /// null is no limit.
    pub endpoint_rps: Option<u32>,
    /// Rate limits that are remembered at once.
    pub max_buckets: u64,
    /// Bytes of one request to the Events API, after decompression.
    pub event_bytes: usize,
    /// Bytes of one file that is appended, after decompression.
    pub file_bytes: usize,
    /// Memory for tokens that were found good, in bytes of their text.
    pub token_cache_bytes: u64,
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self {
            workspace_rps: None,
            endpoint_rps: None,
            max_buckets: 100_000,
            event_bytes: 10 * 1024 * 1024,
            file_bytes: 100 * 1024 * 1024,
            token_cache_bytes: 32 * 1024 * 1024,
        }
    }
}

/// The engine: a child process of ours, or a server of somebody's own.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EngineSettings {
    /// The program that is started as the engine, with the argument `engine`;
    /// null means this one.
    pub program: Option<PathBuf>,
    /// The library `libchdb.so`; null means the one that `cargo xtask fetch`
    /// puts into the user's cache.
    pub library: Option<PathBuf>,
    /// Connections, which is also how many queries run at once; null means two
    /// for each core.
    pub connections: Option<usize>,
    /// Queries that may wait for a connection; more are refused.
    pub queue: usize,
    /// Seconds a query may go on past its deadline, though it was told to
    /// stop, before the engine is ended for it and started again.
    pub grace_seconds: u64,
    /// Bytes of memory above which the engine is ended and started again; null
    /// means three quarters of the machine.
    pub memory_bytes: Option<u64>,
    /// A ClickHouse server to be used instead of the embedded engine:
    /// `http://host:8123` or `https://host:8443`.
    pub url: Option<String>,
    /// The user at the server.
    pub user: String,
    /// The user's password.
    pub password: Option<Secret>,
    /// Certificates, in PEM, that the server's is believed by, beside the
    /// system's.
    pub ca_file: Option<PathBuf>,
}

impl Default for EngineSettings {
    fn default() -> Self {
        Self {
            program: None,
            library: None,
            connections: None,
            queue: 1024,
            grace_seconds: 5,
            memory_bytes: None,
            url: None,
            user: "default".to_owned(),
            password: None,
            ca_file: None,
        }
    }
}
