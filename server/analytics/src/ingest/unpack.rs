//! Unpacking gzip.

use std::io::Read;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;

use super::IngestError;

/// How every gzip file begins; no NDJSON, CSV or Parquet begins like that.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Unpacks gzip and lets anything else through. Blocks: call it where that
/// does no harm.
///
/// # Errors
/// Broken gzip; more than `limit` bytes inside.
pub fn unpack(data: Bytes, limit: usize) -> Result<Bytes, IngestError> {
    if !data.starts_with(&GZIP) {
        return if data.len() > limit {
            Err(IngestError::TooLarge { limit })
        } else {
            Ok(data)
        };
    }
    let mut unpacked = Vec::new();
    // One byte more than allowed tells that there was more.
    let mut inside = MultiGzDecoder::new(&data[..]).take(limit as u64 + 1);
    inside
        .read_to_end(&mut unpacked)
        .map_err(|error| IngestError::Unreadable(format!("the data is not gzip: {error}")))?;
    if unpacked.len() > limit {
        return Err(IngestError::TooLarge { limit });
    }
    Ok(unpacked.into())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn pack(text: &str) -> Bytes {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(text.as_bytes()).unwrap();
        packer.finish().unwrap().into()
    }

    #[test]
    fn gzip_is_unpacked_and_the_rest_left_alone() {
        assert_eq!(unpack(pack("a\nb"), 3).unwrap(), "a\nb");
        assert_eq!(unpack(Bytes::from("a\nb"), 3).unwrap(), "a\nb");
    }

    #[test]
    fn what_unpacks_to_too_much_is_refused() {
        let bomb = pack(&"x".repeat(1_000_000));
        assert!(bomb.len() < 10_000);
        assert_eq!(
            unpack(bomb, 999_999),
            Err(IngestError::TooLarge { limit: 999_999 })
        );
        assert_eq!(
            unpack(Bytes::from("abcd"), 3),
            Err(IngestError::TooLarge { limit: 3 })
        );
    }

    #[test]
    fn broken_gzip_is_an_error() {
        let whole = pack("some text that is long enough");
        let cut = whole.slice(..whole.len() - 6);
        assert!(matches!(unpack(cut, 1000), Err(IngestError::Unreadable(_))));
    }
}
