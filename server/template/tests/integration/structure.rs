//! No value changes the structure of the SQL: hostile parameters give the same
//! tokens as harmless ones, in every place a template can put them.

mod tokens;

use proptest::prelude::*;
use serde_json::{Value as Json, json};
use template::{Parameter, Parameters, RenderContext, StandIns, Template};

use tokens::{Token, tokens};

/// Templates that use the text `v`, each in another way or place.
const TEXT_TEMPLATES: &[&str] = &[
    "SELECT {{v}} AS a, 'next' FROM t WHERE b = 1",
    "SELECT {{String(v)}}, 1 FROM t -- end",
    "SELECT * FROM t WHERE a = {{String(v)}} AND b = 'x'",
    "SELECT * FROM t WHERE a LIKE '%{{String(v)}}%' AND b = 'x'",
    "SELECT * FROM t WHERE a LIKE '{{v}}' AND b = 'x'",
    "SELECT * FROM t WHERE a = '' || '{{v}}{{v}}' || ''",
    "SELECT 1 AS \"{{v}}x\", 2",
    "SELECT `p{{v}}` FROM t",
    "SELECT 1 -- {{v}}\n, 2 FROM t",
    "SELECT 1 -- {{split_to_array(v)}}\n, 2 FROM t",
    "SELECT 1 # {{v}}\n, 2 FROM t",
    "SELECT 1 /* {{v}} */, 2 /* * {{String(v)}}/ */ FROM t",
    "SELECT 1 /* {{v}}{{v}} */, '*/' FROM t",
    "SELECT {{v}}{{v}}, 1",
    "SELECT x{{v}}, 1",
    "SELECT 1-{{v}}, 1",
    "SELECT {{Symbol('p' + v)}}, 1 FROM t",
    "SELECT {{symbol('p' + v, '\"')}}, 1 FROM t",
    "SELECT {{Column('p' + v)}} FROM t ORDER BY {{symbol('p' + v)}} DESC",
    "SELECT * FROM {{table('p.' + v)}} WHERE a = 1",
    "SELECT * FROM t WHERE {{sql_and(a=String(v), b__in=v, c__gt=v)}} AND d",
    "SELECT * FROM t WHERE a LIKE {{sql_unescape(String(v), '%')}} AND b",
    "SELECT * FROM t WHERE a LIKE {{sql_unescape(v, \"%'`\\\"\\\\\")}} AND b",
    "SELECT {{f'a{v}b'}}, 1",
    "SELECT {{'a' + v.replace('a', v)}}, 1",
    "SELECT {% set w = '%s-%s' % (v, v) %}{{w}}, {{w + v}}, 1",
    "SELECT {{(v, v)}}, {{[v, [v]]}}, {{ {'k': v} }}, 1",
    "SELECT {{JSON('{\"k\": 1}', v)}}, {% set d = {'k': v} %}{{d['k']}}, {{d.get('k')}}, {{d.get('z', v)}}",
    "SELECT {% for c in [v, v] %}{{c}}, {% end %}1",
    "SELECT {% try %}{% set n = str(int(v)) %}{{n}}{% except ValueError as e %}{{e}}{% except %}{{v}}{% end %}, 'z'",
    "SELECT {{tb_secret(v)}}, {{tb_secret('other', v)}}, 1",
    "{{backend_hint(v)}}SELECT 1",
    "SELECT {{v if defined(v) else 'none'}}, {{String(missing, v)}}, {{split_to_array(missing, [v])}}, 1",
    "SELECT {{Array(missing, 'String', [v, v])}}, 1",
    "INSERT INTO t VALUES ({{v}}), ('b')",
    "SELECT ‘typographic’, {{v}}, 1",
    "SELECT $tag$ ' $tag$, {{v}}, 1",
    "SELECT x'4142', b'01', {{v}}, 'it''s', {{v}}, \"a\"\"b\", {{v}}",
    "SELECT 'a\\'', {{v}}, '\\\\', {{v}}",
];

/// Templates that use `v` as a list of texts.
const LIST_TEMPLATES: &[&str] = &[
    "SELECT {{Array(v)}}, 1",
    "SELECT {{Array(v, 'String')}} AS a FROM t WHERE b IN {{Array(v)}} AND c",
    "SELECT '{{Array(v)}}', 1 {% if False %}{{Array(v)}}{% end %}",
    "SELECT {{v}}, 1",
    "SELECT -- {{v}}\n 1",
    "SELECT {% for last, w in enumerate_with_last(v) %}{{w}}{% if not last %}, {% end %}{% end %}, 1",
    "SELECT * FROM t WHERE {{sql_and(a__in=v, b__not_in=Array(v), c=v)}} AND d",
    "SELECT {% set w = [x + 'y' for x in v] %}{{w}}, {{tuple}} {% if False %}{{list(v)}}{% end %}",
];

