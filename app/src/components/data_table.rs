//! A plain table of texts.

use crate::markup::Markup;

/// What a table shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DataTable {
    /// What the rows are.
    pub caption: String,
    /// The names of the columns.
    pub head: Vec<String>,
    /// How many columns from the left are texts; the others are numbers and
    /// stand on the right.
    pub texts: usize,
    /// The rows; each as long as the head.
    pub rows: Vec<Vec<String>>,
}

impl DataTable {
    /// Draws the table; the first cell of each row is its head.
    pub fn draw(&self) -> Markup {
        let class = |column: usize| {
            if column < self.texts {
                "text"
            } else {
                "number"
            }
        };
        let cell = |(column, text): (usize, &String)| match column {
            0 => Markup::element_of_text("th", &[("scope", "row"), ("class", class(0))], text),
            _ => Markup::element_of_text("td", &[("class", class(column))], text),
        };
        let head = self.head.iter().enumerate().map(|(column, name)| {
            Markup::element_of_text("th", &[("scope", "col"), ("class", class(column))], name)
        });
        let row =
            |row: &Vec<String>| Markup::element("tr", &[], row.iter().enumerate().map(cell).sum());
        let caption =
            Markup::element_of_text("caption", &[("class", "visually-hidden")], &self.caption);
        let head = Markup::element("thead", &[], Markup::element("tr", &[], head.sum()));
        let body = Markup::element("tbody", &[], self.rows.iter().map(row).sum());
        // It scrolls by itself, so the keyboard must reach it.
        let frame = [
            ("class", "table-frame"),
            ("tabindex", "0"),
            ("role", "region"),
            ("aria-label", &self.caption),
        ];
        Markup::element(
            "div",
            &frame,
            Markup::element("table", &[], caption + head + body),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_on_the_right_and_rows_have_a_head() {
        let table = DataTable {
            caption: "Flights".into(),
            head: vec!["Day".into(), "Flights".into()],
            texts: 1,
            rows: vec![vec!["<1 Nov>".into(), "161".into()]],
        };
        let html = table.draw().into_html();
        assert!(
            html.contains(
                r#"<th scope="row" class="text">&lt;1 Nov&gt;</th><td class="number">161</td>"#
            ),
            "{html}"
        );
        assert!(
            html.contains("<tbody>"),
            "browsers would add it and so break hydration"
        );
    }
}
