//! Line icons, drawn on a grid of 24 units, in the colour of their text.

use crate::markup::Markup;

/// An icon. It says nothing to screen readers; the text beside it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Icon {
    /// An arrow to the left.
    Earlier,
    /// An arrow to the right.
    Later,
    /// A downward angle: there is more to choose.
    Choose,
    /// Two sheets.
    Copy,
    /// A tick.
    Done,
    /// A triangle with an exclamation mark.
    Warning,
    /// A moon.
    Moon,
    /// A sun.
    Sun,
}

impl Icon {
    /// Draws the icon.
    pub fn draw(self) -> Markup {
        let path = Markup::element("path", &[("d", self.path())], Markup::default());
        let frame = [
            ("class", "icon"),
            ("viewBox", "0 0 24 24"),
            ("aria-hidden", "true"),
        ];
        Markup::element("svg", &frame, path)
    }

    fn path(self) -> &'static str {
        match self {
            Self::Earlier => "M15 5l-7 7 7 7",
            Self::Later => "M9 5l7 7-7 7",
            Self::Choose => "M6 9.5l6 6 6-6",
            Self::Copy => "M9 9h11v11H9zM5 15H4V4h11v1",
            Self::Done => "M4.5 12.5l5 5 10-11",
            Self::Warning => "M12 4L2.5 20h19zM12 10v4.5M12 17.2v.3",
            Self::Moon => "M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z",
            Self::Sun => {
                "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v2M12 20v2M4.9 4.9l1.4 1.4M17.7 17.7l1.4 1.4M2 12h2M20 12h2M4.9 19.1l1.4-1.4M17.7 6.3l1.4-1.4"
            }
        }
    }
}
