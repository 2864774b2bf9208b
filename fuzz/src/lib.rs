//! What the fuzz targets do with an input, and the inputs they start from.
//! `targets/` holds the programs, which leave the choice of inputs to
//! libFuzzer; `tests/` replays the seeds. Each target asserts what must hold
//! whatever it is given; that it neither hangs nor eats the memory is
//! libFuzzer's to see.

pub mod datafile;
mod json;
mod seeds;
pub mod template;
pub mod token;

pub use seeds::lay_out;

/// The input as text: what comes before the first byte that is not UTF-8.
fn text(data: &[u8]) -> &str {
    match std::str::from_utf8(data) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&data[..error.valid_up_to()]).unwrap_or_default(),
    }
}
