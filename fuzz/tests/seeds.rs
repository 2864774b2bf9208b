//! The seeds and every input that once failed, without libFuzzer.

fn replay(seeds: fn() -> Vec<Vec<u8>>, run: fn(&[u8])) {
    for seed in seeds() {
        let input = String::from_utf8_lossy(&seed).into_owned();
        if std::panic::catch_unwind(|| run(&seed)).is_err() {
            panic!("the target fails on {input:?}");
        }
    }
}

#[test]
fn datafiles_are_understood_or_reported() {
    replay(fuzz::datafile::seeds, fuzz::datafile::run);
}

#[test]
fn templates_render_or_say_why_not() {
    replay(fuzz::template::seeds, fuzz::template::run);
}

#[test]
fn tokens_are_genuine_or_refused() {
    replay(fuzz::token::seeds, fuzz::token::run);
}
