//! Parameters that are options of the API, not of a template.

use template::{Parameter, Parameters};

/// Output options a caller may choose, all of them switches.
const OUTPUT_SWITCHES: &[&str] = &[
    "output_format_json_quote_64bit_integers",
    "output_format_json_quote_denormals",
    "output_format_parquet_string_as_string",
];

/// Engine settings for the form of the answer. 64-bit integers are numbers in
/// JSON unless the caller asks for strings.
pub(super) fn engine_settings(given: &Parameters) -> Vec<(String, String)> {
    let mut settings = Vec::new();
    for name in OUTPUT_SWITCHES {
        let value = match given.get(name) {
            Some(value) => Some(is_on(value)),
            None if *name == OUTPUT_SWITCHES[0] => Some(false),
            None => None,
        };
        settings.extend(value.map(|on| ((*name).to_owned(), u8::from(on).to_string())));
    }
    settings
}

fn is_on(value: &Parameter) -> bool {
    match value {
        Parameter::Text(text) => text == "1" || text.eq_ignore_ascii_case("true"),
        Parameter::List(texts) => texts
            .last()
            .is_some_and(|text| text == "1" || text == "true"),
        Parameter::Json(json) => json.as_bool().unwrap_or(json.as_i64() == Some(1)),
    }
}

/// SQL to run over the endpoint's result.
pub(super) fn outer_query(given: &Parameters) -> Option<String> {
    match given.get("q")? {
        Parameter::Text(text) if !text.trim().is_empty() => Some(text.clone()),
        _ => None,
    }
}

/// What templates see: the fixed parameters over the given ones, and never the
/// token of the call.
pub(super) fn parameters(given: &Parameters, fixed: Parameters) -> Parameters {
    let mut parameters = given.clone();
    parameters.remove("token");
    parameters.lay_over(fixed);
    parameters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_integers_are_numbers_unless_asked_otherwise() {
        let name = || "output_format_json_quote_64bit_integers".to_owned();
        let none = engine_settings(&Parameters::new());
        assert_eq!(none, [(name(), "0".to_owned())]);
        let asked = Parameters::from_iter([(name(), "true")]);
        assert_eq!(engine_settings(&asked), [(name(), "1".to_owned())]);
    }
}
