//! The frame that holds one thing and its title.

use leptos::prelude::*;

use crate::dynamic::Attribute;

/// A panel. `class` gives it its place and its height; while `busy`, the style
/// sheet dims what is in it.
pub(crate) fn panel(
    id: &'static str,
    title: &'static str,
    class: &'static str,
    busy: Attribute,
    content: Vec<AnyView>,
) -> AnyView {
    view! {
        <section class=class aria-labelledby=id aria-busy=busy>
            <h2 id=id>{title}</h2>
            {content}
        </section>
    }
    .into_any()
}
