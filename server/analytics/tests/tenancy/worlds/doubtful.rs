//! What a project may ask for that can mix the rows of tenants: views, copies
//! and TTLs. The server refuses such a thing, or the rows stay apart; which of
//! the two is not asked here. What it refuses is left out, and whatever it
//! takes is filled and read like everything else.

/// SELECTs of org, id, city and note that a view or a copy may be made of.
const SELECTS: [(&str, &str); 14] = [
    (
        "join",
        "SELECT a.org AS org, b.id AS id, b.city AS city, b.note AS note FROM visits AS a JOIN mixed AS b ON a.url = b.url",
    ),
    (
        "right_join",
        "SELECT a.org AS org, b.id AS id, b.city AS city, b.note AS note FROM visits AS a RIGHT JOIN mixed AS b ON a.id = b.id",
    ),
    (
        "asof_join",
        "SELECT a.org AS org, b.id AS id, b.city AS city, b.note AS note FROM visits AS a ASOF JOIN mixed AS b ON a.url = b.url AND a.ts >= b.ts",
    ),
    (
        "scalar",
        "SELECT org, id, city, (SELECT max(note) FROM mixed) AS note FROM visits",
    ),
    (
        "within",
        "SELECT org, id, city, note FROM visits WHERE id IN (SELECT id + 7 FROM mixed)",
    ),
    (
        "window",
        "SELECT org, id, lagInFrame(city) OVER (ORDER BY id) AS city, max(note) OVER (ORDER BY id) AS note FROM visits",
    ),
    (
        "limit",
        "SELECT org, id, city, note FROM visits ORDER BY id LIMIT 3",
    ),
    (
        "limit_by",
        "SELECT org, id, city, note FROM visits ORDER BY id LIMIT 1 BY url",
    ),
    (
        "distinct_on",
        "SELECT DISTINCT ON (url) org, id, city, note FROM visits",
    ),
    (
        "any_org",
        "SELECT max(org) AS org, max(id) AS id, city, max(note) AS note FROM visits GROUP BY city",
    ),
    (
        "constant_org",
        "SELECT 'amber' AS org, id, city, note FROM visits",
    ),
    (
        "running",
        "SELECT org, id, city, toString(rowNumberInAllBlocks()) AS note FROM visits",
    ),
    (
        "totals",
        "SELECT org, count() AS id, city, max(note) AS note FROM visits GROUP BY org, city WITH ROLLUP",
    ),
    // Nothing is wrong with this one.
    (
        "plain",
        "SELECT org, id, city, note FROM visits WHERE id > 3",
    ),
];

const TARGET: &str = "TAGS \"tenant=org\"\n\nSCHEMA >\n    `org` String,\n    `id` UInt64,\n    `city` String,\n    `note` Nullable(String)\n\nENGINE \"MergeTree\"\nENGINE_SORTING_KEY \"id\"\n";

const EXPIRING: &str = "TAGS \"tenant=org\"\n\nSCHEMA >\n    `org` String `json:$.org`,\n    `id` UInt64 `json:$.id`,\n    `ts` DateTime `json:$.ts`,\n    `city` String `json:$.city`,\n    `note` Nullable(String) `json:$.note`\n\nENGINE \"MergeTree\"\nENGINE_SORTING_KEY \"city, org\"\n";

/// One of them: its data source is called as it is, and its pipe, if it has
/// one, `of_<name>`.
#[derive(Debug, Clone)]
pub(super) struct Doubtful {
    pub(super) name: String,
    pub(super) data_source: String,
    pub(super) pipe: Option<String>,
    pub(super) is_copy: bool,
}

impl Doubtful {
    /// Whether it takes rows as they are sent.
    pub(super) fn takes_rows(&self) -> bool {
        self.pipe.is_none()
    }
}

pub(super) fn all() -> Vec<Doubtful> {
    let expiring = [
        ("expiring", "id = max(id), note = max(note)"),
        ("expiring_org", "org = max(org), note = max(note)"),
    ];
    let expiring = expiring.map(|(name, set)| Doubtful {
        name: name.to_owned(),
        data_source: format!(
            "{EXPIRING}ENGINE_TTL \"ts + toIntervalDay(1) GROUP BY city SET {set}\"\n"
        ),
        pipe: None,
        is_copy: false,
    });
    let mut all = Vec::from(expiring);
    for (name, select) in SELECTS {
        for (kind, is_copy) in [("view", false), ("copy", true)] {
            // A scalar subquery in a view makes the embedded engine cancel inserts.
            if name == "scalar" && !is_copy {
                continue;
            }
            let name = format!("{kind}_{name}");
            let ending = if is_copy {
                format!(
                    "TYPE copy\nTARGET_DATASOURCE {name}\nCOPY_SCHEDULE @on-demand\nCOPY_MODE replace\n"
                )
            } else {
                format!("TYPE materialized\nDATASOURCE {name}\n")
            };
            all.push(Doubtful {
                pipe: Some(format!("NODE rows\nSQL >\n    {select}\n\n{ending}")),
                data_source: TARGET.to_owned(),
                is_copy,
                name,
            });
        }
    }
    all
}
