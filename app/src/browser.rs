//! The few things of the browser that more than one module needs: its clock,
//! its network state and one `fetch`.

use std::{cell::Cell, rc::Rc, time::Duration};

use futures::channel::oneshot;
use leptos::{prelude::*, web_sys};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

use crate::analytics::{TransportError, TransportResponse};

/// A request that has no answer by then is given up.
const DEADLINE: Duration = Duration::from_secs(20);

/// The browser's clock in unix seconds.
pub(crate) fn unix_now() -> i64 {
    (js_sys::Date::now() / 1000.0) as i64
}

/// The browser's clock in milliseconds, for measuring.
pub(crate) fn milliseconds() -> f64 {
    js_sys::Date::now()
}

/// Waits.
pub(crate) async fn sleep(duration: Duration) {
    let (sender, receiver) = oneshot::channel();
    // Dropping the sender ends the wait as well as sending would.
    set_timeout(move || drop(sender), duration);
    let _: Result<(), _> = receiver.await;
}

/// Whether the browser believes that it has a network.
pub(crate) fn is_online() -> bool {
    window().navigator().on_line()
}

/// Ends a request early.
#[derive(Clone, Debug)]
pub(crate) struct Abort {
    controller: Option<web_sys::AbortController>,
    by_caller: Rc<Cell<bool>>,
}

impl Abort {
    pub(crate) fn new() -> Self {
        Self {
            controller: web_sys::AbortController::new().ok(),
            by_caller: Rc::default(),
        }
    }

    /// Ends the request; what it returns is not to be looked at any more.
    pub(crate) fn abort(&self) {
        self.by_caller.set(true);
        self.stop();
    }

    /// Whether [`Abort::abort`] was called.
    pub(crate) fn is_aborted(&self) -> bool {
        self.by_caller.get()
    }

    fn stop(&self) {
        if let Some(controller) = &self.controller {
            controller.abort();
        }
    }
}

/// Sends a `GET`, to another origin with a token and without cookies, to the
/// own one with its cookies. Every status is an `Ok`.
pub(crate) async fn get(
    url: &str,
    bearer: Option<&str>,
    abort: &Abort,
) -> Result<TransportResponse, TransportError> {
    let timed_out = Rc::new(Cell::new(false));
    let timer = set_timeout_with_handle(
        {
            let (abort, timed_out) = (abort.clone(), timed_out.clone());
            move || {
                timed_out.set(true);
                abort.stop();
            }
        },
        DEADLINE,
    );
    let answer = fetch(url, bearer, abort).await;
    if let Ok(timer) = timer {
        timer.clear();
    }
    answer.map_err(|_| {
        if timed_out.get() {
            TransportError::Timeout
        } else {
            TransportError::Unreachable
        }
    })
}

async fn fetch(
    url: &str,
    bearer: Option<&str>,
    abort: &Abort,
) -> Result<TransportResponse, JsValue> {
    let options = web_sys::RequestInit::new();
    let signal = abort
        .controller
        .as_ref()
        .map(web_sys::AbortController::signal);
    options.set_signal(signal.as_ref());
    if let Some(token) = bearer {
        let headers = web_sys::Headers::new()?;
        headers.set("Authorization", &format!("Bearer {token}"))?;
        options.set_headers(headers.as_ref());
    }
    let response: web_sys::Response =
        JsFuture::from(window().fetch_with_str_and_init(url, &options))
            .await?
            .unchecked_into();
    let headers = response.headers();
    let header = |name| headers.get(name).ok().flatten();
    let body = JsFuture::from(response.text()?).await?;
    Ok(TransportResponse {
        status: response.status(),
        request_id: header("X-Request-Id"),
        retry_after: header("Retry-After").and_then(|seconds| seconds.parse().ok()),
        body: body.as_string().unwrap_or_default(),
    })
}
