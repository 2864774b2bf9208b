//! Random SELECTs, all with the columns org, id, amount and secret, so that any
//! can stand wherever a table can. The same tree is written twice: about
//! everybody's data sources, and about the twins.

use proptest::prelude::*;

use super::world::{DATA_SOURCES, TWIN};

/// What a tree may read, and how it is called.
#[derive(Debug, Clone)]
pub(super) struct Names {
    /// Ends the names of data sources and pipes.
    pub(super) suffix: &'static str,
    /// Names of pipes and nodes that may be read, as they are.
    pub(super) others: Vec<String>,
    /// Whether there is only the result of an endpoint, called `_`.
    pub(super) is_over: bool,
    /// Whether the SQL is a project's, which has to be right.
    pub(super) in_project: bool,
}

impl Names {
    pub(super) fn new(is_twin: bool) -> Self {
        let suffix = if is_twin { TWIN } else { "" };
        Self {
            suffix,
            others: Vec::new(),
            is_over: false,
            in_project: false,
        }
    }
}

/// A SELECT of org, id, amount and secret.
#[derive(Debug, Clone)]
pub(super) enum Relation {
    /// A data source, pipe or node, and how it is read.
    Source(u8, Reading),
    Filtered(Box<Self>, &'static str),
    /// Hides the tenant's column behind a constant.
    Renamed(Box<Self>),
    Joined(&'static str, Box<Self>, Box<Self>),
    Combined(&'static str, Box<Self>, Box<Self>),
    Within(&'static str, Box<Self>, Box<Self>),
    Scalar(Box<Self>, Box<Self>),
    Grouped(Box<Self>, &'static str),
    Windowed(Box<Self>),
    Exploded(Box<Self>, &'static str),
    /// A CTE, perhaps of a data source's name, around a SELECT that may mean
    /// the data source by it.
    Shadowed(u8, Box<Self>, Box<Self>),
    Viewed(Box<Self>),
    Ordered(Box<Self>),
    /// Gives functions, columns and sets another meaning around it.
    Redefined(&'static str, Box<Self>),
}

/// How a table is read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Reading {
    Plain,
    Aliased,
    Qualified,
    Sampled,
    Prewhere(&'static str),
    /// Something that no tenant may read, instead.
    Forbidden(&'static str),
}

/// Some of them fail when they meet a stranger's row.
const CONDITIONS: [&str; 11] = [
    "1",
    "id % 2 = 0",
    "amount > 5",
    "org != 'birch'",
    "org IN ('amber', 'birch', '7', '8')",
    "secret != ''",
    "throwIf(org = 'birch') = 0",
    "throwIf(org IN ('coral', '9')) = 0",
    "throwIf(secret LIKE '%-birch') = 0",
    "if(org = 'coral', toUInt64(secret), 0) = 0",
    "intDiv(1, org != 'birch') >= 0",
];

const FORBIDDEN: [&str; 12] = [
    "merge('rookery', '.*')",
    "remote('127.0.0.1', rookery.events)",
    "loop(rookery.events)",
    "`view.feed_totals`",
    "rookery.`view.feed_seen`",
    "events_quarantine",
    "system.parts",
    "default.`/etc/passwd`",
    "information_schema.columns",
    "file('/etc/passwd', 'LineAsString')",
    "mergeTreeIndex(rookery, events)",
    "papers",
];

pub(super) fn relation() -> impl Strategy<Value = Relation> {
    let source = (any::<u8>(), reading()).prop_map(|(index, how)| Relation::Source(index, how));
    source.prop_recursive(3, 10, 2, |inner| {
        let one = || inner.clone().prop_map(Box::new);
        let condition = || prop::sample::select(&CONDITIONS[..]);
        prop_oneof![
            4 => (one(), condition()).prop_map(|(inner, condition)| Relation::Filtered(inner, condition)),
            1 => one().prop_map(Relation::Renamed),
            4 => (prop::sample::select(&["INNER", "LEFT", "RIGHT", "FULL", "LEFT SEMI", "RIGHT ANTI", "LEFT ANTI", "LEFT ANY", "ASOF", "CROSS"][..]), one(), one())
                .prop_map(|(kind, left, right)| Relation::Joined(kind, left, right)),
            2 => (prop::sample::select(&["UNION ALL", "UNION DISTINCT", "INTERSECT", "EXCEPT"][..]), one(), one())
                .prop_map(|(kind, left, right)| Relation::Combined(kind, left, right)),
            2 => (prop::sample::select(&["IN", "NOT IN", "GLOBAL IN"][..]), one(), one())
                .prop_map(|(kind, left, right)| Relation::Within(kind, left, right)),
            1 => (one(), one()).prop_map(|(left, right)| Relation::Scalar(left, right)),
            2 => (one(), prop::sample::select(&["", " WITH ROLLUP", " HAVING throwIf(org = 'birch') = 0"][..]))
                .prop_map(|(inner, rest)| Relation::Grouped(inner, rest)),
            1 => one().prop_map(Relation::Windowed),
            2 => (one(), condition()).prop_map(|(inner, condition)| Relation::Exploded(inner, condition)),
            2 => (any::<u8>(), one(), one()).prop_map(|(index, left, right)| Relation::Shadowed(index, left, right)),
            1 => one().prop_map(Relation::Viewed),
            1 => one().prop_map(Relation::Ordered),
            1 => (prop::sample::select(&["((a, b) -> 1) AS equals", "((a, b) -> 1) AS and", "'birch' AS tenant", "[1] AS events"][..]), one())
                .prop_map(|(meaning, inner)| Relation::Redefined(meaning, inner)),
        ]
    })
}

fn reading() -> impl Strategy<Value = Reading> {
    prop_oneof![
        6 => Just(Reading::Plain),
        2 => Just(Reading::Aliased),
        1 => Just(Reading::Qualified),
        1 => Just(Reading::Sampled),
        3 => prop::sample::select(&CONDITIONS[..]).prop_map(Reading::Prewhere),
        1 => prop::sample::select(&FORBIDDEN[..]).prop_map(Reading::Forbidden),
    ]
}

impl Relation {
    /// Whether the answer depends on nothing but the rows: not on which of
    /// several rows ClickHouse meets first.
    pub(super) fn is_stable(&self) -> bool {
        match self {
            Self::Source(_, how) => !matches!(how, Reading::Forbidden(_)),
            Self::Joined(kind, left, right) => {
                !matches!(*kind, "LEFT ANY" | "ASOF") && left.is_stable() && right.is_stable()
            }
            Self::Combined(_, left, right)
            | Self::Within(_, left, right)
            | Self::Scalar(left, right)
            | Self::Shadowed(_, left, right) => left.is_stable() && right.is_stable(),
            // A lambda around it may change what its own conditions say.
            Self::Filtered(inner, _)
            | Self::Grouped(inner, _)
            | Self::Exploded(inner, _)
            | Self::Redefined(_, inner)
            | Self::Renamed(inner)
            | Self::Windowed(inner)
            | Self::Viewed(inner)
            | Self::Ordered(inner) => inner.is_stable(),
        }
    }

    /// Whether it belongs into a project: no project reads what is forbidden.
    pub(super) fn without_forbidden(&self) -> Self {
        let inner = |relation: &Self| Box::new(relation.without_forbidden());
        match self {
            Self::Source(index, Reading::Forbidden(_) | Reading::Qualified) => {
                Self::Source(*index, Reading::Plain)
            }
            Self::Source(..) => self.clone(),
            Self::Filtered(one, text) => Self::Filtered(inner(one), text),
            Self::Renamed(one) => Self::Renamed(inner(one)),
            Self::Joined(kind, left, right) => Self::Joined(kind, inner(left), inner(right)),
            Self::Combined(kind, left, right) => Self::Combined(kind, inner(left), inner(right)),
            Self::Within(kind, left, right) => Self::Within(kind, inner(left), inner(right)),
            Self::Scalar(left, right) => Self::Scalar(inner(left), inner(right)),
            Self::Grouped(one, rest) => Self::Grouped(inner(one), rest),
            Self::Windowed(one) => Self::Windowed(inner(one)),
            Self::Exploded(one, text) => Self::Exploded(inner(one), text),
            Self::Shadowed(index, left, right) => Self::Shadowed(*index, inner(left), inner(right)),
            Self::Viewed(one) => Self::Viewed(inner(one)),
            Self::Ordered(one) => Self::Ordered(inner(one)),
            Self::Redefined(meaning, one) => Self::Redefined(meaning, inner(one)),
        }
    }

    /// The SELECT.
    pub(super) fn sql(&self, names: &Names) -> String {
        match self {
            Self::Source(index, how) => source(*index, *how, names),
            Self::Filtered(inner, condition) => {
                format!(
                    "SELECT org, id, amount, secret FROM ({}) WHERE {condition}",
                    inner.sql(names)
                )
            }
            Self::Renamed(inner) => {
                format!(
                    "SELECT 'nobody' AS org, id, amount, secret FROM ({}) AS events",
                    inner.sql(names)
                )
            }
            Self::Joined(kind, left, right) => joined(kind, &left.side(names), &right.side(names)),
            Self::Combined(kind, left, right) => {
                format!(
                    "SELECT * FROM (({}) {kind} ({}))",
                    left.sql(names),
                    right.sql(names)
                )
            }
            Self::Within(kind, left, right) => format!(
                "SELECT org, id, amount, secret FROM ({}) WHERE id {kind} (SELECT id FROM ({}))",
                left.sql(names),
                right.sql(names)
            ),
            Self::Scalar(left, right) => format!(
                "SELECT org, id, assumeNotNull((SELECT sum(amount) FROM ({}))) AS amount, secret FROM ({})",
                right.sql(names),
                left.sql(names)
            ),
            Self::Grouped(inner, rest) => format!(
                "SELECT org, count() AS id, sum(amount) AS amount, max(s) AS secret FROM (SELECT org, amount, secret AS s FROM ({})) GROUP BY org{rest}",
                inner.sql(names)
            ),
            Self::Windowed(inner) => format!(
                "SELECT org, id, sum(n) OVER () AS amount, max(s) OVER (PARTITION BY org) AS secret FROM (SELECT org, id, amount AS n, secret AS s FROM ({}))",
                inner.sql(names)
            ),
            Self::Exploded(inner, condition) => format!(
                "SELECT org, id, amount, secret FROM ({}) ARRAY JOIN [1, 2] AS twice WHERE {condition}",
                inner.sql(names)
            ),
            Self::Shadowed(index, cte, inner) => {
                let inner = inner.sql(names);
                format!(
                    "WITH {} AS ({}) SELECT * FROM ({inner})",
                    name_of_cte(*index, &inner, names),
                    cte.sql(names),
                )
            }
            // view() does not see the nodes and pipes of a project.
            Self::Viewed(inner) if !names.in_project => {
                format!("SELECT * FROM view({})", inner.sql(names))
            }
            Self::Viewed(inner) => inner.sql(names),
            Self::Ordered(inner) => {
                format!("SELECT * FROM ({}) ORDER BY ALL LIMIT 9", inner.sql(names))
            }
            Self::Redefined(meaning, inner) => {
                format!("WITH {meaning} SELECT * FROM ({})", inner.sql(names))
            }
        }
    }

    /// One side of a join, kept small unless it is a table as it is.
    fn side(&self, names: &Names) -> String {
        let sql = self.sql(names);
        match self {
            Self::Source(..) => sql,
            _ => format!("SELECT * FROM ({sql}) ORDER BY ALL LIMIT 20"),
        }
    }
}

/// The name of a CTE around a SELECT. In a project it is a data source's only
/// where the SELECT does not name that itself: the two have other columns.
fn name_of_cte(index: u8, inner: &str, names: &Names) -> String {
    let index = usize::from(index) % (DATA_SOURCES.len() + 1);
    match DATA_SOURCES.get(index) {
        Some(name) if !(names.in_project && inner.contains(name)) => {
            format!("{name}{}", names.suffix)
        }
        _ => "own".to_owned(),
    }
}

fn joined(kind: &str, left: &str, right: &str) -> String {
    let on = match kind {
        "CROSS" => "",
        "ASOF" => " ON l.org = r.org AND l.id >= r.id",
        _ => " ON l.id = r.id",
    };
    let columns = match kind {
        "RIGHT ANTI" => "r.org AS org, r.id AS id, r.amount AS amount, r.secret AS secret",
        _ => "l.org AS org, r.id AS id, l.amount AS amount, r.secret AS secret",
    };
    format!("SELECT {columns} FROM ({left}) AS l {kind} JOIN ({right}) AS r{on}")
}

fn source(index: u8, how: Reading, names: &Names) -> String {
    if let Reading::Forbidden(table) = how {
        return format!("SELECT org, id, amount, secret FROM {table}");
    }
    if names.is_over {
        return "SELECT org, id, amount, secret FROM _".to_owned();
    }
    let index = usize::from(index) % (DATA_SOURCES.len() + names.others.len());
    let Some(name) = DATA_SOURCES.get(index) else {
        let name = &names.others[index - DATA_SOURCES.len()];
        return format!("SELECT org, id, amount, secret FROM {name}");
    };
    let table = format!("{name}{}", names.suffix);
    let columns = match *name {
        "orders" => "toString(customer) AS org, id, amount, assumeNotNull(secret) AS secret",
        "totals" => {
            return format!(
                "SELECT org, countMerge(rows) AS id, sumMerge(amount) AS amount, maxMerge(secret) AS secret FROM {table} GROUP BY org, parity"
            );
        }
        _ => "org, id, amount, secret",
    };
    // Rows that replace each other are the same for all only when FINAL.
    let merged = if *name == "versions" { " FINAL" } else { "" };
    let rest = match how {
        Reading::Plain | Reading::Forbidden(_) => format!("{table}{merged}"),
        Reading::Aliased => format!("{table} AS totals{merged}"),
        Reading::Qualified => format!("rookery.{table}{merged}"),
        Reading::Sampled if *name == "events" => format!("{table} SAMPLE 1/2"),
        Reading::Sampled => format!("{table}{merged}"),
        Reading::Prewhere(_) if *name == "orders" => {
            format!("{table} PREWHERE throwIf(customer = 8) = 0")
        }
        Reading::Prewhere(condition) => format!("{table}{merged} PREWHERE {condition}"),
    };
    format!("SELECT {columns} FROM {rest}")
}
