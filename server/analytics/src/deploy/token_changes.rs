//! What a project's `TOKEN` lines grant that another's do not.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::project::Project;
use datafile::{TokenLine, TokenPermission};

/// What happens to one token. The members are called as clients read them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TokenChange {
    pub(crate) token_name: String,
    pub(crate) change_type: ChangeType,
    pub(crate) permission_changes: PermissionChanges,
}

/// Whether lines name a token for the first time, still, or no more. A token
/// that none names keeps what it was given through the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ChangeType {
    New,
    Modified,
    Deleted,
}

/// Permissions that come and go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PermissionChanges {
    pub(crate) added_permissions: BTreeSet<Permission>,
    pub(crate) removed_permissions: BTreeSet<Permission>,
}

/// What one line grants.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Permission {
    pub(crate) resource_name: String,
    /// `datasource` or `pipe`.
    pub(crate) resource_type: String,
    /// `READ` or `APPEND`.
    pub(crate) permission: String,
}

/// What changes for tokens from one project to the next, by name.
pub(super) fn between(former: &Project, next: &Project) -> Vec<TokenChange> {
    let (former, next) = (granted(former), granted(next));
    let names: BTreeSet<&str> = former.keys().chain(next.keys()).copied().collect();
    let change = |name: &str| {
        let (before, after) = (former.get(name), next.get(name));
        let change_type = match (before, after) {
            (None, _) => ChangeType::New,
            (Some(_), None) => ChangeType::Deleted,
            (Some(before), Some(after)) if before == after => return None,
            _ => ChangeType::Modified,
        };
        let (before, after) = (before.cloned(), after.cloned());
        let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
        Some(TokenChange {
            token_name: name.to_owned(),
            change_type,
            permission_changes: PermissionChanges {
                added_permissions: &after - &before,
                removed_permissions: &before - &after,
            },
        })
    };
    names.into_iter().filter_map(change).collect()
}

/// What each token is granted.
fn granted(project: &Project) -> BTreeMap<&str, BTreeSet<Permission>> {
    let mut granted: BTreeMap<&str, BTreeSet<Permission>> = BTreeMap::new();
    let data_sources = project.data_sources().flat_map(|one| {
        one.tokens
            .iter()
            .map(|line| ("datasource", &one.name, line))
    });
    let pipes = project
        .pipes()
        .flat_map(|one| one.tokens.iter().map(|line| ("pipe", &one.name, line)));
    for (resource_type, name, line) in data_sources.chain(pipes) {
        granted.entry(&line.name).or_default().insert(Permission {
            resource_name: name.clone(),
            resource_type: resource_type.to_owned(),
            permission: permission(line).to_owned(),
        });
    }
    granted
}

fn permission(line: &TokenLine) -> &'static str {
    match line.permission {
        TokenPermission::Read => "READ",
        TokenPermission::Append => "APPEND",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::{SourceFile, Variables};

    fn project(pairs: &[(&str, &str)]) -> Project {
        let file = |(path, lines): &(&str, &str)| SourceFile {
            path: (*path).to_owned(),
            text: match path.ends_with(".pipe") {
                true => format!("{lines}NODE n\nSQL >\n    SELECT 1\nTYPE endpoint\n"),
                false => format!("{lines}SCHEMA >\n    a UInt8\n"),
            },
        };
        let files: Vec<SourceFile> = pairs.iter().map(file).collect();
        Project::from_files(&files, &Variables::default()).unwrap()
    }

    #[test]
    fn tokens_that_come_go_or_change_are_told_with_their_permissions() {
        let former = project(&[
            (
                "p.pipe",
                "TOKEN gone READ\nTOKEN same READ\nTOKEN other READ\n",
            ),
            ("d.datasource", "TOKEN other APPEND\n"),
        ]);
        let next = project(&[
            ("p.pipe", "TOKEN same READ\nTOKEN other READ\n"),
            ("d.datasource", "TOKEN other READ\nTOKEN fresh READ\n"),
        ]);
        let permission = |kind: &str, name: &str, permission: &str| Permission {
            resource_name: name.to_owned(),
            resource_type: kind.to_owned(),
            permission: permission.to_owned(),
        };
        let change = |name: &str, change_type, added: &[Permission], removed: &[Permission]| {
            let set = |list: &[Permission]| list.iter().cloned().collect();
            TokenChange {
                token_name: name.to_owned(),
                change_type,
                permission_changes: PermissionChanges {
                    added_permissions: set(added),
                    removed_permissions: set(removed),
                },
            }
        };
        let [append, read_d, read_p] = [
            permission("datasource", "d", "APPEND"),
            permission("datasource", "d", "READ"),
            permission("pipe", "p", "READ"),
        ];
        let expected = [
            change("fresh", ChangeType::New, std::slice::from_ref(&read_d), &[]),
            change("gone", ChangeType::Deleted, &[], &[read_p]),
            change("other", ChangeType::Modified, &[read_d], &[append]),
        ];
        assert_eq!(between(&former, &next), expected);
        assert_eq!(between(&next, &next), []);
    }
}
