//! The dashboard's date range: links for the presets and the neighbours, a
//! form for dates. All of it works without wasm; with it, the page stays and
//! only the panels change.

use leptos::{ev, prelude::*};
#[cfg(feature = "hydrate")]
use leptos::{wasm_bindgen::JsCast, web_sys};

use super::plan::Plan;
use crate::{
    components::{Icon, link},
    dynamic,
    location::use_location,
    markup::Markup,
    period::{Preset, Selection, address_of_preset},
};

/// The id of what is said about wrong dates.
const MISTAKE: &str = "dates-mistake";

/// The presets and the form for dates.
pub(super) fn choices(plan: Memo<Plan>) -> AnyView {
    let preset = |preset: Preset| {
        let current =
            dynamic::flag(move || plan.with(|plan| plan.selection == Selection::Preset(preset)));
        link(address_of_preset(preset), preset.label(), Some(""), current)
    };
    view! {
        <nav class="period" aria-label="Days shown">
            <div class="presets">{Vec::from(Preset::ALL.map(preset))}</div>
            {dates_form(plan)}
        </nav>
    }
    .into_any()
}

/// The days in words between the arrows to their neighbours.
pub(super) fn stepper(plan: Memo<Plan>) -> AnyView {
    let label = move || {
        let label = [("class", "period-label"), ("aria-live", "polite")];
        plan.with(|plan| Markup::element_of_text("p", &label, &plan.label))
    };
    view! {
        <nav class="stepper" aria-label="Days before and after">
            {arrow("Earlier", Icon::Earlier, move || plan.with(|plan| plan.earlier.clone()))}
            {dynamic::block(label)}
            {arrow("Later", Icon::Later, move || plan.with(|plan| plan.later.clone()))}
        </nav>
    }
    .into_any()
}

/// A link that is switched off where there are no more data.
fn arrow(
    label: &'static str,
    image: Icon,
    address: impl Fn() -> Option<String> + Copy + Send + 'static,
) -> AnyView {
    view! {
        <a
            class="button quiet square"
            href=dynamic::attribute(address)
            data-noscroll=""
            role="link"
            aria-label=label
            aria-disabled=dynamic::flag(move || address().is_none())
        >
            {dynamic::block(move || image.draw())}
        </a>
    }
    .into_any()
}

fn dates_form(plan: Memo<Plan>) -> AnyView {
    let location = use_location();
    let show = move |event: ev::SubmitEvent| {
        #[cfg(feature = "hydrate")]
        if let Some(address) = address_of_form(&event) {
            event.prevent_default();
            location.go(&address);
        }
        #[cfg(not(feature = "hydrate"))]
        let _ = (event, location);
    };
    let mistake = move || {
        let mistake = [("class", "mistake"), ("id", MISTAKE), ("role", "alert")];
        plan.with(|plan| Markup::element_of_text("p", &mistake, plan.mistake.unwrap_or_default()))
    };
    view! {
        <form class="dates" method="get" action="/dashboard" on:submit=show>
            {field("From", "from", plan, |plan| &plan.from)}
            {field("To", "to", plan, |plan| &plan.to)}
            <button type="submit" class="button small">"Show"</button>
            {dynamic::block(mistake)}
        </form>
    }
    .into_any()
}

fn field(
    label: &'static str,
    name: &'static str,
    plan: Memo<Plan>,
    value: fn(&Plan) -> &String,
) -> AnyView {
    let shown = dynamic::text(move || plan.with(|plan| value(plan).clone()));
    view! {
        <label>
            <span>{label}</span>
            <input
                type="date"
                name=name
                value=plan.with_untracked(|plan| value(plan).clone())
                prop:value=shown
                aria-invalid=dynamic::flag(move || plan.with(|plan| plan.mistake.is_some()))
                aria-describedby=MISTAKE
            />
        </label>
    }
    .into_any()
}

/// The address that the browser would go to by itself.
#[cfg(feature = "hydrate")]
fn address_of_form(event: &ev::SubmitEvent) -> Option<String> {
    let form: web_sys::Element = event.target()?.dyn_into().ok()?;
    let value = |name| {
        let field = form.query_selector(name).ok()??;
        field
            .dyn_into::<web_sys::HtmlInputElement>()
            .ok()
            .map(|field| field.value())
    };
    Some(format!(
        "?from={}&to={}",
        value("[name=from]")?,
        value("[name=to]")?
    ))
}
