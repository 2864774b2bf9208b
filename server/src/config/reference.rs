//! Every key of the configuration with its meaning: the one source of the
//! flags' help, the names of variables and docs/configuration.md. A test holds
//! it to the typed tree.

use std::fmt::Write;

use serde_json::Value;

use super::Config;

/// One key.
#[derive(Debug)]
pub(crate) struct Setting {
    /// Its path in the file: `web.listen`.
    pub(crate) key: &'static str,
    /// What its value is.
    pub(crate) kind: Kind,
    /// What it does, in a sentence.
    pub(crate) help: &'static str,
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    Text,
    Number,
    Boolean,
    List,
    /// A table of the file; it has no flag and no variable.
    Table,
}

impl Kind {
    pub(crate) fn description(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "a whole number",
            Self::Boolean => "true or false",
            Self::List => "a comma-separated list",
            Self::Table => "a table of the file",
        }
    }
}

const fn text(key: &'static str, help: &'static str) -> Setting {
    Setting {
        key,
        kind: Kind::Text,
        help,
    }
}

const fn number(key: &'static str, help: &'static str) -> Setting {
    Setting {
        key,
        kind: Kind::Number,
        help,
    }
}

const fn boolean(key: &'static str, help: &'static str) -> Setting {
    Setting {
        key,
        kind: Kind::Boolean,
        help,
    }
}

const fn list(key: &'static str, help: &'static str) -> Setting {
    Setting {
        key,
        kind: Kind::List,
        help,
    }
}

const fn table(key: &'static str, help: &'static str) -> Setting {
    Setting {
        key,
        kind: Kind::Table,
        help,
    }
}

