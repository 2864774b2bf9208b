//! The files of the built site: the browser's code and style under `/pkg`, the
//! icon and the like beside it.
//!
//! They are the same for everybody and carry no token. Compressed copies were
//! made by the build; nothing is compressed here.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use leptos::config::LeptosOptions;
use tower_http::services::ServeDir;

use crate::security::Policy;
use crate::settings::Settings;

/// The stem of the built files' names, as the build has it.
const OUTPUT_NAME: &str = "rookery";

/// The directory of the built files, below the site root and in addresses.
const PACKAGE: &str = "pkg";

/// A name with a hash in it means the same content for ever.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// Any other name is asked for again each time, and mostly answered by `304`.
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");

/// The listing of hashes cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the list of asset names {} cannot be read: build the site again", path.display())]
pub struct ListingError {
    path: PathBuf,
    source: io::Error,
}

/// The built site.
#[derive(Debug, Clone)]
pub(crate) struct Assets {
    root: PathBuf,
    listing: Option<PathBuf>,
    hashes: Arc<[String]>,
}

impl Assets {
    /// The site that `settings` name.
    pub(crate) fn new(settings: &Settings) -> Result<Self, ListingError> {
        let listing = settings.hash_file.clone();
        let hashes = listing
            .as_deref()
            .map(read_hashes)
            .transpose()?
            .unwrap_or_default();
        Ok(Self {
            root: settings.site_root.clone(),
            listing,
            hashes: hashes.into(),
        })
    }

    /// The names under which pages ask for the built files.
    pub(crate) fn leptos_options(&self, settings: &Settings) -> LeptosOptions {
        let mut options = LeptosOptions::builder()
            .output_name(OUTPUT_NAME)
            .site_root(self.root.to_string_lossy().into_owned())
            .site_pkg_dir(PACKAGE)
            .site_addr(settings.listen)
            .hash_files(self.listing.is_some())
            .build();
        if let Some(listing) = &self.listing {
            options.hash_file = listing.to_string_lossy().into();
        }
        if let Some(port) = settings.reload_port {
            options.reload_port = port.into();
        }
        options
    }

    /// Serves the files; what is none is answered by `otherwise`.
    pub(crate) fn router(&self, policy: Policy, otherwise: Router) -> Router {
        let package = ServeDir::new(self.root.join(PACKAGE))
            .append_index_html_on_directories(false)
            .precompressed_br()
            .precompressed_gzip();
        let files = ServeDir::new(&self.root)
            .append_index_html_on_directories(false)
            .call_fallback_on_method_not_allowed(true)
            .precompressed_br()
            .precompressed_gzip()
            .fallback(otherwise);
        Router::new()
            .nest_service(&format!("/{PACKAGE}"), package)
            .fallback_service(files)
            .layer(middleware::from_fn_with_state(
                (self.clone(), policy),
                finish,
            ))
    }

    fn is_hashed(&self, path: &str) -> bool {
        let name = path.rsplit('/').next().unwrap_or_default();
        name.split('.')
            .any(|part| self.hashes.iter().any(|hash| hash == part))
    }
}

/// Adds the caching headers, unless a page has answered and set its own.
async fn finish(
    State((assets, policy)): State<(Assets, Policy)>,
    request: Request,
    next: Next,
) -> Response {
    let hashed = assets.is_hashed(request.uri().path());
    let mut response = next.run(request).await;
    let found = response.status().is_success() || response.status() == StatusCode::NOT_MODIFIED;
    let headers = response.headers_mut();
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(if hashed && found { FOR_EVER } else { ASK_AGAIN });
    policy.write_for_files(headers);
    response
}

/// The hashes in a listing of `extension: hash` lines.
fn read_hashes(listing: &Path) -> Result<Vec<String>, ListingError> {
    let text = fs::read_to_string(listing).map_err(|source| ListingError {
        path: listing.to_owned(),
        source,
    })?;
    Ok(text
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(_, hash)| hash.trim().to_owned())
        .filter(|hash| !hash.is_empty())
        .collect())
}
