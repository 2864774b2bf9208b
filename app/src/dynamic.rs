//! Parts of a page that follow signals, behind one type for each kind. Leptos
//! compiles its machinery once for every type of view and closure it meets;
//! here they all share one copy, which makes the browser's module small.

use std::rc::Rc;

use leptos::{ev, prelude::*, wasm_bindgen::JsCast, web_sys};

use crate::markup::Markup;

/// A view that follows its signals.
pub(crate) fn view(make: impl FnMut() -> AnyView + Send + 'static) -> AnyView {
    let boxed: Box<dyn FnMut() -> AnyView + Send> = Box::new(make);
    boxed.into_any()
}

/// A text that follows its signals.
pub(crate) type Text = Box<dyn FnMut() -> String + Send>;

/// A text that follows its signals.
pub(crate) fn text(make: impl FnMut() -> String + Send + 'static) -> Text {
    Box::new(make)
}

/// An attribute that follows its signals; `None` leaves it out.
pub(crate) type Attribute = Box<dyn FnMut() -> Option<String> + Send>;

/// An attribute that follows its signals; `None` leaves it out.
pub(crate) fn attribute(make: impl FnMut() -> Option<String> + Send + 'static) -> Attribute {
    Box::new(make)
}

/// An attribute that is `true` or left out.
pub(crate) fn flag(mut is_set: impl FnMut() -> bool + Send + 'static) -> Attribute {
    Box::new(move || is_set().then(|| "true".to_owned()))
}

/// Markup that follows its signals. It is written anew when one changes, and
/// the focus inside is lost then; what keeps the focus is a view of its own.
pub(crate) fn block(mut make: impl FnMut() -> Markup + Send + 'static) -> AnyView {
    let html = text(move || make().into_html());
    view! { <div class="block" inner_html=html></div> }.into_any()
}

/// Like [`block`], with buttons or a field to choose in it: `act` is told that
/// one was clicked, or what was chosen.
pub(crate) fn acting_block(
    mut make: impl FnMut() -> Markup + Send + 'static,
    act: impl Fn(String) + 'static,
) -> AnyView {
    let html = text(move || make().into_html());
    let act = Rc::new(act);
    let choose = {
        let act = Rc::clone(&act);
        move |event: ev::Event| act(event_target_value(&event))
    };
    let click = move |event: ev::MouseEvent| {
        let target: Option<web_sys::Element> =
            event.target().and_then(|target| target.dyn_into().ok());
        if target.is_some_and(|target| matches!(target.closest("[data-action]"), Ok(Some(_)))) {
            act(String::new());
        }
    };
    view! { <div class="block" inner_html=html on:click=click on:change=choose></div> }.into_any()
}
