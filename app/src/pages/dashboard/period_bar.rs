//! The dashboard's date range: links for the presets and the neighbours, a
//! form for dates. All of it works without wasm; with it, the page stays and
//! only the panels change.

use leptos::{ev, html, prelude::*};
use leptos_router::{
    NavigateOptions,
    hooks::{use_navigate, use_query_map},
};

use crate::{
    analytics::DataSpan,
    calendar,
    components::{Icon, icon},
    period::{PeriodQuery, Preset, Range, Selection, address_of_preset, neighbours},
};

/// The presets and the form for dates.
pub(super) fn choices(period: Memo<PeriodQuery>, range: Memo<Option<Range>>) -> AnyView {
    let presets = Preset::ALL
        .into_iter()
        .map(|preset| {
            let current = move || {
                period.with(|period| period.selection == Selection::Preset(preset)).then_some("true")
            };
            view! {
                <li>
                    <a href=address_of_preset(preset) data-noscroll="" aria-current=current>{preset.label()}</a>
                </li>
            }
        })
        .collect_view();
    view! {
        <nav class="period" aria-label="Days shown">
            <ul class="presets">{presets}</ul>
            {dates_form(period, range)}
        </nav>
    }
    .into_any()
}

/// The days in words between the arrows to their neighbours.
pub(super) fn stepper(span: Memo<Option<Option<DataSpan>>>, range: Memo<Option<Range>>) -> AnyView {
    let around = Memo::new(move |_| match (range.get(), span.get().flatten()) {
        (Some(range), Some(span)) => neighbours(range, span),
        _ => (None, None),
    });
    let label = move || {
        range.get().map_or_else(
            || "All days".to_owned(),
            |range| calendar::span(range.from, range.to),
        )
    };
    view! {
        <nav class="stepper" aria-label="Days before and after">
            {arrow("Earlier", Icon::Earlier, Signal::derive(move || around.get().0))}
            <p class="period-label" aria-live="polite">{label}</p>
            {arrow("Later", Icon::Later, Signal::derive(move || around.get().1))}
        </nav>
    }
    .into_any()
}

/// A link that is switched off where there are no more data.
fn arrow(label: &'static str, image: Icon, address: Signal<Option<String>>) -> AnyView {
    view! {
        <a
            class="button quiet square"
            href=address
            data-noscroll=""
            role="link"
            aria-label=label
            aria-disabled=move || address.get().is_none().then_some("true")
        >
            {icon(image)}
        </a>
    }
    .into_any()
}

fn dates_form(period: Memo<PeriodQuery>, range: Memo<Option<Range>>) -> AnyView {
    let from = NodeRef::<html::Input>::new();
    let to = NodeRef::<html::Input>::new();
    let navigate = use_navigate();
    let parameters = use_query_map();
    let show = move |event: ev::SubmitEvent| {
        let (Some(from), Some(to)) = (from.get_untracked(), to.get_untracked()) else {
            return;
        };
        event.prevent_default();
        let address = format!("?from={}&to={}", from.value(), to.value());
        // The same dates again must not fill the history.
        let replace =
            parameters.with_untracked(|parameters| parameters.to_query_string() == address);
        navigate(
            &address,
            NavigateOptions {
                scroll: false,
                replace,
                ..NavigateOptions::default()
            },
        );
    };
    let field = move |typed: fn(&PeriodQuery) -> &String, shown: fn(Range) -> time::Date| {
        Signal::derive(move || {
            let typed = period.with(|period| typed(period).clone());
            if typed.is_empty() {
                range
                    .get()
                    .map(|range| calendar::iso(shown(range)))
                    .unwrap_or_default()
            } else {
                typed
            }
        })
    };
    let first = field(|period| &period.typed_from, |range| range.from);
    let last = field(|period| &period.typed_to, |range| range.to);
    let mistake = move || period.with(|period| period.mistake);
    let invalid = move || mistake().map(|_| "true");
    view! {
        <form class="dates" method="get" action="/dashboard" on:submit=show>
            <label>
                <span>"From"</span>
                <input type="date" name="from" node_ref=from value=first prop:value=first aria-invalid=invalid aria-describedby="dates-mistake" />
            </label>
            <label>
                <span>"To"</span>
                <input type="date" name="to" node_ref=to value=last prop:value=last aria-invalid=invalid aria-describedby="dates-mistake" />
            </label>
            <button type="submit" class="button small">"Show"</button>
            <p class="mistake" id="dates-mistake" role="alert">{mistake}</p>
        </form>
    }
    .into_any()
}