/// All keys, section by section.
pub(crate) const SETTINGS: &[Setting] = &[
    text(
        "state",
        "Directory of the database, the engine's data and the generated secrets",
    ),
    number(
        "connections.most",
        "Connections to one address at once; further ones wait until one ends",
    ),
    number(
        "connections.idle_seconds",
        "How long a client is waited for: for its next request's head, more of a body, or its taking more of an answer",
    ),
    text("log.filter", "Levels by target, such as `info,access=off`"),
    boolean("log.json", "One JSON object a line instead of text"),
    text(
        "token.workspace_id",
        "Workspace of the tokens; generated when unset; Tinybird's workspace id when pointing at Tinybird",
    ),
    text(
        "token.admin_token",
        "Workspace admin token, also the HS256 key of the tokens; generated when unset",
    ),
    text(
        "token.template",
        "JWT template that the web application fills at each mint",
    ),
    text(
        "token.keys.signing_key",
        "Private P-256 or Ed25519 key (PEM) that signs instead; its file name is the key id",
    ),
    list(
        "token.keys.verifying_keys",
        "More keys (PEM) whose tokens are accepted, for rotation without an outage",
    ),
    boolean(
        "token.keys.accept_admin_token",
        "Whether tokens signed with the admin token stay accepted beside such keys",
    ),
    text("web.listen", "Address and port of the web application"),
    text(
        "web.origin",
        "Scheme, host and port under which browsers reach it; plain http only on loopback",
    ),
    text(
        "web.analytics_origin",
        "Scheme, host and port under which browsers reach the analytics server",
    ),
    text(
        "web.analytics_internal_origin",
        "The same as this server reaches it while it renders a page; unset: no other",
    ),
    number(
        "web.session_idle_seconds",
        "A session unused for this long ends",
    ),
    number(
        "web.session_lifetime_seconds",
        "A session ends this long after signing in, used or not",
    ),
    boolean(
        "web.token_header",
        "Whether answers carry the analytics token in a header, too; one of more than 2 KB never is there",
    ),
    text(
        "web.admin_token",
        "Bearer token of /api/admin/v1, at least 32 characters; unset: switched off",
    ),
    text(
        "web.public_token",
        "Token for visitors who are not signed in; unset: none",
    ),
    text("web.site_root", "Directory of the built site"),
    text(
        "web.hash_file",
        "File with the hashes in the assets' names, as the build wrote it; unset: names without hashes",
    ),
    number(
        "web.reload_port",
        "Port of the development loop's reload socket; unset in production",
    ),
    text(
        "oidc.issuer",
        "OpenID Connect issuer that people sign in at; the embedded one by default",
    ),
    text(
        "oidc.client_id",
        "Client id under which this site is registered there",
    ),
    text(
        "oidc.client_secret",
        "Its secret; generated for the embedded provider when unset",
    ),
    list("oidc.scopes", "Scopes to ask for"),
    boolean(
        "oidc.logout",
        "Whether signing out also ends the provider's session",
    ),
    number(
        "oidc.recheck_seconds",
        "How often the provider is asked whether somebody whose tokens are out may still have them; the embedded one is asked for every new token besides",
    ),
    number(
        "oidc.keep_answer_seconds",
        "How long its last answer holds while it cannot be asked; then nobody gets a token",
    ),
    text("oidc.claims.name", "JSON Pointer to the name to show"),
    text("oidc.claims.email", "JSON Pointer to the mail address"),
    text(
        "oidc.claims.organizations",
        "JSON Pointer to the organizations",
    ),
    text(
        "oidc.claims.shape",
        "How they are written: scalar, strings, pairs, by_organization, by_role, objects",
    ),
    text(
        "oidc.claims.separator",
        "Between organization and role in the shape `pairs`",
    ),
    text(
        "oidc.claims.slug",
        "JSON Pointer to the short name inside one organization",
    ),
    text("oidc.claims.id", "JSON Pointer to its id"),
    text("oidc.claims.organization_name", "JSON Pointer to its name"),
    text(
        "oidc.claims.role",
        "JSON Pointer to the person's role in it",
    ),
    text(
        "oidc.claims.default_role",
        "Role of members for whom the claims name none",
    ),
    table(
        "oidc.claims.roles",
        "The provider's names of roles and ours, where they differ",
    ),
    text(
        "analytics.listen",
        "Address and port of the analytics server, its own origin",
    ),
    text(
        "analytics.origin",
        "Scheme, host and port under which clients reach it, told in listings and its OpenAPI document; unset: the address it listens on",
    ),
    text(
        "analytics.project",
        "Directory of the project: its datafiles, fixtures and tests",
    ),
    boolean(
        "analytics.watch",
        "Reload the project when its files change; while they are wrong, the last good state is served",
    ),
    list(
        "analytics.cors_origins",
        "Origins whose pages may call the API; `*` allows every origin",
    ),
    boolean(
        "analytics.local_bootstrap",
        "Answer `GET /tokens` to callers on this machine with the workspace's tokens, as Tinybird Local does",
    ),
    list(
        "analytics.import_hosts",
        "Hosts from which imports fetch files by their address, such as `files.example`; none unless named",
    ),
    boolean(
        "analytics.deploy",
        "Let tokens with the scope ADMIN or WORKSPACE:DEPLOY replace the project's datafiles over HTTP",
    ),
    number(
        "analytics.query.deadline_seconds",
        "Longest time of one query, waiting included",
    ),
    number("analytics.query.memory_bytes", "Most memory of one query"),
    number(
        "analytics.query.result_bytes",
        "Largest result before formatting",
    ),
    number(
        "analytics.query.max_threads",
        "Threads of one query; unset: the engine decides",
    ),
    number(
        "analytics.limits.workspace_rps",
        "Requests per second over the whole workspace; unset: no limit",
    ),
    number(
        "analytics.limits.endpoint_rps",
        "Requests per second for each endpoint without `TAGS \"rps=…\"`; unset: no limit",
    ),
    number(
        "analytics.limits.max_buckets",
        "Rate limits that are remembered at once",
    ),
    number(
        "analytics.limits.event_bytes",
        "Largest request to the Events API, after decompression",
    ),
    number(
        "analytics.limits.file_bytes",
        "Largest file that is appended, after decompression",
    ),
    number(
        "analytics.limits.token_cache_bytes",
        "Memory for tokens that were found good",
    ),
    text(
        "analytics.engine.library",
        "The library libchdb.so; unset: the one that `cargo xtask fetch` puts into the user's cache",
    ),
    number(
        "analytics.engine.connections",
        "Queries that run at once; unset: two for each core",
    ),
    number(
        "analytics.engine.queue",
        "Queries that may wait for a connection; more are refused",
    ),
    text(
        "analytics.engine.program",
        "The program that is started as the engine, with the argument `engine`; unset: this one",
    ),
    number(
        "analytics.engine.grace_seconds",
        "Seconds a query may go on past its deadline before the engine is ended for it and started again",
    ),
    number(
        "analytics.engine.memory_bytes",
        "Memory above which the engine is ended and started again; unset: three quarters of the machine",
    ),
    text(
        "analytics.engine.url",
        "A ClickHouse server instead of the embedded engine, http://host:8123 or https://host:8443",
    ),
    text("analytics.engine.user", "The user at that server"),
    text(
        "analytics.engine.password",
        "The user's password; also what `rookery engine --listen` asks for",
    ),
    text(
        "analytics.engine.ca_file",
        "Certificates (PEM) that the server's is believed by, beside the system's",
    ),
    table(
        "analytics.secrets",
        "Secrets of the project's templates (`tb_secret`) by name",
    ),
    text(
        "identity.listen",
        "Address and port of the provider when it runs alone",
    ),
    text(
        "identity.issuer",
        "Its issuer, without a slash at the end; unset: `/idp` of the web origin",
    ),
    text(
        "identity.directory",
        "File of people and organizations, read at each start and when it changes; unset: those in the database",
    ),
    boolean(
        "identity.demo_accounts",
        "Accept demo people with passwords in plain text and offer them with one click; loopback only",
    ),
    text("identity.id_token_algorithm", "RS256 or ES256"),
    number(
        "identity.session_idle_seconds",
        "A session at the provider unused for this long ends",
    ),
    number(
        "identity.session_lifetime_seconds",
        "It ends this long after the sign-in, used or not",
    ),
    number(
        "identity.code_lifetime_seconds",
        "How long an authorization code is good for, 1 to 60",
    ),
    number(
        "identity.access_token_lifetime_seconds",
        "How long an access token is good for at userinfo at most; it ends with its session",
    ),
    number(
        "identity.id_token_lifetime_seconds",
        "`exp` minus `iat` of ID tokens",
    ),
    number("identity.argon2_memory_kib", "Memory of one password check"),
    number("identity.argon2_iterations", "Passes over it"),
    number("identity.argon2_parallelism", "Lanes of Argon2id"),
    number(
        "identity.argon2_concurrency",
        "Password checks at once; unset: half of the processors",
    ),
    list(
        "identity.trusted_proxies",
        "Reverse proxies whose X-Forwarded-For is believed",
    ),
];