/// Templates whose `v` is checked by a type: a hostile text is an error, and
/// what passes is harmless.
const TYPED_TEMPLATES: &[&str] = &[
    "SELECT {{Int32(v)}}, {{Int(v)}}, 1",
    "SELECT {{UInt64(v)}}, '{{UInt8(v)}}', 1",
    "SELECT {{Float64(v)}}, 1",
    "SELECT {{Date(v)}}, 1",
    "SELECT {{DateTime(v)}}, '{{DateTime(v)}}', 1",
    "SELECT {{DateTime64(v)}}, 1",
    "SELECT {{Boolean(v)}}, 1",
    "SELECT {{Int256(v)}}, 1",
    "SELECT {{Array(v, 'Int64')}}, 1",
    "SELECT {{Array(v, 'DateTime')}}, 1",
    "SELECT {{column(v)}}, 1 FROM t",
    "SELECT {{columns(v, 'a', fn='max')}}, 1 FROM t",
    "SELECT {{columns('a', 'a', fn=v)}}, 1 FROM t",
    "SELECT {{max_threads(v)}} 1",
    "SELECT {{day_diff(v, v)}}, {{date_diff_in_seconds(v, v)}}, 1",
    "SELECT {{v[0]}}, {{v[-1]}}, {{v[1:]}}, 1",
    "SELECT {{v.split('a')}}, 1",
];

/// Pieces that end literals, comments and statements where they are let.
const PIECES: &[&str] = &[
    "'",
    "\"",
    "`",
    "\\",
    "\\'",
    "''",
    "--",
    "-- ",
    "#",
    "# ",
    "#!",
    "/*",
    "*/",
    "*",
    "/",
    ";",
    ",",
    "\0",
    "\n",
    "\r\n",
    "\t",
    "\u{8}",
    "\u{1a}",
    "%",
    "%'",
    "_",
    "{{",
    "}}",
    "{%",
    "%}",
    "{#",
    "#}",
    "{",
    "}",
    "{a:String}",
    "(",
    ")",
    "[",
    "]",
    "$tag$",
    "$$",
    "‘",
    "’",
    "“",
    "”",
    "\u{2028}",
    "\u{feff}",
    "é",
    "😀",
    "\u{301}",
    "x'",
    "b'",
    " OR 1=1 ",
    " UNION ALL SELECT 1 ",
    "SELECT",
    "NULL",
    "a",
    "1",
    "-1",
    "1e5",
    "2024-01-01 00:00:00",
    ".",
    "..",
    "-",
    "+",
    "=",
    "<",
    ">",
    "\u{7f}",
    "\u{80}",
    "ﬀ",
    "\\0",
    "\\x27",
    "\\u0027",
    "%27",
    "&#39;",
];

fn hostile_text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::collection::vec(prop::sample::select(PIECES), 0..8).prop_map(|pieces| pieces.concat()),
        1 => ".{0,12}",
        1 => prop::collection::vec(any::<char>(), 0..8).prop_map(|characters| characters.into_iter().collect()),
    ]
}

fn hostile_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        hostile_text().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        any::<bool>().prop_map(Json::from),
        Just(Json::Null),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Json::from),
            prop::collection::btree_map(hostile_text(), inner, 0..3)
                .prop_map(|entries| Json::Object(entries.into_iter().collect())),
        ]
    })
}

fn render(template: &Template, value: impl Into<Parameter>) -> Option<String> {
    let parameters = Parameters::from_iter([("v", value.into())]);
    template
        .render(&parameters, &RenderContext::default())
        .ok()
        .map(|rendered| rendered.sql)
}

fn shape(sql: &str) -> Vec<Token> {
    tokens(sql).unwrap_or_else(|error| panic!("{error}: {sql:?}"))
}

/// A harmless value of the same form.
fn benign(json: &Json) -> Json {
    match json {
        Json::String(_) => json!("abc"),
        Json::Number(_) => json!(1),
        Json::Array(items) => items.iter().map(benign).collect(),
        Json::Object(entries) => Json::Object(
            entries
                .iter()
                .enumerate()
                .map(|(index, (_, value))| (format!("k{index}"), benign(value)))
                .collect(),
        ),
        other => other.clone(),
    }
}

