//! What a set of datafiles changes about another: the lists of names that
//! clients show.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::token_changes::TokenChange;
use crate::project::SourceFile;
use datafile::Diagnostic;

/// Names of resources, by what happens to them. The members are called as
/// clients read them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Changes {
    pub(crate) new_datasource_names: Vec<String>,
    pub(crate) changed_datasource_names: Vec<String>,
    pub(crate) deleted_datasource_names: Vec<String>,
    pub(crate) new_pipe_names: Vec<String>,
    pub(crate) changed_pipe_names: Vec<String>,
    pub(crate) deleted_pipe_names: Vec<String>,
    pub(crate) new_data_connector_names: Vec<String>,
    pub(crate) changed_data_connector_names: Vec<String>,
    pub(crate) deleted_data_connector_names: Vec<String>,
}

/// Something the author of a deployment should know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Feedback {
    /// `WARNING` for what may not be meant, `INFO` for what was done.
    pub(crate) level: Level,
    /// The file, or the name of the data source.
    pub(crate) resource: String,
    /// The sentence.
    pub(crate) message: String,
}

/// How much attention feedback wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Level {
    Info,
    Warning,
}

/// What deploying something comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Summary {
    /// Names of what changes.
    #[serde(flatten)]
    pub(crate) changes: Changes,
    /// What changes for static tokens.
    pub(crate) token_changes: Vec<TokenChange>,
    /// What its author should know.
    pub(crate) feedback: Vec<Feedback>,
}

impl Changes {
    /// What is new, different and gone in `files`, compared with `former`.
    pub(crate) fn between(former: &[SourceFile], files: &[SourceFile]) -> Self {
        let [data_sources, pipes, connections] = [".datasource", ".pipe", ".connection"]
            .map(|ending| compare(&named(former, ending), &named(files, ending)));
        Self {
            new_datasource_names: data_sources.new,
            changed_datasource_names: data_sources.changed,
            deleted_datasource_names: data_sources.deleted,
            new_pipe_names: pipes.new,
            changed_pipe_names: pipes.changed,
            deleted_pipe_names: pipes.deleted,
            new_data_connector_names: connections.new,
            changed_data_connector_names: connections.changed,
            deleted_data_connector_names: connections.deleted,
        }
    }
}

/// The files of one kind: what they describe, and their texts.
fn named<'run>(files: &'run [SourceFile], ending: &str) -> BTreeMap<&'run str, &'run str> {
    files
        .iter()
        .filter_map(|file| {
            let path = file.path.strip_suffix(ending)?;
            let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
            Some((name, file.text.as_str()))
        })
        .collect()
}

struct Compared {
    new: Vec<String>,
    changed: Vec<String>,
    deleted: Vec<String>,
}

fn compare(former: &BTreeMap<&str, &str>, files: &BTreeMap<&str, &str>) -> Compared {
    let names = |files: &BTreeMap<&str, &str>, is_named: &dyn Fn(&str, &str) -> bool| {
        let named = files.iter().filter(|(name, text)| is_named(name, text));
        named.map(|(name, _)| (*name).to_owned()).collect()
    };
    Compared {
        new: names(files, &|name, _| !former.contains_key(name)),
        changed: names(files, &|name, text| {
            former.get(name).is_some_and(|before| *before != text)
        }),
        deleted: names(former, &|name, _| !files.contains_key(name)),
    }
}

impl Feedback {
    /// What a project's reading found, though it is good.
    pub(super) fn of_warning(warning: &Diagnostic, file: &str) -> Self {
        Self {
            level: Level::Warning,
            resource: file.to_owned(),
            message: said(warning),
        }
    }

    /// A data source that goes.
    pub(super) fn of_deletion(name: &str) -> Self {
        Self {
            level: Level::Warning,
            resource: name.to_owned(),
            message: format!(
                "`{name}` is no longer part of the project; its table keeps its rows, and has them again when a data source of this name comes back"
            ),
        }
    }
}

/// A finding without its file, which stands beside it.
pub(super) fn said(finding: &Diagnostic) -> String {
    let Diagnostic {
        line,
        column,
        message,
        help,
        ..
    } = finding;
    match help {
        Some(help) => format!("{line}:{column}: {message} (help: {help})"),
        None => format!("{line}:{column}: {message}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_are_compared_by_kind_and_name_wherever_their_files_lie() {
        let files = |pairs: &[(&str, &str)]| -> Vec<SourceFile> {
            let file = |(path, text): &(&str, &str)| SourceFile {
                path: (*path).to_owned(),
                text: (*text).to_owned(),
            };
            pairs.iter().map(file).collect()
        };
        let former = files(&[
            ("a.datasource", "1"),
            ("b.datasource", "1"),
            ("x/p.pipe", "1"),
            ("q.pipe", "1"),
        ]);
        let next = files(&[
            ("datasources/a.datasource", "1"),
            ("p.pipe", "2"),
            ("r.pipe", "1"),
            ("k.connection", "1"),
        ]);
        let expected = Changes {
            deleted_datasource_names: vec!["b".to_owned()],
            new_pipe_names: vec!["r".to_owned()],
            changed_pipe_names: vec!["p".to_owned()],
            deleted_pipe_names: vec!["q".to_owned()],
            new_data_connector_names: vec!["k".to_owned()],
            ..Changes::default()
        };
        assert_eq!(Changes::between(&former, &next), expected);
        assert_eq!(Changes::between(&next, &next), Changes::default());
    }
}
