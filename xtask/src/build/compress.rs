//! Brotli and gzip copies beside the files of the site, so that the server
//! never compresses them itself.

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use flate2::{Compression, write::GzEncoder};

/// Extensions whose files shrink; images and fonts are compressed already.
const COMPRESSIBLE: [&str; 8] = ["css", "html", "ico", "js", "json", "svg", "txt", "wasm"];

/// Writes `name.br` and `name.gz` beside the file where that makes it smaller.
pub(crate) fn precompress(file: &Path) -> Result<()> {
    let Some(extension) = file.extension().and_then(|extension| extension.to_str()) else {
        return Ok(());
    };
    if !COMPRESSIBLE.contains(&extension) {
        return Ok(());
    }
    let content = fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
    for (suffix, compressed) in [("br", brotli(&content)?), ("gz", gzip(&content)?)] {
        if compressed.len() < content.len() {
            let path = file.with_extension(format!("{extension}.{suffix}"));
            fs::write(&path, compressed)
                .with_context(|| format!("{} cannot be written", path.display()))?;
        }
    }
    Ok(())
}

/// Brotli at its best quality, with the largest window that browsers accept.
pub(crate) fn brotli(content: &[u8]) -> Result<Vec<u8>> {
    let mut writer = brotli::CompressorWriter::new(Vec::new(), 4096, 11, 24);
    writer.write_all(content)?;
    Ok(writer.into_inner())
}

fn gzip(content: &[u8]) -> Result<Vec<u8>> {
    let mut writer = GzEncoder::new(Vec::new(), Compression::best());
    writer.write_all(content)?;
    Ok(writer.finish()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn both_copies_unpack_to_the_file() {
        let content = b"a rookery is one tree with many nests ".repeat(50);
        let mut unpacked = Vec::new();
        brotli::Decompressor::new(brotli(&content).unwrap().as_slice(), 4096)
            .read_to_end(&mut unpacked)
            .unwrap();
        assert_eq!(unpacked, content);
        unpacked.clear();
        flate2::read::GzDecoder::new(gzip(&content).unwrap().as_slice())
            .read_to_end(&mut unpacked)
            .unwrap();
        assert_eq!(unpacked, content);
    }
}
