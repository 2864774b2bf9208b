//! HTML and SVG as text, for everything that shows data and needs no events:
//! charts, tables, messages. Being text, it is the same on both sides, needs no
//! hydration, and costs the browser's module almost nothing.

use std::{iter::Sum, ops::Add};

/// Markup that this program wrote, with every text in it escaped. It can be
/// made in no other way, so it is safe as `inner_html`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Markup(String);

impl Markup {
    /// Markup as it stands in the source.
    pub fn fixed(html: &'static str) -> Self {
        Self(html.to_owned())
    }

    /// A text, escaped.
    pub fn text(text: &str) -> Self {
        let mut html = String::with_capacity(text.len());
        escape(text, &mut html);
        Self(html)
    }

    /// An element with its attributes and its content.
    pub fn element(name: &'static str, attributes: &[(&'static str, &str)], content: Self) -> Self {
        let Self(mut html) = Self::start(name, attributes);
        html.push_str(&content.0);
        html.push_str("</");
        html.push_str(name);
        html.push('>');
        Self(html)
    }

    fn start(name: &'static str, attributes: &[(&'static str, &str)]) -> Self {
        let mut html = String::with_capacity(64);
        html.push('<');
        html.push_str(name);
        for (name, value) in attributes {
            html.push(' ');
            html.push_str(name);
            html.push_str("=\"");
            escape(value, &mut html);
            html.push('"');
        }
        html.push('>');
        Self(html)
    }

    /// An element that never has content, such as `input`.
    pub fn empty_element(name: &'static str, attributes: &[(&'static str, &str)]) -> Self {
        Self::start(name, attributes)
    }

    /// An element that holds only a text.
    pub fn element_of_text(
        name: &'static str,
        attributes: &[(&'static str, &str)],
        text: &str,
    ) -> Self {
        Self::element(name, attributes, Self::text(text))
    }

    /// The HTML.
    pub fn into_html(self) -> String {
        self.0
    }
}

impl Add for Markup {
    type Output = Self;

    fn add(mut self, next: Self) -> Self {
        self.0.push_str(&next.0);
        self
    }
}

impl Sum for Markup {
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        parts.fold(Self::default(), Add::add)
    }
}

/// Writes a text so that it ends no element, no attribute and starts no entity.
fn escape(text: &str, html: &mut String) {
    for symbol in text.chars() {
        match symbol {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            symbol => html.push(symbol),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_attributes_cannot_become_markup() {
        let hostile = "\"><script>alert('&')</script>";
        let markup = Markup::element_of_text("p", &[("title", hostile)], hostile);
        assert_eq!(
            markup.into_html(),
            "<p title=\"&quot;&gt;&lt;script&gt;alert('&amp;')&lt;/script&gt;\">&quot;&gt;&lt;script&gt;alert('&amp;')&lt;/script&gt;</p>"
        );
    }

    #[test]
    fn elements_nest_and_follow_each_other() {
        let items = ["a", "b"].map(|item| Markup::element_of_text("li", &[], item));
        let list = Markup::element("ul", &[("class", "chips")], items.into_iter().sum());
        let html = (list + Markup::fixed("<hr>")).into_html();
        assert_eq!(html, "<ul class=\"chips\"><li>a</li><li>b</li></ul><hr>");
    }
}