/// docs/configuration.md.
pub(crate) fn document() -> String {
    let mut page = String::from(
        "# Configuration\n\n\
         A setting is looked for as a flag, then as an environment variable, then in `rookery.toml`\n\
         (another file: `--config FILE` or `ROOKERY_CONFIG`), then its default holds. An unknown key, variable\n\
         or flag is an error. This page is printed by `rookery config`; a test keeps it in step with the code.\n",
    );
    let defaults = flatten(&Config::default());
    let mut section = None;
    for setting in SETTINGS {
        let current = setting
            .key
            .split_once('.')
            .map_or("general", |(section, _)| section);
        if section != Some(current) {
            section = Some(current);
            write!(page, "\n## {current}\n\n| key | default | flag and variable | meaning |\n|---|---|---|---|\n")
                .expect("writing to a String cannot fail");
        }
        let default = defaults
            .iter()
            .find(|(key, _)| key == setting.key)
            .map(|(_, value)| shown(value));
        writeln!(
            page,
            "| `{}` | {} | {} | {} |",
            setting.key,
            default.unwrap_or_default(),
            names(setting),
            setting.help
        )
        .expect("writing to a String cannot fail");
    }
    page
}

fn names(setting: &Setting) -> String {
    match setting.kind {
        Kind::Table => "only in the file".to_owned(),
        _ => format!("`--{}` `{}`", setting.flag(), setting.variable()),
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "unset".to_owned(),
        Value::String(text) if text.is_empty() => "empty".to_owned(),
        Value::String(text) => format!("`{text}`"),
        other => format!("`{other}`"),
    }
}

/// The leaves of the tree with their paths.
fn flatten(config: &Config) -> Vec<(String, Value)> {
    let tree = serde_json::to_value(config).expect("the configuration has only string keys");
    let mut leaves = Vec::new();
    collect(&tree, String::new(), &mut leaves);
    leaves
}

fn collect(value: &Value, path: String, leaves: &mut Vec<(String, Value)>) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, field) in fields {
                let inner = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                collect(field, inner, leaves);
            }
        }
        leaf => leaves.push((path, leaf.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_reference_names_each_key_of_the_tree_and_no_other() {
        let tree: BTreeSet<String> = flatten(&Config::default())
            .into_iter()
            .map(|(key, _)| key)
            .collect();
        let named: BTreeSet<String> = SETTINGS
            .iter()
            .map(|setting| setting.key.to_owned())
            .collect();
        assert_eq!(tree, named);
    }

    #[test]
    fn each_kind_is_that_of_the_default() {
        for (key, value) in flatten(&Config::default()) {
            let kind = SETTINGS
                .iter()
                .find(|setting| setting.key == key)
                .unwrap()
                .kind;
            let fits = match value {
                Value::Null => true,
                Value::String(_) => kind == Kind::Text,
                Value::Number(_) => kind == Kind::Number,
                Value::Bool(_) => kind == Kind::Boolean,
                Value::Array(_) => kind == Kind::List,
                Value::Object(_) => kind == Kind::Table,
            };
            assert!(fits, "{key} is listed as {kind:?}");
        }
    }

    #[test]
    fn the_page_in_docs_is_the_one_that_the_code_prints() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration.md");
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert_eq!(
            committed,
            document(),
            "run `rookery config > docs/configuration.md`"
        );
    }
}
