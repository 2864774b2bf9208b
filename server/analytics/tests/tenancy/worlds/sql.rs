//! SQL at random: SELECTs over what a tenant may read, with any functions over
//! any columns. What cannot run is a statement, too: its error is compared.

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use super::Topic;
use super::words::{
    ALL, CONDITIONS, CONSTANTS, DATA_SOURCES, DOUBTFUL, FORMATS, INSIGHTS, PIPES, PLACES, SHAPES,
    Table, WITH_DICTIONARY, parts,
};

pub(super) struct Grammar<'a> {
    /// The engine's functions of rows, and its aggregate functions.
    pub(super) functions: Vec<String>,
    pub(super) aggregates: Vec<String>,
    /// Data sources that are there if the server took them.
    pub(super) doubtful: Vec<String>,
    pub(super) is_open: &'a dyn Fn(Topic) -> bool,
}
/// A table in a statement: its text, and columns it has.
pub(super) struct Source {
    pub(super) text: String,
    pub(super) columns: Vec<String>,
    /// Whether its rows come in an order already.
    pub(super) is_sorted: bool,
}

impl Source {
    pub(super) fn new(text: &str, columns: Vec<String>) -> Self {
        Self {
            text: text.to_owned(),
            columns,
            is_sorted: false,
        }
    }
}
pub(super) fn pick<'a>(chance: &mut StdRng, from: &[&'a str]) -> &'a str {
    from.choose(chance).copied().unwrap_or_default()
}
impl Grammar<'_> {
    pub(super) fn pipe(&self, chance: &mut StdRng) -> Table {
        let may_fail = ["numbers", "documents"];
        let pipes = PIPES.into_iter().filter(|(name, columns)| {
            let holds = !((self.is_open)(Topic::Dictionaries) && may_fail.contains(name));
            holds
                && !((self.is_open)(Topic::Documents)
                    && (columns.len() == ALL.len() || *name == "documents"))
        });
        let pipes: Vec<Table> = pipes.collect();
        pipes.choose(chance).copied().unwrap_or(("cities", &[]))
    }
    /// The columns that may be used while something is open.
    pub(super) fn kept(&self, columns: &[&str]) -> Vec<String> {
        let columns = columns.iter().copied();
        let no_documents = (self.is_open)(Topic::Documents);
        let columns = columns.filter(|column| !(no_documents && *column == "doc"));
        columns.map(str::to_owned).collect()
    }

    /// A table, a subquery or a join.
    pub(super) fn from(&self, chance: &mut StdRng, depth: usize) -> Source {
        match chance.random_range(0..10) {
            0 if depth > 0 => {
                let inner = self.from(chance, depth - 1);
                let columns: Vec<String> = inner
                    .columns
                    .iter()
                    .filter(|_| chance.random_bool(0.7))
                    .cloned()
                    .collect();
                let columns = if columns.is_empty() {
                    inner.columns.clone()
                } else {
                    columns
                };
                let text = format!(
                    "(SELECT {} FROM {} WHERE {})",
                    columns.join(", "),
                    inner.text,
                    self.condition(chance, &inner)
                );
                Source {
                    is_sorted: inner.is_sorted,
                    ..Source::new(&text, columns)
                }
            }
            1 if depth > 0 => {
                let (left, right) = (self.table(chance), self.table(chance));
                let kind = pick(
                    chance,
                    &[
                        "INNER",
                        "LEFT",
                        "RIGHT",
                        "FULL",
                        "LEFT SEMI",
                        "LEFT ANTI",
                        "LEFT ANY",
                    ],
                );
                let key = ["id", "city"].into_iter().find(|key| {
                    let has = |from: &Source| from.columns.iter().any(|column| column == key);
                    has(&left) && has(&right)
                });
                let Some(key) = key else { return left };
                let text = format!(
                    "{} AS l {kind} JOIN {} AS r ON l.{key} = r.{key}",
                    left.text, right.text
                );
                let columns = vec![format!("l.{key}"), format!("r.{key}")];
                Source::new(&text, columns)
            }
            2 => {
                let mut from = self.table(chance);
                // In which order FINAL reads parts is the engine's to choose:
                // no two of the tenant's rows are equal in these.
                if from.text == "versions" || from.text == "by_city" {
                    from.is_sorted = true;
                    from.text = format!(
                        "(SELECT * FROM {} FINAL ORDER BY org, {})",
                        from.text, from.columns[1]
                    );
                }
                from
            }
            _ => self.table(chance),
        }
    }

    fn table(&self, chance: &mut StdRng) -> Source {
        if !self.doubtful.is_empty() && chance.random_bool(0.15) {
            let name = self.doubtful.choose(chance).cloned().unwrap_or_default();
            return Source::new(&name, self.kept(DOUBTFUL));
        }
        if chance.random_bool(0.15) {
            let (name, columns) = self.pipe(chance);
            return Source::new(name, self.kept(columns));
        }
        let (name, columns) = DATA_SOURCES
            .choose(chance)
            .copied()
            .unwrap_or(("visits", &ALL));
        Source::new(name, self.kept(columns))
    }

    pub(super) fn statement(&self, chance: &mut StdRng, from: &Source) -> String {
        let select = self.select(chance, from);
        match chance.random_range(0..10) {
            0..5 => format!("{select} FORMAT JSON"),
            5..8 => format!("{select} FORMAT {}", pick(chance, &FORMATS)),
            _ => select,
        }
    }

    pub(super) fn select(&self, chance: &mut StdRng, from: &Source) -> String {
        let is_grouped = chance.random_bool(0.25);
        let items: Vec<String> = (0..chance.random_range(1..=3))
            .map(|_| {
                if is_grouped {
                    self.aggregate(chance, from)
                } else {
                    self.item(chance, from)
                }
            })
            .collect();
        let key = self.column(chance, from);
        let items = if is_grouped {
            format!("{key} AS k, {}", items.join(", "))
        } else {
            items.join(", ")
        };
        let mut sql = format!("SELECT {items} FROM {}", from.text);
        if chance.random_bool(0.1) && !from.text.contains(' ') {
            sql.push_str(&format!(" PREWHERE {}", self.condition(chance, from)));
        }
        if chance.random_bool(0.5) {
            sql.push_str(&format!(" WHERE {}", self.condition(chance, from)));
        }
        if is_grouped {
            sql.push_str(" GROUP BY k");
            sql.push_str(pick(
                chance,
                &[
                    "",
                    "",
                    "",
                    " WITH ROLLUP",
                    " WITH TOTALS",
                    " HAVING count() > 1",
                ],
            ));
        }
        if chance.random_bool(0.3) && !from.is_sorted {
            sql.push_str(&format!(
                " ORDER BY {}",
                if is_grouped { "k" } else { &key }
            ));
        }
        if chance.random_bool(0.2) {
            sql.push_str(pick(chance, &[" LIMIT 2", " LIMIT 1 OFFSET 1", " LIMIT 3"]));
        }
        sql
    }

    fn item(&self, chance: &mut StdRng, from: &Source) -> String {
        match chance.random_range(0..12) {
            0 if !(self.is_open)(Topic::Documents) => "*".to_owned(),
            1 => "count()".to_owned(),
            2 if !(self.is_open)(Topic::Statistics) => pick(chance, &PLACES).to_owned(),
            3 if !(self.is_open)(Topic::Statistics) => {
                let inner = self.column(chance, from);
                pick(chance, &INSIGHTS).replace("{}", &inner)
            }
            4 if !(self.is_open)(Topic::Lengths) && chance.random_bool(0.05) => {
                "repeat('x', 1000000)".to_owned()
            }
            _ => self.expression(chance, from, 2),
        }
    }

    fn aggregate(&self, chance: &mut StdRng, from: &Source) -> String {
        let one = self.expression(chance, from, 1);
        match chance.random_range(0..5) {
            0 => "count()".to_owned(),
            1 => format!("max({one})"),
            2 => format!("groupArray({one})"),
            _ => {
                let name = self
                    .aggregates
                    .choose(chance)
                    .map_or("uniq", String::as_str);
                let more = if chance.random_bool(0.3) {
                    format!(", {}", self.expression(chance, from, 0))
                } else {
                    String::new()
                };
                format!("{name}({one}{more})")
            }
        }
    }

    fn column(&self, chance: &mut StdRng, from: &Source) -> String {
        from.columns
            .choose(chance)
            .cloned()
            .unwrap_or_else(|| "1".to_owned())
    }

    fn expression(&self, chance: &mut StdRng, from: &Source, depth: usize) -> String {
        let column = self.column(chance, from);
        let is_plain = (self.is_open)(Topic::Dictionaries)
            && WITH_DICTIONARY.iter().any(|known| column.ends_with(known));
        if depth == 0 || is_plain {
            return column;
        }
        match chance.random_range(0..20) {
            0..5 => column,
            5..9 => match parts(&column).choose(chance) {
                Some(part) => (*part).to_owned(),
                None => column,
            },
            9 => pick(chance, &CONSTANTS).to_owned(),
            10..18 => {
                let inner = self.expression(chance, from, depth - 1);
                let shapes: Vec<&str> = SHAPES
                    .into_iter()
                    .filter(|shape| self.may_use(shape, from))
                    .collect();
                pick(chance, &shapes).replace("{}", &inner)
            }
            _ => {
                let name = self
                    .functions
                    .choose(chance)
                    .map_or("identity", String::as_str);
                let arguments: Vec<String> = (0..chance.random_range(1..=3))
                    .map(|nth| {
                        if nth > 0 && chance.random_bool(0.6) {
                            pick(chance, &CONSTANTS).to_owned()
                        } else {
                            self.expression(chance, from, depth - 1)
                        }
                    })
                    .collect();
                format!("{name}({})", arguments.join(", "))
            }
        }
    }

    /// Whether a shape names only what may be read here.
    fn may_use(&self, shape: &str, from: &Source) -> bool {
        let reads = shape.contains("FROM ");
        !(reads && (from.text == "_" || (self.is_open)(Topic::Dictionaries)))
    }

    /// A condition on columns that are there.
    fn known_condition(&self, chance: &mut StdRng, from: &Source) -> String {
        let is_there = |column: &&str| from.columns.iter().any(|known| known == column);
        let fits = |condition: &&str| {
            let named = ALL.iter().filter(|column| condition.contains(**column));
            named.into_iter().all(&is_there)
        };
        let fitting: Vec<&str> = CONDITIONS.into_iter().filter(fits).collect();
        fitting
            .choose(chance)
            .map_or("1", |found| *found)
            .to_owned()
    }

    fn condition(&self, chance: &mut StdRng, from: &Source) -> String {
        let one = match chance.random_range(0..4) {
            0 => format!(
                "{} = {}",
                self.expression(chance, from, 2),
                pick(chance, &CONSTANTS)
            ),
            1 => format!("notEmpty(toString({}))", self.expression(chance, from, 2)),
            2 if from.columns.iter().any(|column| column == "id") => format!(
                "id > {}",
                chance.random_range(0..2_000) * chance.random_range(1..1_000)
            ),
            _ => self.known_condition(chance, from),
        };
        match chance.random_range(0..5) {
            0 => format!("{one} AND {}", self.known_condition(chance, from)),
            1 => format!("({one} OR {})", self.known_condition(chance, from)),
            2 => format!("NOT ({one})"),
            _ => one,
        }
    }
}
