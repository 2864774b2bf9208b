//! Loading a large fixture: a file of NDJSON streams through the engine's own
//! parser, and its dates may be moved by whole weeks so that the data ends
//! this week.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use tokio::sync::mpsc;

use super::{IngestError, Target};
use crate::project::qualified;
use engine::{EngineError, Insert, Statement, sql};

/// Bytes of lines in one insert.
const BATCH: usize = 4 * 1024 * 1024;

/// How long one step may take.
const DEADLINE: Duration = Duration::from_secs(600);

const WEEK: i64 = 7 * 24 * 60 * 60;

/// The data source that remembers what was loaded.
const RECORD: &str = "demo_loads";

/// What to load.
pub struct Load<'a> {
    /// A file of NDJSON whose keys are the columns' names; gzip if its name
    /// ends in `.gz`.
    pub file: &'a Path,
    /// Moves dates, or leaves them.
    pub shift: Option<Shift<'a>>,
    /// Whether to note the load in the data source `demo_loads`.
    pub record: bool,
    /// Called after each batch.
    pub progress: &'a mut (dyn FnMut(Progress) + Send),
}

/// Moving a column's dates by whole weeks, as many as bring the newest one
/// into the seven days before `now`.
#[derive(Debug, Clone, Copy)]
pub struct Shift<'a> {
    /// A column of type DateTime.
    pub column: &'a str,
    /// The time zone whose hours of the day stay as they are, such as
    /// `America/New_York`: a week may have an hour more or less.
    pub time_zone: &'a str,
    /// Seconds since 1970.
    pub now: i64,
}

/// How far a load has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the file (as it lies there) that were read.
    pub bytes: u64,
    /// Its size.
    pub total_bytes: u64,
    /// Rows written so far.
    pub rows: u64,
}

/// What was loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loaded {
    /// Rows in the data source now.
    pub rows: u64,
    /// By how many weeks its dates were moved.
    pub shift_weeks: i64,
}

impl std::fmt::Debug for Load<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Load")
            .field("file", &self.file)
            .field("shift", &self.shift)
            .finish_non_exhaustive()
    }
}

/// Whether a load of the data source was recorded, that is, came to its end.
///
/// # Errors
/// The engine's.
pub async fn is_loaded(target: Target<'_>) -> Result<bool, EngineError> {
    let record = qualified(target.database, RECORD);
    let name = sql::literal(&target.data_source.name);
    let count = format!("SELECT count() > 0 FROM {record} WHERE data_source = {name}");
    let answer = target
        .engine
        .query(Statement::read(count, "TabSeparated"))
        .await?;
    Ok(answer.body.starts_with(b"1"))
}

/// Fills a data source with the rows of a file, in place of those it has. A
/// load that was interrupted leaves no record: load again.
///
/// # Errors
/// A file that cannot be read or has a row that does not fit; the engine's.
pub async fn load(target: Target<'_>, load: Load<'_>) -> Result<Loaded, IngestError> {
    let table = qualified(target.database, &target.data_source.name);
    change(target, format!("TRUNCATE TABLE {table}")).await?;
    let Some(shift) = load.shift else {
        let rows = stream(target, &table, load.file, load.progress).await?;
        return finish(
            target,
            load.record,
            Loaded {
                rows,
                shift_weeks: 0,
            },
        )
        .await;
    };
    let is_recorded = load.record;
    // The last date is known only after the last row: the rows wait aside.
    let aside = qualified(
        target.database,
        &format!("load.{}", target.data_source.name),
    );
    change(target, format!("DROP TABLE IF EXISTS {aside}")).await?;
    let create = format!("CREATE TABLE {aside} AS {table} ENGINE = MergeTree ORDER BY tuple()");
    change(target, create).await?;
    let moved = match stream(target, &aside, load.file, load.progress).await {
        Ok(rows) => move_dates(target, &aside, &table, shift)
            .await
            .map(|shift_weeks| Loaded { rows, shift_weeks }),
        Err(error) => Err(error),
    };
    change(target, format!("DROP TABLE {aside}")).await?;
    finish(target, is_recorded, moved?).await
}

/// Copies rows with their dates moved; returns by how many weeks.
async fn move_dates(
    target: Target<'_>,
    from: &str,
    to: &str,
    shift: Shift<'_>,
) -> Result<i64, IngestError> {
    let column = sql::identifier(shift.column);
    let newest = format!("SELECT toInt64(toUnixTimestamp(max({column}))) FROM {from}");
    let answer = target
        .engine
        .query(Statement::read(newest, "TabSeparated"))
        .await?;
    let newest = String::from_utf8_lossy(&answer.body)
        .trim()
        .parse()
        .unwrap_or(0);
    let weeks = weeks_until(shift.now, newest);
    let zone = sql::literal(shift.time_zone);
    let names: Vec<String> = target
        .data_source
        .columns
        .iter()
        .map(|column| sql::identifier(&column.name))
        .collect();
    let names = names.join(", ");
    // The zone of the sum is that of the table again once it is written.
    let moved = format!(
        "INSERT INTO {to} ({names}) SELECT {names} FROM (SELECT * REPLACE \
         (addWeeks(toTimeZone({column}, {zone}), {weeks}) AS {column}) FROM {from})"
    );
    change(target, moved).await?;
    Ok(weeks)
}