fn each(sources: &[&str], check: impl Fn(&str, &Template)) {
    for source in sources {
        check(
            source,
            &Template::parse(source).unwrap_or_else(|error| panic!("{source}: {error}")),
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn texts_keep_the_structure(value in hostile_text()) {
        each(TEXT_TEMPLATES, |source, template| {
            let expected = render(template, "abc").map(|sql| shape(&sql));
            if let Some(sql) = render(template, value.as_str()) {
                assert_eq!(Some(shape(&sql)), expected, "{source} with {value:?} gave {sql:?}");
            }
        });
    }

    #[test]
    fn lists_keep_the_structure(values in prop::collection::vec(hostile_text(), 1..4)) {
        each(LIST_TEMPLATES, |source, template| {
            let harmless = vec!["abc".to_owned(); values.len()];
            let expected = render(template, Parameter::List(harmless)).map(|sql| shape(&sql));
            if let Some(sql) = render(template, Parameter::List(values.clone())) {
                assert_eq!(Some(shape(&sql)), expected, "{source} with {values:?} gave {sql:?}");
            }
        });
    }

    #[test]
    fn checked_values_end_as_single_expressions(value in hostile_text()) {
        each(TYPED_TEMPLATES, |source, template| {
            if let Some(sql) = render(template, value.as_str()) {
                let shape = shape(&sql);
                assert!(is_list_of_expressions(&shape), "{source} with {value:?} gave {sql:?}: {shape:?}");
            }
        });
    }

    #[test]
    fn json_of_any_form_keeps_the_structure(value in hostile_json()) {
        let sources = [
            "SELECT {{v}}, 1",
            "SELECT 5 - {{v}}, 1",
            "SELECT 5 -{{v}}, 1",
            "SELECT '{{v}}', 1",
            "SELECT `p{{v}}`, 1",
            "SELECT /* {{v}} */ 1 -- {{v}}\n, 2",
            "SELECT {{String(v)}}, {{JSON(v)}}, 1",
            "SELECT {% for w in JSON(v, []) %}{{w}}, {% end %}1",
        ];
        each(&sources, |source, template| {
            let expected = render(template, benign(&value)).map(|sql| shape(&sql));
            if let (Some(sql), Some(expected)) = (render(template, value.clone()), expected) {
                assert_eq!(shape(&sql), expected, "{source} with {value} gave {sql:?}");
            }
        });
    }

    #[test]
    fn no_template_and_no_value_makes_the_language_panic(source in template_text(), value in hostile_json()) {
        if let Ok(template) = Template::parse(&source) {
            let _ = render(&template, value);
            for stand_ins in [StandIns::Undefined, StandIns::Defined] {
                let context = RenderContext { stand_ins, ..RenderContext::default() };
                let _ = template.render(&Parameters::new(), &context);
            }
        }
    }
}

/// Random templates out of the language's own words.
fn template_text() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "{{",
        "}}",
        "{%",
        "%}",
        "{#",
        "#}",
        "if",
        "for",
        "while",
        "set",
        "end",
        "else",
        "try",
        "except",
        "x",
        "v",
        "in",
        "not",
        "lambda",
        ":",
        "=",
        "==",
        "+",
        "-",
        "*",
        "**",
        "/",
        "%",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        ".",
        "'a'",
        "f'{v}'",
        "1",
        "0",
        "2.5",
        "None",
        "True",
        "String(v)",
        "Int32(v)",
        "Array(v)",
        "JSON(v)",
        "range(3)",
        "sorted(",
        "v.split(",
        "v.append(",
        "[0]",
        "[::-1]",
        "error('e')",
        "column(v,'c')",
        "\n",
        "SELECT",
        "'",
    ]);
    prop::collection::vec(words, 0..24).prop_map(|words| words.join(" "))
}

/// Whether tokens read `SELECT a, b, c …` with balanced brackets and no word
/// but the functions and names the templates themselves use.
fn is_list_of_expressions(tokens: &[Token]) -> bool {
    let mut depth = 0i32;
    for token in tokens {
        match token {
            Token::Symbol('(' | '[') => depth += 1,
            Token::Symbol(')' | ']') => depth -= 1,
            Token::Symbol(',' | '.') | Token::String | Token::Number | Token::QuotedName => {}
            Token::Word(word) => {
                let known = ["select", "from", "t", "as", "a", "max", "inf", "nan"];
                if !known.contains(&word.as_str()) && !word.starts_with("to") && depth != 0 {
                    return false;
                }
            }
            Token::Symbol(_) => return false,
        }
        if depth < 0 {
            return false;
        }
    }
    depth == 0
        && !tokens
            .iter()
            .any(|token| matches!(token, Token::Word(word) if word == "union" || word == "or"))
}
