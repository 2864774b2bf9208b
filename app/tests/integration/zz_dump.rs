use std::sync::Arc;
use crate::support::*;
#[tokio::test]
async fn dump() {
    let dir = std::path::Path::new("/tmp/app-dump");
    std::fs::create_dir_all(dir).unwrap();
    for (name, address, page) in [
        ("landing", "/", nobody()), ("landing-in", "/", cleo()), ("token", "/token", ada()), ("token-out", "/token", nobody()),
        ("dashboard-all", "/dashboard?period=all", ada()), ("dashboard", "/dashboard", cleo()), ("dan", "/dashboard", dan()), ("out", "/dashboard", nobody()), ("missing", "/x", nobody()),
        ("mistake", "/dashboard?from=2026-03-01&to=2026-01-01", ada()),
    ] {
        let html = document_with(address, page, Arc::new(Answers::of_united())).await;
        std::fs::write(dir.join(format!("{name}.html")), html.replace("/pkg/rookery.css", "main.css").replace("<body>", "<body data-hydrated>")).unwrap();
    }
    let broken = r#"{"error":"memory limit exceeded: the query needs more than it may","code":"memory_limit"}"#;
    let html = document_with("/dashboard", ada(), Arc::new(Answers::of_united().with("delay_by_hour", 500, broken).without("top_destinations", app::analytics::TransportError::Timeout))).await;
    std::fs::write(dir.join("broken.html"), html.replace("/pkg/rookery.css", "main.css").replace("<body>", "<body data-hydrated>")).unwrap();
}
