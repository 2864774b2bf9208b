//! A link that knows whether it leads to where one is.

use leptos::prelude::*;

use crate::dynamic::Attribute;

/// A link; `data_noscroll` is there when the page is to stay where it is.
pub(crate) fn link(
    address: String,
    label: &'static str,
    data_noscroll: Option<&'static str>,
    current: Attribute,
) -> AnyView {
    view! {
        <a href=address data-noscroll=data_noscroll aria-current=current>
            {label}
        </a>
    }
    .into_any()
}
