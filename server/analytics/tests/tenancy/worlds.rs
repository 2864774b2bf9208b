//! The promise, as it is written: for any statement and any two worlds that
//! differ only in what a tenant may not know, the tenant's answer is the same:
//! status, headers, body, error text and statistics, byte for byte but for the
//! times. What it may not know are the rows of the others, secrets, and the
//! names and the SQL of what its token does not name.
//!
//! Statements are made at random (`asks`, `sql`, out of `words`); a world is made of
//! the tenant's rows and any others (`rows`), and put on by `stage`.
//!
//! The usual run takes about two minutes of one core. `WORLDS_STATEMENTS` and
//! `WORLDS_SEED` ask for more, `WORLDS_STRICT` for what is still open, too.

mod answer;
mod asks;
mod doubtful;
mod rows;
mod sql;
mod stage;
mod words;

use std::time::Instant;

use futures::StreamExt;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use answer::Answer;
use asks::Ask;
use sql::Grammar;
use stage::Stage;

/// Statements between two changes of the world.
const ROUND: usize = 2_500;

/// Bytes of the longest answer: the bound of results, and what a format adds.
const LONGEST: usize = 4 * stage::RESULT_BYTES;

/// Requests under way at once.
const AT_ONCE: usize = 4;

/// Differences that a failure shows: the shortest.
const SHOWN: usize = 12;

/// What a statement may be about that is kept from a tenant with care of its
/// own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Topic {
    /// Functions over columns that have a dictionary.
    Dictionaries,
    /// Documents: their keys, and types that differ from row to row.
    Documents,
    /// What a query took, and where rows lie.
    Statistics,
    /// The text of errors.
    Errors,
    /// Nodes of a pipe before its last.
    Nodes,
    /// Views, copies and TTLs that mix tenants.
    Mixing,
    /// Filters in tokens that are more than a condition.
    Filters,
    /// Names that mean something in one world only.
    Names,
    /// Answers that are longer than any may be.
    Lengths,
}

/// What is not kept yet, and left out.
const OPEN: &[Topic] = &[
    Topic::Dictionaries,
    Topic::Documents,
    Topic::Statistics,
    Topic::Errors,
    Topic::Nodes,
    Topic::Mixing,
    Topic::Filters,
    Topic::Names,
    Topic::Lengths,
];

/// Functions whose values are chance or time, by the beginning of their names.
const CHANCE: [&str; 31] = [
    "rand",
    "generate",
    "now",
    "today",
    "yesterday",
    "uptime",
    "utc",
    "currentquery",
    "query",
    "initialquery",
    "fuzz",
    "sleep",
    "localtime",
    "arrayshuffle",
    "arraypartialshuffle",
    "arrayrandom",
    "obfuscate",
    "curdate",
    "current",
    "hostname",
    "fqdn",
    "serveruuid",
    "tid",
    "connection",
    "timestamp",
    "datetimetouuid",
    "aggthrow",
    "flamegraph",
    "nothing",
    "canonical",
    "icebergb",
];

fn number(variable: &str, usual: u64) -> u64 {
    match std::env::var(variable) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{variable}={text} is no number")),
        Err(_) => usual,
    }
}

/// An ask that is answered differently in two worlds.
struct Difference {
    ask: Ask,
    seed: u64,
    answers: [Answer; 2],
}

async fn answers(stage: &Stage, asks: &[Ask], tokens: &[String]) -> Vec<Answer> {
    let answers = asks.iter().map(|ask| stage.ask(ask, &tokens[ask.token]));
    futures::stream::iter(answers)
        .buffered(AT_ONCE)
        .collect()
        .await
}

async fn functions(stage: &Stage, condition: &str) -> Vec<String> {
    let sql = format!("SELECT name FROM system.functions WHERE {condition} ORDER BY name");
    let mut names = stage.words(&sql).await;
    names.retain(|name| {
        let name = name.to_lowercase();
        !CHANCE.iter().any(|chance| name.starts_with(chance))
    });
    names
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenants_answer_is_the_same_whoever_else_is_there() {
    let statements = usize::try_from(number("WORLDS_STATEMENTS", 10_000)).unwrap();
    let seed = number("WORLDS_SEED", 2_026);
    let is_strict = std::env::var_os("WORLDS_STRICT").is_some();
    let is_open = |topic: Topic| !is_strict && OPEN.contains(&topic);
    let started = Instant::now();
    let doubtful = if is_open(Topic::Mixing) {
        Vec::new()
    } else {
        doubtful::all()
    };
    let stage = Stage::start(doubtful).await;
    let grammar = Grammar {
        functions: functions(&stage, "NOT is_aggregate").await,
        aggregates: functions(&stage, "is_aggregate").await,
        doubtful: stage.doubtful().map(str::to_owned).collect(),
        is_open: &is_open,
    };
    let tokens = grammar.tokens();
    let mut chance = StdRng::seed_from_u64(seed);
    let (mut asked, mut with_rows, mut statuses) = (0, 0, std::collections::BTreeMap::new());
    let mut differences = Vec::new();
    while asked < statements && differences.is_empty() {
        let round = ROUND.min(statements - asked);
        let asks: Vec<Ask> = (0..round)
            .map(|_| grammar.ask(&mut chance, tokens.len()))
            .collect();
        let world_seed = chance.random();
        let mut both = Vec::new();
        for nth in 0..2 {
            stage.put_on(nth, world_seed ^ nth as u64).await;
            both.push(answers(&stage, &asks, &tokens).await);
        }
        for answer in both.iter().flatten().filter(|_| !is_open(Topic::Lengths)) {
            assert!(
                answer.length() <= LONGEST,
                "{} bytes are answered",
                answer.length()
            );
        }
        let pairs = both.remove(0).into_iter().zip(both.remove(0));
        for (ask, (first, second)) in asks.into_iter().zip(pairs) {
            with_rows += usize::from(first.is_rows());
            *statuses.entry(first.status).or_insert(0) += 1;
            let (one, other) = (first.shown(&is_open), second.shown(&is_open));
            if one != other && !(ask.leaves_order_open() && one.has_the_rows_of(&other)) {
                let answers = [first, second];
                differences.push(Difference {
                    ask,
                    seed: world_seed,
                    answers,
                });
            }
        }
        asked += round;
        eprintln!(
            "{asked} of {statements} statements, {with_rows} answered with rows, {statuses:?}, {:.0?}",
            started.elapsed()
        );
    }
    stage.stop().await;
    differences.sort_by_key(|difference| difference.ask.length());
    assert!(differences.is_empty(), "{}", report(&differences, seed));
    assert!(
        with_rows * 5 > asked,
        "only {with_rows} of {asked} statements were answered with rows"
    );
}

fn report(differences: &[Difference], seed: u64) -> String {
    let mut text = format!(
        "{} statements are answered differently in two worlds; WORLDS_SEED={seed} shows it again; the shortest:\n",
        differences.len()
    );
    for Difference { ask, seed, answers } in differences.iter().take(SHOWN) {
        let [first, second] = answers;
        text.push_str(&format!(
            "\n{} {}, token {}, worlds of {seed}\n--- one: {}\n--- other: {}\n",
            ask.path,
            ask.body
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
            ask.token,
            first.beside(second),
            second.beside(first),
        ));
    }
    text
}
