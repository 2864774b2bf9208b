//! The target `template` as a program of libFuzzer's.
#![no_main]

libfuzzer_sys::fuzz_target!(init: fuzz::lay_out(fuzz::template::seeds), |data: &[u8]| fuzz::template::run(data));
