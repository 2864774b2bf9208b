//! Unpacking gzip and zstd, no further than a limit.

use std::io::Read;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use zstd::stream::read::Decoder;

use super::IngestError;

/// How every gzip file begins (RFC 1952).
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// How every zstd frame begins (RFC 8878).
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// The window, as a power of two, that every zstd decoder is asked to have.
const USUAL_WINDOW: u32 = 23;

/// Unpacks gzip and zstd and lets anything else through: no NDJSON, CSV or
/// Parquet begins like either. Blocks: call it where that does no harm.
///
/// # Errors
/// What cannot be unpacked; more than `limit` bytes inside.
pub fn unpack(data: Bytes, limit: usize) -> Result<Bytes, IngestError> {
    if data.starts_with(&GZIP) {
        read(MultiGzDecoder::new(&data[..]), "gzip", limit)
    } else if data.starts_with(&ZSTD) {
        let inside = frames(&data, limit).map_err(|error| unreadable("zstd", &error))?;
        read(inside, "zstd", limit)
    } else if data.len() > limit {
        Err(IngestError::TooLarge { limit })
    } else {
        Ok(data)
    }
}

/// All zstd frames, one after the other. What a frame refers back to is held
/// in memory: no more of it than may be inside.
fn frames(data: &[u8], limit: usize) -> std::io::Result<impl Read> {
    let mut decoder = Decoder::with_buffer(data)?;
    let needed = limit.max(1).next_power_of_two().ilog2();
    decoder.window_log_max(needed.clamp(USUAL_WINDOW, 27))?;
    Ok(decoder)
}

fn read(packed: impl Read, kind: &str, limit: usize) -> Result<Bytes, IngestError> {
    let mut unpacked = Vec::new();
    // One byte more than allowed tells that there was more.
    packed
        .take(limit as u64 + 1)
        .read_to_end(&mut unpacked)
        .map_err(|error| unreadable(kind, &error))?;
    if unpacked.len() > limit {
        return Err(IngestError::TooLarge { limit });
    }
    Ok(unpacked.into())
}

fn unreadable(kind: &str, error: &std::io::Error) -> IngestError {
    IngestError::Unreadable(format!("the data is not {kind}: {error}"))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn gzip(text: &str) -> Bytes {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(text.as_bytes()).unwrap();
        packer.finish().unwrap().into()
    }

    fn zstd(text: &str) -> Bytes {
        zstd::encode_all(text.as_bytes(), 1).unwrap().into()
    }

    #[test]
    fn packed_data_is_unpacked_and_the_rest_left_alone() {
        for data in [gzip("a\nb"), zstd("a\nb"), Bytes::from("a\nb")] {
            assert_eq!(unpack(data, 3).unwrap(), "a\nb");
        }
    }

    #[test]
    fn what_unpacks_to_too_much_is_refused() {
        let large = "x".repeat(1_000_000);
        for bomb in [gzip(&large), zstd(&large)] {
            assert!(bomb.len() < 10_000);
            assert_eq!(
                unpack(bomb.clone(), 999_999),
                Err(IngestError::TooLarge { limit: 999_999 })
            );
            assert_eq!(unpack(bomb, 1_000_000).unwrap().len(), 1_000_000);
        }
        assert_eq!(
            unpack(Bytes::from("abcd"), 3),
            Err(IngestError::TooLarge { limit: 3 })
        );
    }

    #[test]
    fn zstd_may_come_in_several_frames() {
        let both = [zstd("a\n"), zstd("b")].concat();
        assert_eq!(unpack(both.into(), 3).unwrap(), "a\nb");
    }

    #[test]
    fn a_frame_that_wants_more_memory_than_the_limit_is_refused() {
        let mut packer = zstd::stream::Encoder::new(Vec::new(), 1).unwrap();
        packer.window_log(27).unwrap();
        packer.write_all(b"a").unwrap();
        let greedy = packer.finish().unwrap();
        assert!(matches!(
            unpack(greedy.into(), 1_000_000),
            Err(IngestError::Unreadable(_))
        ));
    }

    #[test]
    fn what_is_cut_off_is_refused() {
        for whole in [gzip("a\nb"), zstd("a\nb")] {
            let cut = whole.slice(..whole.len() - 2);
            assert!(matches!(unpack(cut, 100), Err(IngestError::Unreadable(_))));
        }
    }
}
