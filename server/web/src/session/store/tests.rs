use super::*;
use std::collections::HashMap;

use sqlx::Row;

async fn pool() -> SqlitePool {
    let pool = sqlx::sqlite::SqlitePoolOptions::new()
        .max_connections(1)
        .connect("sqlite::memory:")
        .await
        .unwrap();
    sqlx::migrate!().run(&pool).await.unwrap();
    pool
}

fn record() -> Record {
    Record {
        id: Id::default(),
        data: HashMap::from([("account".to_owned(), "ada".into())]),
        expiry_date: OffsetDateTime::now_utc().replace_nanosecond(0).unwrap()
            + time::Duration::hours(1),
    }
}

fn add(data: &mut Data, key: &str) -> Changed {
    data.insert(key.to_owned(), 1.into());
    Changed::Yes
}

async fn created(store: &Store) -> Record {
    let mut record = record();
    store.create(&mut record).await.unwrap();
    record
}

#[tokio::test]
async fn a_session_survives_a_restart() {
    let pool = pool().await;
    let record = created(&Store::new(pool.clone())).await;
    let restarted = Store::new(pool);
    assert_eq!(restarted.load(&record.id).await.unwrap(), Some(record));
}

#[tokio::test]
async fn the_database_does_not_hold_the_id() {
    let pool = pool().await;
    let record = created(&Store::new(pool.clone())).await;
    let row = sqlx::query("SELECT id, data FROM web_sessions")
        .fetch_one(&pool)
        .await
        .unwrap();
    let stored: String = row.get("id");
    assert_ne!(stored, record.id.to_string());
    let data: String = row.get("data");
    assert!(!data.contains(&record.id.to_string()));
    // Nor does the stored id open the session.
    let stolen: Id = stored.parse().unwrap();
    assert_eq!(Store::new(pool).load(&stolen).await.unwrap(), None);
}

#[tokio::test]
async fn a_cached_session_needs_no_database() {
    let pool = pool().await;
    let store = Store::new(pool.clone());
    let record = created(&store).await;
    pool.close().await;
    assert_eq!(store.load(&record.id).await.unwrap(), Some(record));
}

#[tokio::test]
async fn an_expired_session_is_gone_from_the_cache_too() {
    let pool = pool().await;
    let store = Store::new(pool.clone());
    let mut record = Record {
        expiry_date: OffsetDateTime::now_utc() - time::Duration::seconds(1),
        ..record()
    };
    store.create(&mut record).await.unwrap();
    assert_eq!(store.load(&record.id).await.unwrap(), None);
    store.delete_expired().await.unwrap();
    let rows = sqlx::query("SELECT id FROM web_sessions")
        .fetch_all(&pool)
        .await
        .unwrap();
    assert!(rows.is_empty());
}

#[tokio::test]
async fn a_late_write_does_not_bring_an_ended_session_back() {
    let pool = pool().await;
    let store = Store::new(pool.clone());
    let record = created(&store).await;
    let read_before = store.load(&record.id).await.unwrap().unwrap();
    store.delete(&record.id).await.unwrap();
    store.save(&read_before).await.unwrap();
    assert_eq!(store.load(&record.id).await.unwrap(), None);
    assert_eq!(Store::new(pool).load(&record.id).await.unwrap(), None);
}

#[tokio::test]
async fn a_change_is_seen_at_once_and_after_a_restart() {
    let pool = pool().await;
    let store = Store::new(pool.clone());
    let mut record = created(&store).await;
    record.data.insert("account".to_owned(), "cleo".into());
    store.save(&record).await.unwrap();
    assert_eq!(
        store.load(&record.id).await.unwrap().unwrap().data,
        record.data
    );
    assert_eq!(
        Store::new(pool)
            .load(&record.id)
            .await
            .unwrap()
            .unwrap()
            .data,
        record.data
    );
}

#[tokio::test]
async fn of_two_changes_at_once_neither_is_lost() {
    let store = Store::new(pool().await);
    let record = created(&store).await;
    let one = store.change(Handle::of(&record.id), |data| add(data, "one"));
    let two = store.change(Handle::of(&record.id), |data| add(data, "two"));
    let (one, two) = tokio::join!(one, two);
    one.and(two).unwrap();
    let data = store.load(&record.id).await.unwrap().unwrap().data;
    assert_eq!(data.len(), 3, "{data:?}");
}

#[tokio::test]
async fn an_ended_session_is_not_changed_back_to_life() {
    let pool = pool().await;
    let store = Store::new(pool.clone());
    let record = created(&store).await;
    store.delete(&record.id).await.unwrap();
    store
        .change(Handle::of(&record.id), |data| add(data, "one"))
        .await
        .unwrap();
    assert_eq!(Store::new(pool).load(&record.id).await.unwrap(), None);
}
