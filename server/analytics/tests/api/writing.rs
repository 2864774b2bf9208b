//! Rows that come in while the project changes, and packed ones.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use analytics::{LimitSettings, Settings};
use serde_json::Value;

use super::reload::copy;
use super::server::{ADMIN, Server, project, settings};

async fn rows(server: &Server, sql: &str) -> String {
    let request = server.post("/v0/sql").bearer_auth(ADMIN);
    let answer = request.body(sql.to_owned()).send().await.unwrap();
    answer.text().await.unwrap()
}

/// Writes events until told to stop; answers how many rows were written.
async fn write_until(server: Arc<Server>, is_over: Arc<AtomicBool>) -> u64 {
    let mut written = 0;
    while !is_over.load(Ordering::Relaxed) {
        let row = "{\"org\":\"ua\",\"n\":1}\n{\"org\":\"b6\",\"n\":2}\n";
        let request = server.post("/v0/events?name=scratch&wait=true");
        let answer = request.bearer_auth(ADMIN).body(row).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        written += 2;
    }
    written
}

#[tokio::test]
async fn a_view_made_while_rows_come_in_has_each_of_them_once() {
    let directory = tempfile::tempdir().unwrap();
    copy(&project(), directory.path());
    let server = Server::start_with(Settings {
        project: directory.path().to_owned(),
        ..settings()
    })
    .await;
    let (server, is_over) = (Arc::new(server), Arc::new(AtomicBool::new(false)));
    let writers: Vec<_> = (0..3)
        .map(|_| tokio::spawn(write_until(Arc::clone(&server), Arc::clone(&is_over))))
        .collect();
    for name in ["first", "second", "third"] {
        let table = "TAGS \"tenant=org\"\nSCHEMA >\n    org String,\n    n UInt32\n\
                     ENGINE MergeTree\nENGINE_SORTING_KEY org\n";
        let pipe = format!(
            "NODE all\nSQL >\n    SELECT org, n FROM scratch\nTYPE materialized\nDATASOURCE {name}\n"
        );
        std::fs::write(
            directory
                .path()
                .join(format!("datasources/{name}.datasource")),
            table,
        )
        .unwrap();
        std::fs::write(
            directory
                .path()
                .join(format!("materializations/{name}_mv.pipe")),
            pipe,
        )
        .unwrap();
        let applied = server.running.workspace().reload().await.unwrap().unwrap();
        assert_eq!(applied.populated, [format!("{name}_mv")]);
    }
    is_over.store(true, Ordering::Relaxed);
    let mut written = 0;
    for writer in writers {
        written += writer.await.unwrap();
    }
    assert!(written > 0);
    for table in ["scratch", "first", "second", "third"] {
        assert_eq!(
            rows(&server, &format!("SELECT count() FROM {table}")).await,
            format!("{written}\n"),
            "{table}"
        );
    }
    Arc::into_inner(server).unwrap().stop().await;
}

fn gzip(text: &str) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(text.as_bytes()).unwrap();
    packer.finish().unwrap()
}

fn zstd(text: &str) -> Vec<u8> {
    zstd::encode_all(text.as_bytes(), 3).unwrap()
}

async fn send(server: &Server, path: &str, encoding: &str, body: Vec<u8>) -> (u16, Value) {
    let request = server.post(path).bearer_auth(ADMIN).body(body);
    let request = request.header("Content-Encoding", encoding);
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn packed_bodies_are_read_up_to_the_same_size_as_plain_ones() {
    const LIMIT: usize = 100_000;
    const EVENTS: &str = "/v0/events?name=scratch&wait=true";
    const FILE: &str = "/v0/datasources?mode=append&name=sheet&format=csv";

    let server = Server::start_with(Settings {
        limits: LimitSettings {
            event_bytes: LIMIT,
            file_bytes: LIMIT,
            ..LimitSettings::default()
        },
        ..settings()
    })
    .await;
    let event = "{\"org\":\"ua\",\"n\":1}\n";
    let bomb = format!("{event}{}", " ".repeat(50 * LIMIT));
    type Pack = fn(&str) -> Vec<u8>;
    let packs: [(&str, Pack); 2] = [("gzip", gzip), ("zstd", zstd)];
    for (encoding, pack) in packs {
        let (status, answer) = send(&server, EVENTS, encoding, pack(event)).await;
        assert_eq!(
            (status, &answer["successful_rows"]),
            (200, &1.into()),
            "{answer}"
        );
        let (status, answer) = send(&server, FILE, encoding, pack("a,b\n1,one\n")).await;
        assert_eq!(
            (status, &answer["successful_rows"]),
            (200, &1.into()),
            "{answer}"
        );
        for path in [EVENTS, FILE] {
            let packed = pack(&bomb);
            assert!(packed.len() < LIMIT);
            let (status, answer) = send(&server, path, encoding, packed).await;
            assert_eq!(
                (status, &answer["code"]),
                (413, &"too_large".into()),
                "{answer}"
            );
            let mut cut = pack(event);
            cut.truncate(cut.len() - 3);
            let (status, answer) = send(&server, path, encoding, cut).await;
            assert_eq!(
                (status, &answer["code"]),
                (400, &"unreadable_rows".into()),
                "{answer}"
            );
        }
    }
    assert_eq!(rows(&server, "SELECT count() FROM scratch").await, "2\n");
    assert_eq!(rows(&server, "SELECT count() FROM sheet").await, "2\n");
    server.stop().await;
}
