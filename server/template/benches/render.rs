//! Parsing and rendering a typical node. The goal for rendering is 20 µs.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use template::{Parameters, RenderContext, Template};

/// A node with the usual mixture: typed parameters, conditions, an array, a
/// column to sort by and a loop over columns.
const NODE: &str = r#"
SELECT
    toStartOfInterval(timestamp, INTERVAL {{Int(interval, 1, description="Width of a bucket")}} hour) AS bucket,
    {% for last, name in enumerate_with_last(split_to_array(dimensions, 'browser,country')) %}
    {{column(name)}}{% if not last %},{% end %}
    {% end %},
    count() AS hits,
    uniq(session_id) AS visits
FROM events
WHERE org_id = {{String(org, description="Fixed by the token", required=True)}}
    {% if defined(date_from) %}
    AND timestamp >= {{DateTime(date_from, description="First moment, inclusive")}}
    {% end %}
    {% if defined(date_to) %}
    AND timestamp < {{DateTime(date_to, description="Last moment, exclusive")}}
    {% end %}
    {% if defined(countries) %}
    AND country IN {{Array(countries, 'String', description="Country codes")}}
    {% end %}
    {% if defined(search) and len(search) > 2 %}
    AND path LIKE '%{{String(search)}}%'
    {% elif Int32(minimum, 0) > 0 %}
    AND duration > {{Int32(minimum)}}
    {% end %}
GROUP BY ALL
ORDER BY {{column(sort, 'hits')}} {% if descending == 'true' %}DESC{% else %}ASC{% end %}
LIMIT {{Int32(page_size, 50)}} OFFSET {{Int32(page, 0) * Int32(page_size, 50)}}
"#;

fn benchmark(criterion: &mut Criterion) {
    let parameters = Parameters::from_iter([
        ("org", "acme"),
        ("date_from", "2024-01-01 00:00:00"),
        ("date_to", "2024-02-01 00:00:00"),
        ("countries", "ES,FR,DE"),
        ("search", "pricing"),
        ("sort", "visits"),
        ("descending", "true"),
        ("page", "2"),
    ]);
    let context = RenderContext::default();
    let template = Template::parse(NODE).expect("the template is right");
    criterion.bench_function("template/render a typical node", |bencher| {
        bencher.iter(|| template.render(black_box(&parameters), &context));
    });
    criterion.bench_function("template/parse a typical node", |bencher| {
        bencher.iter(|| Template::parse(black_box(NODE)));
    });
}

criterion_group!(benches, benchmark);
criterion_main!(benches);
