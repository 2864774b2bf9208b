//! A project as large as one wishes, shaped like the large public ones: landing
//! tables, views that aggregate them day by day, copies, and endpoints of
//! several nodes with templates that read them and each other.

/// How many files a project has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    /// Data sources, of which a quarter is filled by materialized views.
    pub(crate) data_sources: usize,
    /// Pipes, those of the materialized views included.
    pub(crate) pipes: usize,
}

/// The largest public project that was tried.
pub(crate) const LARGE: Size = Size {
    data_sources: 138,
    pipes: 289,
};

/// The datafiles: path and text.
pub(crate) fn files(size: Size) -> Vec<(String, String)> {
    let views = size.data_sources / 4;
    let landings = size.data_sources - views;
    let mut files = Vec::new();
    for number in 0..landings {
        files.push((format!("datasources/events_{number}.datasource"), landing()));
    }
    for number in 0..views {
        files.push((format!("datasources/daily_{number}.datasource"), daily()));
        let path = format!("materializations/fill_daily_{number}.pipe");
        files.push((path, view(number)));
    }
    for number in 0..size.pipes.saturating_sub(views) {
        let path = format!("endpoints/endpoint_{number}.pipe");
        files.push((path, endpoint(number, landings, views)));
    }
    files
}

fn landing() -> String {
    "DESCRIPTION > What happened\n\n\
     SCHEMA >\n    \
     `org` LowCardinality(String) `json:$.org`,\n    \
     `at` DateTime64(3) `json:$.at`,\n    \
     `id` UUID `json:$.id` DEFAULT generateUUIDv4(),\n    \
     `user` Nullable(String) `json:$.user`,\n    \
     `action` LowCardinality(String) `json:$.action`,\n    \
     `path` String `json:$.page.path` DEFAULT '/',\n    \
     `amount` Decimal(18, 4) `json:$.amount` DEFAULT 0,\n    \
     `count` UInt32 `json:$.count` DEFAULT 1,\n    \
     `labels` Array(String) `json:$.labels[:]`,\n    \
     `payload` String `json:$.payload` CODEC(ZSTD(3))\n\n\
     ENGINE MergeTree\nENGINE_PARTITION_KEY toYYYYMM(at)\nENGINE_SORTING_KEY org, action, at\n\
     ENGINE_TTL toDateTime(at) + toIntervalDay(365)\n"
        .to_owned()
}

fn daily() -> String {
    "SCHEMA >\n    \
     `org` LowCardinality(String),\n    \
     `day` Date,\n    \
     `action` LowCardinality(String),\n    \
     `users` AggregateFunction(uniq, Nullable(String)),\n    \
     `hits` AggregateFunction(count),\n    \
     `amount` AggregateFunction(sum, Decimal(18, 4))\n\n\
     ENGINE AggregatingMergeTree\nENGINE_PARTITION_KEY toYYYYMM(day)\nENGINE_SORTING_KEY org, day, action\n"
        .to_owned()
}

fn view(number: usize) -> String {
    format!(
        "NODE cleaned_{number}\nSQL >\n    \
         SELECT org, toDate(at) AS day, action, user, amount FROM events_{number} WHERE org != ''\n\n\
         NODE by_day_{number}\nSQL >\n    \
         SELECT org, day, action, uniqState(user) AS users, countState() AS hits, sumState(amount) AS amount\n    \
         FROM cleaned_{number} GROUP BY org, day, action\n\n\
         TYPE materialized\nDATASOURCE daily_{number}\n"
    )
}

/// Every third endpoint reads days, every third events with a join, and every
/// third the endpoint before it.
fn endpoint(number: usize, landings: usize, views: usize) -> String {
    let period = "\n      {% if defined(from) %} AND day >= {{ Date(from, description='The first day') }} {% end %}\
                  \n      {% if defined(to) %} AND day <= {{ Date(to) }} {% end %}";
    let (first, second) = match number % 3 {
        0 => (
            format!(
                "SELECT day, action, uniqMerge(users) AS users, countMerge(hits) AS hits\n    \
                 FROM daily_{}\n    WHERE org = {{{{ String(org, 'acme') }}}}{period}\n    GROUP BY day, action",
                number % views.max(1)
            ),
            format!(
                "SELECT day, sum(users) AS users, sum(hits) AS hits, round(hits / nullIf(users, 0), 2) AS each\n    \
                 FROM found_{number} GROUP BY day ORDER BY day LIMIT {{{{ Int32(limit, 100) }}}}"
            ),
        ),
        1 => (
            format!(
                "SELECT toDate(at) AS day, action, path, amount, user FROM events_{}\n    \
                 WHERE org = {{{{ String(org) }}}}{period}\n      \
                 {{% if defined(actions) %}} AND action IN {{{{ Array(actions, 'String') }}}} {{% end %}}",
                number % landings
            ),
            format!(
                "SELECT f.path AS path, count() AS hits, uniq(f.user) AS users, sum(f.amount) AS amount, any(o.others) AS others\n    \
                 FROM found_{number} AS f\n    LEFT JOIN (SELECT path, count() AS others FROM events_{} GROUP BY path) AS o ON o.path = f.path\n    \
                 GROUP BY path ORDER BY {{{{ column(order, 'hits') }}}} DESC LIMIT {{{{ Int32(page, 0) }}}}, 50",
                (number * 7 + 3) % landings
            ),
        ),
        _ => (
            format!("SELECT * FROM endpoint_{}", number - 1),
            format!(
                "SELECT path, hits, users, hits / sum(hits) OVER () AS share FROM found_{number}\n    \
                 {{% if Boolean(only_used, 0) %}} WHERE users > 0 {{% end %}} ORDER BY share DESC"
            ),
        ),
    };
    format!(
        "DESCRIPTION > Endpoint {number}\n\nNODE found_{number}\nSQL >\n    %\n    {first}\n\n\
         NODE answer_{number}\nSQL >\n    %\n    {second}\n\nTYPE endpoint\n"
    )
}
