//! Reading a chart: the column under the pointer, or one after the other with
//! the arrow keys. The chart is markup; what changes in it are one line of text
//! and the place of one band.

use std::{cell::Cell, rc::Rc};

use leptos::{ev, prelude::*, wasm_bindgen::JsCast, web_sys};

use super::{
    ColumnChartData,
    geometry::{BAND, index_at},
};

/// A chart whose columns can be read.
pub(crate) fn readable_chart(data: &ColumnChartData) -> AnyView {
    let reader = Rc::new(Reader {
        summary: data.summary.clone(),
        readings: data.marks.iter().map(|mark| mark.reading.clone()).collect(),
        read: Cell::new(None),
    });
    let html = data.draw().into_html();
    let (point, step) = (reader.clone(), reader.clone());
    let (leave, blur) = (reader.clone(), reader);
    view! {
        <div
            class="block"
            inner_html=html
            on:pointermove=move |event: ev::PointerEvent| point.point(&event)
            on:pointerout=move |event: ev::PointerEvent| leave.end(&event)
            on:keydown=move |event: ev::KeyboardEvent| step.step(&event)
            on:focusout=move |event: ev::FocusEvent| blur.end(&event)
        ></div>
    }
    .into_any()
}

/// What a chart says when it is read, and which column is.
struct Reader {
    summary: String,
    readings: Vec<String>,
    read: Cell<Option<usize>>,
}

impl Reader {
    fn point(&self, event: &ev::PointerEvent) {
        if let Some(layer) = layer_of(event) {
            let (x, width) = (f64::from(event.offset_x()), f64::from(layer.client_width()));
            self.show(&layer, index_at(x, width, self.readings.len()));
        }
    }

    fn step(&self, event: &ev::KeyboardEvent) {
        let Some(layer) = layer_of(event) else { return };
        if let Some(next) = next_read(&event.key(), self.read.get(), self.readings.len()) {
            event.prevent_default();
            self.show(&layer, next);
        }
    }

    fn end(&self, event: &web_sys::Event) {
        if let Some(layer) = layer_of(event) {
            self.show(&layer, None);
        }
    }

    /// Marks the column and says what it says; the summary when none is read.
    fn show(&self, layer: &web_sys::Element, read: Option<usize>) {
        if self.read.replace(read) == read {
            return;
        }
        let part = |name| layer.closest(".chart").ok()??.query_selector(name).ok()?;
        let (Some(line), Some(band)) = (part(".chart-reading"), part(".chart-band")) else {
            return;
        };
        let reading = read
            .and_then(|at| self.readings.get(at))
            .unwrap_or(&self.summary);
        line.set_text_content(Some(reading));
        // These fail only for names that are no names.
        let _ = line.toggle_attribute_with_force("data-read", read.is_some());
        let _ = band.toggle_attribute_with_force("data-read", read.is_some());
        let _ = band.set_attribute("x", &(read.unwrap_or_default() * BAND).to_string());
    }
}

/// The layer over a chart, when the event is one of it.
fn layer_of(event: &web_sys::Event) -> Option<web_sys::Element> {
    let target: web_sys::Element = event.target()?.dyn_into().ok()?;
    target
        .class_list()
        .contains("chart-reader")
        .then_some(target)
}

/// Which column is read after a key; `None` when the key is not the chart's.
fn next_read(key: &str, read: Option<usize>, count: usize) -> Option<Option<usize>> {
    let last = count.checked_sub(1)?;
    let next = match (key, read) {
        ("ArrowRight", None) | ("Home", _) => 0,
        ("ArrowLeft", None) | ("End", _) => last,
        ("ArrowRight", Some(at)) => (at + 1).min(last),
        ("ArrowLeft", Some(at)) => at.saturating_sub(1),
        ("Escape", Some(_)) => return Some(None),
        _ => return None,
    };
    Some(Some(next))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrow_keys_walk_along_the_columns_and_stop_at_the_ends() {
        assert_eq!(next_read("ArrowRight", None, 3), Some(Some(0)));
        assert_eq!(next_read("ArrowLeft", None, 3), Some(Some(2)));
        assert_eq!(next_read("ArrowRight", Some(2), 3), Some(Some(2)));
        assert_eq!(next_read("ArrowLeft", Some(0), 3), Some(Some(0)));
        assert_eq!(next_read("End", Some(0), 3), Some(Some(2)));
        assert_eq!(next_read("Escape", Some(1), 3), Some(None));
        assert_eq!(
            next_read("Escape", None, 3),
            None,
            "it belongs to whoever else listens"
        );
        assert_eq!(next_read("Tab", Some(1), 3), None);
        assert_eq!(next_read("ArrowRight", None, 0), None);
    }
}
