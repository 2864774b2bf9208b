//! The cases of `tests/cases`; its README says how to add one.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value as Json;
use template::{Parameter, Parameters, RenderContext, Rendered, StandIns, Template};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    case: Vec<Case>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Case {
    name: String,
    template: Option<String>,
    node: Option<String>,
    parameters: BTreeMap<String, Json>,
    json: Option<String>,
    repeated: BTreeMap<String, Vec<String>>,
    secrets: BTreeMap<String, String>,
    stand_ins: Option<String>,
    stands_in: Option<bool>,
    job_timestamp: Option<String>,
    sql: Option<String>,
    error: Option<String>,
    help: Option<String>,
    status: Option<u16>,
    body: Option<String>,
    bound: BTreeMap<String, String>,
    effects: Effects,
}

#[derive(Debug, Clone, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
struct Effects {
    max_threads: Option<u32>,
    cache_ttl: Option<String>,
    backend_hint: Option<String>,
    activate: Vec<String>,
    disable: Vec<String>,
}

/// What a case came to.
#[derive(Debug, PartialEq)]
enum Outcome {
    Sql {
        sql: String,
        bound: BTreeMap<String, String>,
        effects: Effects,
    },
    Error {
        error: String,
        status: u16,
        body: Option<Json>,
    },
}

impl Case {
    fn expected(&self) -> Outcome {
        match (&self.sql, &self.error) {
            (Some(sql), None) => Outcome::Sql {
                sql: sql.clone(),
                bound: self.bound.clone(),
                effects: self.effects.clone(),
            },
            (None, Some(error)) => Outcome::Error {
                error: error.clone(),
                status: self.status.unwrap_or(400),
                body: self
                    .body
                    .as_ref()
                    .map(|body| serde_json::from_str(body).unwrap()),
            },
            _ => panic!("{} needs either sql or error", self.name),
        }
    }

    fn parameters(&self) -> Parameters {
        let mut parameters: Parameters = match &self.json {
            Some(json) => serde_json::from_str::<BTreeMap<String, Json>>(json)
                .unwrap()
                .into_iter()
                .collect(),
            None => self.parameters.clone().into_iter().collect(),
        };
        for (name, texts) in &self.repeated {
            parameters.set(name.clone(), Parameter::List(texts.clone()));
        }
        parameters
    }

    fn actual(&self) -> Outcome {
        let template = match (&self.template, &self.node) {
            (Some(template), None) => Template::parse(template),
            (None, Some(node)) => Template::of_node("node", node),
            _ => panic!("{} needs either template or node", self.name),
        };
        let template = match template {
            Ok(template) => template,
            Err(error) => {
                return Outcome::Error {
                    error: error.message,
                    status: 400,
                    body: None,
                };
            }
        };
        let context = RenderContext {
            secrets: Arc::new(self.secrets.clone()),
            stand_ins: match self.stand_ins.as_deref() {
                None => StandIns::None,
                Some("undefined") => StandIns::Undefined,
                Some("defined") => StandIns::Defined,
                Some(other) => panic!("{}: {other} are no stand-ins", self.name),
            },
            job_timestamp: self.job_timestamp.clone(),
            ..RenderContext::default()
        };
        match template.render(&self.parameters(), &context) {
            Ok(rendered) => {
                if let Some(expected) = self.stands_in {
                    assert_eq!(rendered.stands_in, expected, "{}", self.name);
                }
                outcome(rendered)
            }
            Err(error) => {
                if self.help.is_some() {
                    let help = error.help.map(|help| help.to_string());
                    assert_eq!(help, self.help, "{}", self.name);
                }
                Outcome::Error {
                    error: error.message,
                    status: error.status,
                    body: error.body,
                }
            }
        }
    }
}

fn outcome(rendered: Rendered) -> Outcome {
    let own = |texts: Vec<&'static str>| texts.into_iter().map(str::to_owned).collect();
    Outcome::Sql {
        sql: rendered.sql,
        bound: rendered.bound.into_iter().collect(),
        effects: Effects {
            max_threads: rendered.max_threads,
            cache_ttl: rendered.cache_ttl.map(str::to_owned),
            backend_hint: rendered.backend_hint,
            activate: own(rendered.activate),
            disable: own(rendered.disable),
        },
    }
}

#[test]
fn every_case_renders_as_written() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut count = 0;
    let mut failures = Vec::new();
    for entry in std::fs::read_dir(&directory).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let topic = path.file_stem().unwrap().to_string_lossy().into_owned();
        let file: File = toml::from_str(&std::fs::read_to_string(&path).unwrap())
            .unwrap_or_else(|error| panic!("{topic}: {error}"));
        let mut names = std::collections::BTreeSet::new();
        for case in &file.case {
            count += 1;
            assert!(
                names.insert(&case.name),
                "{topic}: two cases are called {}",
                case.name
            );
            let (expected, actual) = (case.expected(), case.actual());
            if expected != actual {
                failures.push(format!(
                    "{topic}: {}\n  expected {expected:?}\n    actual {actual:?}",
                    case.name
                ));
            }
        }
    }
    assert!(
        failures.is_empty(),
        "{} of {count} cases differ\n{}",
        failures.len(),
        failures.join("\n")
    );
    assert!(count >= 150, "only {count} cases were found");
}
