//! A button that puts a text of the page on the clipboard and says so. What it
//! does is in `crate::enhance`.

use super::Icon;
use crate::markup::Markup;

/// Copies the text of the element with the id `of`; `what` names it for those
/// who do not see where the button stands.
pub fn copy_button(of: &str, what: &str) -> Markup {
    let attributes = [
        ("type", "button"),
        ("class", "button quiet small copy needs-script"),
        ("data-copy", of),
        ("aria-label", &format!("Copy {what}")),
    ];
    let said = Markup::element_of_text("span", &[("role", "status")], "Copy");
    Markup::element("button", &attributes, Icon::Copy.draw() + said)
}
