use super::*;
use crate::expression::dump;

fn parse(source: &str) -> Parsed<Expr> {
    Parser::new(source, &mut Names::default())?.expression()
}

#[test]
fn operators_bind_as_in_python() {
    let cases = [
        ("1 + 2 * 3", "1 + (2 * 3)"),
        ("2 ** 3 ** 2", "2 ** (3 ** 2)"),
        ("-2 ** 2", "-(2 ** 2)"),
        ("1 - 2 - 3", "(1 - 2) - 3"),
        ("not a == b", "not (a == b)"),
        ("a or b and c", "a or (b and c)"),
        ("a | b ^ c & d << e", "a | (b ^ (c & (d << e)))"),
        ("x if a else y if b else z", "x if a else (y if b else z)"),
        ("a.b(c)[d]", "((a.b)(c))[d]"),
        ("lambda x: x, 1", "(lambda x: x), 1"),
    ];
    for (source, explicit) in cases {
        assert_eq!(
            dump(&parse(source).unwrap()),
            dump(&parse(explicit).unwrap()),
            "{source}"
        );
    }
}

#[test]
fn what_is_not_an_expression_is_refused() {
    for source in [
        "",
        "a b",
        "a +",
        "(a",
        "a = b",
        "f(a=1, b)",
        "x y",
        "for",
        "a if b",
        "f(**)",
        "[a for]",
        "a;b",
    ] {
        assert!(parse(source).is_err(), "{source}");
    }
}

#[test]
fn deep_and_long_expressions_are_refused_not_run_out_of_stack() {
    for source in [
        format!("{}1{}", "(".repeat(500), ")".repeat(500)),
        "-".repeat(3_000) + "1",
        "not ".repeat(3_000) + "1",
        vec!["a"; 1_900].join(" + "),
        vec!["a"; 1_900].join(" if a else "),
        format!("a{}", ".b".repeat(1_900)),
        "[".repeat(1_900),
    ] {
        assert!(parse(&source).is_err());
    }
}
