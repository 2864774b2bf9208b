//! A ClickHouse server of somebody's own: where it is, who asks, and whose
//! certificates are believed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use thiserror::Error;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use url::Url;

use super::wire::Wire;

/// A server and how to reach it.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    /// `http://host:8123` or `https://host:8443`; without a path.
    pub url: String,
    /// The user who asks.
    pub user: String,
    /// The user's password.
    pub password: String,
    /// Certificates, in PEM, that are believed beside the system's.
    pub ca_file: Option<PathBuf>,
    /// Settings of every statement that does not say otherwise; `None` means
    /// those of the embedded engine, which today's ClickHouse knows.
    pub session: Option<BTreeMap<String, String>>,
}

/// Why a server cannot be talked to.
#[derive(Debug, Error)]
pub enum ServerError {
    /// The address is none.
    #[error(
        "`{url}` is no address of a ClickHouse server ({why}): write http://host:8123 or https://host:8443"
    )]
    Url {
        /// What was given.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// The certificates cannot be used.
    #[error("the certificates in {file}: {why}")]
    Certificates {
        /// The file.
        file: String,
        /// What is wrong with it.
        why: String,
    },
}

/// A server, ready to be connected to.
pub(super) struct Server {
    host: String,
    port: u16,
    authority: String,
    tls: Option<Arc<ClientConfig>>,
    user: String,
    password: String,
}

impl Server {
    pub(super) fn new(settings: ServerSettings) -> Result<Self, ServerError> {
        let wrong = |why: &str| ServerError::Url {
            url: settings.url.clone(),
            why: why.to_owned(),
        };
        let url = Url::parse(&settings.url).map_err(|error| wrong(&error.to_string()))?;
        let default_port = match url.scheme() {
            "http" => 8123,
            "https" => 8443,
            _ => return Err(wrong("neither http nor https")),
        };
        if !matches!(url.path(), "" | "/") || url.query().is_some() {
            return Err(wrong("it has a path"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong(
                "it has a user: write that and the password into keys of their own",
            ));
        }
        let host = url.host_str().ok_or_else(|| wrong("no host"))?.to_owned();
        // `Url` leaves the scheme's own port out, which is not ClickHouse's.
        let port = url.port().unwrap_or(default_port);
        let tls = match url.scheme() {
            "https" => Some(Arc::new(tls(settings.ca_file)?)),
            _ => None,
        };
        Ok(Self {
            authority: format!("{host}:{port}"),
            host,
            port,
            tls,
            user: settings.user,
            password: settings.password,
        })
    }

    pub(super) async fn connect(&self) -> Result<Wire, String> {
        Wire::server(&self.host, self.port, self.tls.as_ref()).await
    }

    pub(super) fn authority(&self) -> &str {
        &self.authority
    }

    pub(super) fn user(&self) -> &str {
        &self.user
    }

    pub(super) fn password(&self) -> &str {
        &self.password
    }
}

fn tls(ca_file: Option<PathBuf>) -> Result<ClientConfig, ServerError> {
    let mut roots = RootCertStore::empty();
    // Some of a system's certificates are odd; the others still count.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(file) = ca_file {
        let wrong = |why: String| ServerError::Certificates {
            file: file.display().to_string(),
            why,
        };
        let certificates =
            CertificateDer::pem_file_iter(&file).map_err(|error| wrong(error.to_string()))?;
        for certificate in certificates {
            let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
            roots
                .add(certificate)
                .map_err(|error| wrong(error.to_string()))?;
        }
    }
    Ok(ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(url: &str) -> Result<Server, ServerError> {
        Server::new(ServerSettings {
            url: url.to_owned(),
            user: "default".to_owned(),
            password: String::new(),
            ca_file: None,
            session: None,
        })
    }

    #[test]
    fn addresses_without_a_port_have_clickhouses() {
        assert_eq!(server("http://db").unwrap().authority(), "db:8123");
        assert_eq!(server("https://db/").unwrap().authority(), "db:8443");
        assert_eq!(server("http://[::1]:1").unwrap().authority(), "[::1]:1");
    }

    #[test]
    fn what_is_no_address_is_told_with_what_to_write() {
        for url in ["db:9000", "tcp://db", "http://db/path", "http://a:b@db", ""] {
            let error = server(url).err().unwrap().to_string();
            assert!(error.contains("write http"), "{error}");
        }
    }
}
