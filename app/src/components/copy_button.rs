//! A button that puts a text on the clipboard and says so.

use leptos::prelude::*;

use super::{Icon, icon};
use crate::dynamic;

/// What became of the last click.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(feature = "hydrate"),
    expect(dead_code, reason = "only the browser has a clipboard")
)]
enum Copied {
    NotYet,
    Done,
    Refused,
}

/// Copies a text; `what` names it for those who do not see where it stands.
pub fn copy_button(what: &'static str, text: impl Fn() -> String + Send + 'static) -> AnyView {
    let copied = RwSignal::new(Copied::NotYet);
    let said = dynamic::text(move || {
        let said = match copied.get() {
            Copied::NotYet => "Copy",
            Copied::Done => "Copied",
            Copied::Refused => "Select it and copy",
        };
        said.to_owned()
    });
    view! {
        <button
            type="button"
            class="button quiet small needs-script"
            aria-label=format!("Copy {what}")
            on:click=move |_| copy(text(), copied)
        >
            {icon(Icon::Copy)}
            <span role="status">{said}</span>
        </button>
    }
    .into_any()
}

#[cfg(feature = "hydrate")]
fn copy(text: String, copied: RwSignal<Copied>) {
    let clipboard = window().navigator().clipboard();
    // Without a secure context there is no clipboard.
    if clipboard.is_undefined() {
        copied.set(Copied::Refused);
        return;
    }
    leptos::task::spawn_local(async move {
        let written = wasm_bindgen_futures::JsFuture::from(clipboard.write_text(&text)).await;
        copied.try_set(if written.is_ok() {
            Copied::Done
        } else {
            Copied::Refused
        });
        set_timeout(
            move || {
                copied.try_set(Copied::NotYet);
            },
            std::time::Duration::from_secs(3),
        );
    });
}

#[cfg(not(feature = "hydrate"))]
fn copy(_: String, copied: RwSignal<Copied>) {
    copied.set(Copied::Refused);
}
