//! Where the reader is: the path and the query string of the page.
//!
//! A page is loaded from the server; inside it only the query changes, which
//! the links and the form of the dashboard do without loading it anew. That
//! is all the routing there is, and a tenth of the browser's module less.

use leptos::prelude::*;

/// The addresses of the pages. The server renders [`crate::App`] for each, and
/// for every other address with status 404.
pub const PAGES: [&str; 3] = ["/", "/token", "/dashboard"];

/// The address of the page, in the context of every component.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Location {
    /// The path; it stays while the page is open.
    pub(crate) path: StoredValue<String>,
    /// The query string without its `?`.
    pub(crate) query: RwSignal<String>,
}

impl Location {
    /// The location of the page that is rendered or hydrated.
    pub(crate) fn of_page() -> Self {
        let (path, query) = address();
        let location = Self {
            path: StoredValue::new(path),
            query: RwSignal::new(query),
        };
        #[cfg(feature = "hydrate")]
        Effect::new(move |_| location.follow_history());
        location
    }

    /// Path and query, as one comes back to them.
    pub(crate) fn address(self) -> String {
        let path = self.path.get_value();
        self.query.with(|query| match query.as_str() {
            "" => path,
            query => format!("{path}?{query}"),
        })
    }

    /// Whether the page is the one at `path`.
    pub(crate) fn is_at(self, path: &str) -> bool {
        self.path.with_value(|here| here == path)
    }
}

/// The first value of a name in a query string. Values with escapes are left as
/// they are: nothing here has values that need any.
pub(crate) fn parameter(query: &str, name: &str) -> Option<String> {
    query.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (key == name).then(|| value.to_owned())
    })
}

/// The location of this page.
pub(crate) fn use_location() -> Location {
    expect_context()
}

#[cfg(not(feature = "hydrate"))]
fn address() -> (String, String) {
    #[cfg(feature = "ssr")]
    if let Some(url) = use_context::<leptos_router::location::RequestUrl>() {
        // A path and a query, or a whole address.
        let url: &str = url.as_ref();
        let local = url.split_once("://").map_or(url, |(_, rest)| {
            rest.find('/').map_or("/", |at| &rest[at..])
        });
        let (path, query) = local.split_once('?').unwrap_or((local, ""));
        return (path.to_owned(), query.to_owned());
    }
    ("/".to_owned(), String::new())
}

#[cfg(feature = "hydrate")]
fn address() -> (String, String) {
    let location = window().location();
    let search = location.search().unwrap_or_default();
    (
        location.pathname().unwrap_or_default(),
        search.strip_prefix('?').unwrap_or_default().to_owned(),
    )
}

#[cfg(feature = "hydrate")]
mod in_browser {
    use leptos::{ev, prelude::*, web_sys};
    use wasm_bindgen::{JsCast, JsValue};

    use super::Location;

    impl Location {
        /// Goes to another query (`?period=all`) of this page.
        pub(crate) fn go(self, address: &str) {
            let history = window().history();
            // It fails only for addresses of other sites.
            if let Ok(history) = history {
                let _ = history.push_state_with_url(&JsValue::NULL, "", Some(address));
            }
            self.query.set(super::address().1);
        }

        /// Follows the browser's buttons, and links that stay on the page.
        pub(super) fn follow_history(self) {
            let back =
                window_event_listener(ev::popstate, move |_| self.query.set(super::address().1));
            let clicks = window_event_listener(ev::click, move |event| {
                if let Some(address) = address_within_page(&event) {
                    event.prevent_default();
                    self.go(&address);
                }
            });
            on_cleanup(move || {
                back.remove();
                clicks.remove();
            });
        }
    }

    /// The address of a plain click on a link that is marked as staying here.
    fn address_within_page(event: &web_sys::MouseEvent) -> Option<String> {
        let is_plain = event.button() == 0
            && !(event.meta_key() || event.ctrl_key() || event.shift_key() || event.alt_key())
            && !event.default_prevented();
        let target: web_sys::Element = event.target()?.dyn_into().ok()?;
        let link = target.closest("a[data-noscroll]").ok()??;
        is_plain.then(|| link.get_attribute("href"))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_found_by_its_whole_name() {
        assert_eq!(
            parameter("period=7d&from=2026-01-01", "from").as_deref(),
            Some("2026-01-01")
        );
        assert_eq!(parameter("xfrom=1", "from"), None);
        assert_eq!(parameter("", "from"), None);
    }
}
