//! What templates say about their parameters.

use serde_json::json;
use template::{ParameterDeclaration, Template};

fn declarations(source: &str) -> Vec<ParameterDeclaration> {
    Template::parse(source).unwrap().parameters().to_vec()
}

fn names(source: &str) -> Vec<(String, String, bool)> {
    declarations(source)
        .into_iter()
        .map(|found| (found.name, found.parameter_type, found.required))
        .collect()
}

fn entry(name: &str, parameter_type: &str, required: bool) -> (String, String, bool) {
    (name.to_owned(), parameter_type.to_owned(), required)
}

#[test]
fn a_declaration_holds_what_the_type_function_says() {
    let source = "{{ Int32(size, 10, description='How many', enum=[10, 20], example='20', format='n', required=True) }}";
    let expected = ParameterDeclaration {
        name: "size".to_owned(),
        parameter_type: "Int32".to_owned(),
        default: Some(json!(10)),
        required: true,
        description: Some("How many".to_owned()),
        allowed: Some(json!([10, 20])),
        example: Some(json!("20")),
        format: Some("n".to_owned()),
    };
    assert_eq!(declarations(source), [expected]);
}

#[test]
fn parameters_come_in_order_with_their_types() {
    let source = "{{ Date(from) }} {{ Array(ids, 'Int64', '1') }} {{ JSON(filters) }} {{ column(c, 'x') }} {{ name }}";
    let expected = [
        entry("from", "Date", true),
        entry("ids", "Array(Int64)", false),
        entry("filters", "JSON", false),
        entry("c", "Column", false),
        entry("name", "String", true),
    ];
    assert_eq!(names(source), expected);
}

#[test]
fn a_parameter_asked_for_with_defined_is_optional() {
    let source = "{% if defined(from) %}{{ Date(from) }}{% end %}{{ String(to, defined=False) }}";
    assert_eq!(
        names(source),
        [entry("from", "Date", false), entry("to", "String", false)]
    );
}

#[test]
fn the_first_type_and_any_default_count() {
    let source = "{% if x == 'a' %}{{ Int32(x) }}{% else %}{{ Int64(x, 5) }}{% end %}";
    let found = declarations(source);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].parameter_type, "Int32");
    assert_eq!(found[0].default, Some(json!(5)));
    assert!(!found[0].required);
}

#[test]
fn what_the_template_sets_itself_is_no_parameter() {
    let source = "{% set a = 1 %}{% for b, c in [[1, 2]] %}{{ a + b + c }}{% end %}{% set d = [e for e in f if e] %}{% set g = sorted(d, key=lambda h: h) %}{% set i = map(int, d) %}";
    assert_eq!(names(source), [entry("f", "String", true)]);
}

#[test]
fn options_of_the_api_are_warned_about() {
    let template = Template::parse("\n{{ String(token) }}").unwrap();
    let [warning] = template.warnings() else {
        panic!("one warning: {:?}", template.warnings());
    };
    let expected = "\"token\" is an option of the API and should not be used as a variable name";
    assert_eq!((warning.message.as_str(), warning.line), (expected, 2));
}

#[test]
fn a_default_in_the_place_of_an_arrays_type_is_warned_about() {
    let template = Template::parse("{{ Array(x, \"'a', 'b'\") }}{{ Array(y, 'Int8') }}").unwrap();
    let messages: Vec<&str> = template
        .warnings()
        .iter()
        .map(|warning| warning.message.as_str())
        .collect();
    assert_eq!(
        messages,
        [
            "the second argument of Array(x, …) is no type, so its items are taken as text: write Array(x, 'String', …)"
        ]
    );
    let types: Vec<&str> = template
        .parameters()
        .iter()
        .map(|found| found.parameter_type.as_str())
        .collect();
    assert_eq!(types, ["Array(String)", "Array(Int8)"]);
}

#[test]
fn errors_know_their_line() {
    let error = Template::parse("SELECT 1\n\n{{ foo(x) }}").unwrap_err();
    assert_eq!(error.line, 3);
    let template = Template::parse("SELECT 1\n{{ Int32(x) }}").unwrap();
    let parameters = [("x", "a")].into_iter().collect();
    let error = template
        .render(&parameters, &Default::default())
        .unwrap_err();
    assert_eq!(error.line, 2);
}

#[test]
fn a_default_of_another_type_is_told_once_with_what_comes_of_it() {
    let messages = |source: &str| -> Vec<String> {
        let template = Template::parse(source).unwrap();
        let messages = template.warnings().iter();
        messages.map(|warning| warning.message.clone()).collect()
    };
    assert_eq!(
        messages("{{ Int8(a, 900) }} {{ Int8(a, 900) }}"),
        ["the default '900' of Int8(a, …) is of another type, and requests without `a` fail"]
    );
    assert_eq!(
        messages("{% if defined(b) %}{{ Date(b, 'x') }}{% end %}"),
        ["the default 'x' of Date(b, …) is of another type: write YYYY-MM-DD"]
    );
}
