//! The target `datafile` as a program of libFuzzer's.
#![no_main]

libfuzzer_sys::fuzz_target!(init: fuzz::lay_out(fuzz::datafile::seeds), |data: &[u8]| fuzz::datafile::run(data));
