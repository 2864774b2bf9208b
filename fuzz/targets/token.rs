//! The target `token` as a program of libFuzzer's.
#![no_main]

libfuzzer_sys::fuzz_target!(init: fuzz::lay_out(fuzz::token::seeds), |data: &[u8]| fuzz::token::run(data));

libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    fuzz::token::mutate(data, size, max_size, seed)
        .unwrap_or_else(|| libfuzzer_sys::fuzzer_mutate(data, size, max_size))
});
