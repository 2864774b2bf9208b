//! Reading `EXPLAIN AST`: one node a line, indented by its depth.
//!
//! Names stand in it as they are, line breaks included, so that a name can
//! look like further nodes. Such a name can only make more tables and
//! functions appear, never fewer: no real line is ever skipped.

use super::{Inspection, StatementKind, TableName};

/// Functions whose right side may be the name of a table.
const IN_FUNCTIONS: [&str; 8] = [
    "in",
    "notin",
    "globalin",
    "globalnotin",
    "nullin",
    "notnullin",
    "globalnullin",
    "globalnotnullin",
];

/// What the tree says.
pub(super) struct Tree {
    pub(super) inspection: Inspection,
    /// SELECTs, each part of a UNION counted.
    pub(super) selects: usize,
    /// SETTINGS clauses; the tree does not name them.
    pub(super) settings: usize,
    /// APPLY transformers; the tree does not show what they apply.
    pub(super) applied: usize,
}

struct Node<'text> {
    depth: usize,
    kind: &'text str,
    /// The name after the kind, alias and number of children cut off.
    name: &'text str,
}

/// A node above the current one, and how many children of it came before.
struct Above<'nodes> {
    node: &'nodes Node<'nodes>,
    children: usize,
}

/// Reads the tree; `None` when there is none.
pub(super) fn read(text: &str) -> Option<Tree> {
    let nodes: Vec<Node<'_>> = text.lines().filter_map(node).collect();
    let root = nodes.first()?;
    let kind = statement_kind(root.kind);
    let mut tree = Tree {
        inspection: Inspection {
            kind,
            ..Inspection::default()
        },
        selects: 0,
        settings: 0,
        applied: 0,
    };
    let mut path: Vec<Above<'_>> = Vec::new();
    for node in &nodes {
        while path
            .last()
            .is_some_and(|above| above.node.depth >= node.depth)
        {
            path.pop();
        }
        tree.take(node, &path);
        if let Some(parent) = path.last_mut() {
            parent.children += 1;
        }
        path.push(Above { node, children: 0 });
    }
    Some(tree)
}

impl Tree {
    fn take(&mut self, node: &Node<'_>, path: &[Above<'_>]) {
        let found = &mut self.inspection;
        let parent = path.last().map_or("", |above| above.node.kind);
        match node.kind {
            "SelectQuery" => self.selects += 1,
            "Set" => self.settings += 1,
            "ColumnsApplyTransformer" => self.applied += 1,
            "TableIdentifier" => {
                found.tables.insert(table_name(node.name, false));
            }
            "Function" if parent == "TableExpression" => {
                found.table_functions.insert(node.name.to_owned());
            }
            "Function" => {
                found.functions.insert(node.name.to_owned());
            }
            "Identifier" if is_right_of_in(path) => {
                found.tables.insert(table_name(node.name, true));
            }
            // Beside the statement's own parts, its root has the format and
            // the file's name for children.
            "Identifier" if path.len() == 1 && has_output(&found.kind) => {
                found.format = Some(node.name.to_owned());
            }
            "Literal" if path.len() == 1 => found.writes_file = true,
            _ => {}
        }
    }
}

fn has_output(kind: &StatementKind) -> bool {
    matches!(kind, StatementKind::Select | StatementKind::Describe)
}

/// Whether the current node is on the right side of an IN: in its list of
/// arguments, but not the first.
fn is_right_of_in(path: &[Above<'_>]) -> bool {
    let [.., function, list] = path else {
        return false;
    };
    let name = function.node.name.to_ascii_lowercase();
    list.node.kind == "ExpressionList"
        && list.children > 0
        && function.node.kind == "Function"
        && IN_FUNCTIONS.contains(&name.as_str())
}

fn statement_kind(root: &str) -> StatementKind {
    match root {
        "SelectWithUnionQuery" | "SelectIntersectExceptQuery" | "SelectQuery" => {
            StatementKind::Select
        }
        "DescribeQuery" => StatementKind::Describe,
        "Explain" => StatementKind::Explain,
        show if show.starts_with("Show") => StatementKind::Show,
        other => StatementKind::Other(other.to_owned()),
    }
}

fn node(line: &str) -> Option<Node<'_>> {
    let text = line.trim_start_matches(' ');
    let depth = line.len() - text.len();
    let (kind, rest) = text.split_once(' ').unwrap_or((text, ""));
    if kind.is_empty() {
        return None;
    }
    Some(Node {
        depth,
        kind,
        name: bare_name(rest),
    })
}

/// `f (alias q) (children 1)` → `f`.
fn bare_name(rest: &str) -> &str {
    let mut name = rest.trim_end();
    if let Some(cut) = name
        .rfind(" (children ")
        .or_else(|| name.starts_with("(children ").then_some(0))
    {
        name = &name[..cut];
    }
    if let Some(cut) = name.find(" (alias ") {
        name = &name[..cut];
    }
    name
}

fn table_name(name: &str, after_in: bool) -> TableName {
    let (database, table) = match name.split_once('.') {
        Some((database, table)) => (Some(database.to_owned()), table),
        None => (None, name),
    };
    TableName {
        database,
        table: table.to_owned(),
        after_in,
    }
}
