//! Whether the write-ahead log of the database still holds all that was
//! committed. SQLite reads a log up to the first page that does not fit and
//! says nothing of the rest; how many pages there were stands in the index
//! beside it. Formats: <https://www.sqlite.org/walformat.html>.

use std::fs;
use std::path::{Path, PathBuf};

const LOG_HEADER: usize = 32;
const FRAME_HEADER: usize = 24;
/// The index begins with its header.
const INDEX_HEADER: usize = 48;
/// The first four bytes of a log; the last bit says that its checksums read
/// words from their big end.
const MAGIC: u32 = 0x377f_0682;

/// How many pages of committed changes a log has lost since it was written, if
/// it has lost any. Ask before the database is opened: that makes a new index.
pub(super) fn lost_pages(database: &Path) -> Option<u32> {
    let index = fs::read(beside(database, "-shm")).ok()?;
    let index = index.get(..INDEX_HEADER)?;
    // A log that is gone has lost them all.
    let log = fs::read(beside(database, "-wal")).unwrap_or_default();
    let is_of_this_log = log.len() < LOG_HEADER || log[16..24] == index[32..40];
    let written = u32::from_ne_bytes(index[16..20].try_into().ok()?);
    let lost = written.saturating_sub(committed_pages(&log));
    (is_of_this_log && lost > 0).then_some(lost)
}

fn beside(database: &Path, ending: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// How many pages of a log SQLite will read: those up to the last commit before
/// the first page that does not fit.
fn committed_pages(log: &[u8]) -> u32 {
    let Some(header) = log.get(..LOG_HEADER) else {
        return 0;
    };
    let magic = word(header, 0);
    if magic & !1 != MAGIC {
        return 0;
    }
    let checksum = Checksum {
        from_big_end: magic & 1 == 1,
    };
    let page = word(header, 8) as usize;
    let mut sum = checksum.add((0, 0), &header[..24]);
    if sum != (word(header, 24), word(header, 28)) || page == 0 {
        return 0;
    }
    let (mut pages, mut committed) = (0, 0);
    for frame in log[LOG_HEADER..].chunks_exact(FRAME_HEADER + page) {
        let (head, data) = frame.split_at(FRAME_HEADER);
        sum = checksum.add(checksum.add(sum, &head[..8]), data);
        if head[8..16] != header[16..24] || sum != (word(head, 16), word(head, 20)) {
            break;
        }
        pages += 1;
        // The size of the database stands in frames that end a commit.
        if word(head, 4) > 0 {
            committed = pages;
        }
    }
    committed
}

/// A number as logs have it: from its big end.
fn word(bytes: &[u8], at: usize) -> u32 {
    let word: Option<[u8; 4]> = bytes.get(at..at + 4).and_then(|word| word.try_into().ok());
    word.map_or(0, u32::from_be_bytes)
}

#[derive(Clone, Copy)]
struct Checksum {
    from_big_end: bool,
}

impl Checksum {
    fn add(self, sum: (u32, u32), bytes: &[u8]) -> (u32, u32) {
        let read = |word: &[u8]| {
            let word = self::word(word, 0);
            if self.from_big_end {
                word
            } else {
                word.swap_bytes()
            }
        };
        bytes.chunks_exact(8).fold(sum, |(first, second), words| {
            let first = first.wrapping_add(read(&words[..4])).wrapping_add(second);
            let second = second.wrapping_add(read(&words[4..])).wrapping_add(first);
            (first, second)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::{FILE, open};

    /// A database as a killed process leaves it: with log and index.
    async fn killed() -> tempfile::TempDir {
        let (running, left) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let pool = open(running.path()).await.unwrap();
        sqlx::query("CREATE TABLE t (n)")
            .execute(&pool)
            .await
            .unwrap();
        for n in 0..50 {
            let row = sqlx::query("INSERT INTO t VALUES (?)").bind(n);
            row.execute(&pool).await.unwrap();
        }
        for ending in ["", "-wal", "-shm"] {
            let name = format!("{FILE}{ending}");
            fs::copy(running.path().join(&name), left.path().join(name)).unwrap();
        }
        left
    }

    fn cut(state: &Path, bytes: impl Fn(u64) -> u64) {
        let path = state.join(format!("{FILE}-wal"));
        let log = fs::File::options().write(true).open(path).unwrap();
        log.set_len(bytes(log.metadata().unwrap().len())).unwrap();
    }

    #[tokio::test]
    async fn a_whole_log_has_lost_nothing_and_a_cut_one_says_how_much() {
        let state = killed().await;
        let database = state.path().join(FILE);
        assert_eq!(lost_pages(&database), None);
        cut(state.path(), |bytes| bytes - 1);
        assert_eq!(lost_pages(&database), Some(1));
        cut(state.path(), |bytes| bytes / 2);
        let half = lost_pages(&database).unwrap();
        assert!((20..40).contains(&half), "{half}");
        fs::remove_file(state.path().join(format!("{FILE}-wal"))).unwrap();
        let all = lost_pages(&database).unwrap();
        assert!(all > half, "{all}");
    }

    #[tokio::test]
    async fn a_page_that_changed_ends_the_log() {
        let state = killed().await;
        let path = state.path().join(format!("{FILE}-wal"));
        let mut log = fs::read(&path).unwrap();
        let middle = log.len() / 2;
        log[middle] ^= 1;
        fs::write(&path, log).unwrap();
        assert!(lost_pages(&state.path().join(FILE)).is_some());
    }

    #[tokio::test]
    async fn what_was_closed_or_never_was_has_lost_nothing() {
        let state = tempfile::tempdir().unwrap();
        assert_eq!(lost_pages(&state.path().join(FILE)), None);
        open(state.path()).await.unwrap().close().await;
        assert_eq!(lost_pages(&state.path().join(FILE)), None);
    }
}
