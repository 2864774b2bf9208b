//! Parts of a view that follow signals, behind one type for each kind. Leptos
//! compiles its machinery once for every type of closure it meets; boxed, they
//! all share one copy, which halves the browser's module.

use leptos::prelude::*;

/// A view that follows its signals.
pub(crate) fn view(mut make: impl FnMut() -> AnyView + Send + 'static) -> AnyView {
    let boxed: Box<dyn FnMut() -> AnyView + Send> = Box::new(move || make());
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
