//! Any text as a template, rendered with any text as its parameters: it parses
//! and renders or says why not, within its limits.
//!
//! Before the first NUL of an input stands the template; what follows, split
//! at NULs, becomes the values of the template's parameters in their order.
//! A value after `=` is JSON, as a body gives it.

use serde_json::Value as Json;
use template::{Parameter, Parameters, RenderContext, StandIns, Template};

use crate::seeds;

/// Parses the template and renders it, once with the values and once with the
/// stand-ins of a deployment.
///
/// # Panics
/// When there is more SQL than the limit allows.
pub fn run(data: &[u8]) {
    let mut parts = crate::text(data).split('\0');
    let Ok(template) = Template::parse(parts.next().unwrap_or_default()) else {
        return;
    };
    let mut parameters = Parameters::new();
    for (declaration, value) in template.parameters().iter().zip(parts) {
        let json = value
            .strip_prefix('=')
            .and_then(|json| serde_json::from_str::<Json>(json).ok());
        parameters.set(
            declaration.name.as_str(),
            json.map_or_else(|| Parameter::from(value), Parameter::Json),
        );
    }

    let context = RenderContext::default();
    let limit = context.limits.output;
    if let Ok(rendered) = template.render(&parameters, &context) {
        assert!(
            rendered.sql.len() <= limit,
            "more SQL than the limit allows"
        );
    }
    let validation = RenderContext {
        stand_ins: StandIns::Undefined,
        ..RenderContext::default()
    };
    template.render(&Parameters::new(), &validation).ok();
}

/// The golden cases with their parameters, and the demo's nodes.
///
/// # Panics
/// When a file of cases is none.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = seeds::regressions("template");
    for pipe in seeds::texts(&["demo/endpoints"], &["pipe"]) {
        let nodes = pipe.split("SQL >").skip(1);
        seeds.extend(nodes.map(|sql| sql.trim_start().trim_start_matches('%').into()));
    }
    for file in seeds::texts(&["server/template/tests/cases"], &["toml"]) {
        let file: toml::Table = file.parse().expect("cases are TOML");
        let cases = file["case"].as_array().expect("a list of cases");
        seeds.extend(cases.iter().map(of_case));
    }
    seeds
}

/// A golden case as an input.
fn of_case(case: &toml::Value) -> Vec<u8> {
    let text = |key: &str| case.get(key).and_then(toml::Value::as_str);
    let template = text("template").or(text("node")).unwrap_or_default();
    let given: Json = match text("json") {
        Some(json) => serde_json::from_str(json).expect("JSON"),
        None => case
            .get("parameters")
            .and_then(|parameters| serde_json::to_value(parameters).ok())
            .unwrap_or_default(),
    };
    let mut seed = template.to_owned();
    if let Ok(template) = Template::parse(template) {
        for declaration in template.parameters() {
            seed.push('\0');
            match given.get(&declaration.name) {
                Some(Json::String(text)) => seed.push_str(text),
                Some(json) => seed.push_str(&format!("={json}")),
                None => {}
            }
        }
    }
    seed.into_bytes()
}