/// The most weeks that can be added to `newest` without passing `now`.
fn weeks_until(now: i64, newest: i64) -> i64 {
    (now - newest).div_euclid(WEEK)
}

async fn finish(
    target: Target<'_>,
    is_recorded: bool,
    loaded: Loaded,
) -> Result<Loaded, IngestError> {
    if !is_recorded {
        return Ok(loaded);
    }
    let insert = format!(
        "INSERT INTO {} (loaded_at, data_source, shift_weeks) SELECT now(), {}, {}",
        qualified(target.database, RECORD),
        sql::literal(&target.data_source.name),
        loaded.shift_weeks
    );
    change(target, insert).await?;
    Ok(loaded)
}

async fn change(target: Target<'_>, sql: String) -> Result<(), EngineError> {
    target.engine.query(Statement::change(sql)).await?;
    Ok(())
}

/// Inserts the file's lines into a table, batch by batch; returns the rows.
async fn stream(
    target: Target<'_>,
    table: &str,
    file: &Path,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<u64, IngestError> {
    let reader = Reader::open(file)?;
    let (read, total_bytes) = (Arc::clone(&reader.read), reader.total);
    // One batch is inserted while the next is unpacked.
    let (sender, mut batches) = mpsc::channel(1);
    let reading = tokio::task::spawn_blocking(move || reader.send(&sender));
    let mut rows = 0;
    while let Some(data) = batches.recv().await {
        let insert = Insert {
            table: table.to_owned(),
            columns: Vec::new(),
            format: "JSONEachRow".to_owned(),
            data,
            deadline: DEADLINE,
            settings: Vec::new(),
        };
        rows += target.engine.insert(insert).await?.rows_written;
        progress(Progress {
            bytes: read.load(Ordering::Relaxed),
            total_bytes,
            rows,
        });
    }
    match reading.await {
        Ok(result) => result?,
        Err(_) => return Err(unreadable(file, "reading it broke off")),
    }
    Ok(rows)
}

fn unreadable(file: &Path, why: impl std::fmt::Display) -> IngestError {
    IngestError::Unreadable(format!("cannot read {}: {why}", file.display()))
}

struct Reader {
    lines: Box<dyn BufRead + Send>,
    read: Arc<AtomicU64>,
    total: u64,
    path: std::path::PathBuf,
}

impl Reader {
    fn open(path: &Path) -> Result<Self, IngestError> {
        let file = File::open(path).map_err(|error| unreadable(path, error))?;
        let total = file
            .metadata()
            .map_err(|error| unreadable(path, error))?
            .len();
        let read = Arc::new(AtomicU64::new(0));
        let file = Counted(file, Arc::clone(&read));
        let is_packed = path.extension().is_some_and(|extension| extension == "gz");
        let lines: Box<dyn BufRead + Send> = if is_packed {
            Box::new(BufReader::new(MultiGzDecoder::new(file)))
        } else {
            Box::new(BufReader::new(file))
        };
        Ok(Self {
            lines,
            read,
            total,
            path: path.to_owned(),
        })
    }

    /// Sends whole lines in batches until the file ends or nobody listens.
    fn send(mut self, batches: &mpsc::Sender<Bytes>) -> Result<(), IngestError> {
        loop {
            let mut batch = Vec::with_capacity(BATCH + BATCH / 8);
            let whole = (&mut self.lines).take(BATCH as u64).read_to_end(&mut batch);
            let rest = whole.and_then(|_| self.lines.read_until(b'\n', &mut batch));
            rest.map_err(|error| unreadable(&self.path, error))?;
            if batch.is_empty() || batches.blocking_send(batch.into()).is_err() {
                return Ok(());
            }
        }
    }
}

/// Counts the bytes read of a file.
struct Counted(File, Arc<AtomicU64>);

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.0.read(buffer)?;
        self.1.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_row_lands_in_the_last_seven_days_and_never_in_the_future() {
        for (now, newest) in [
            (1_000_000_000, 0),
            (1_000_000_000, 999_999_999),
            (5, 10),
            (WEEK, 0),
            (0, 0),
            (0, WEEK),
        ] {
            let moved = newest + weeks_until(now, newest) * WEEK;
            assert!(moved <= now && now - moved < WEEK, "{now} {newest} {moved}");
        }
    }
}
