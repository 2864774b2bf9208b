//! A plain table of texts.

use leptos::prelude::*;

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

/// Draws a table; the first cell of each row is its head.
pub fn data_table(table: DataTable) -> AnyView {
    let texts = table.texts;
    let class = move |column: usize| (column >= texts).then_some("number");
    let head = table
        .head
        .into_iter()
        .enumerate()
        .map(|(column, name)| view! { <th scope="col" class=class(column)>{name}</th> })
        .collect_view();
    let rows = table
        .rows
        .into_iter()
        .map(|row| {
            let cells = row
                .into_iter()
                .enumerate()
                .map(|(column, text)| match column {
                    0 => view! { <th scope="row" class=class(0)>{text}</th> }.into_any(),
                    _ => view! { <td class=class(column)>{text}</td> }.into_any(),
                })
                .collect_view();
            view! { <tr>{cells}</tr> }
        })
        .collect_view();
    let caption = table.caption.clone();
    view! {
        <div class="table-frame" tabindex="0" role="region" aria-label=caption>
            <table>
                <caption class="visually-hidden">{table.caption}</caption>
                <thead>
                    <tr>{head}</tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}
