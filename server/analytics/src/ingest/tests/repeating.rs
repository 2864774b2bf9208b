//! Imports that are done once more after they were cut short.

use super::*;

/// Rows, and their sum by month, made by a view and again by one behind it.
const FILES: [(&str, &str); 5] = [
    (
        "rows.datasource",
        "SCHEMA >\n    `n` UInt64 `json:$.n`,\n    `text` String `json:$.text`\n\
         ENGINE_SORTING_KEY n\nENGINE_PARTITION_KEY n % 3\n",
    ),
    (
        "sums.datasource",
        "SCHEMA >\n    `rest` UInt64,\n    `sum` UInt64\nENGINE SummingMergeTree\nENGINE_SORTING_KEY rest\n",
    ),
    (
        "sums_view.pipe",
        "NODE sums_node\nSQL >\n    SELECT n % 2 AS rest, sum(n) AS sum FROM rows GROUP BY rest\n\
         TYPE materialized\nDATASOURCE sums\n",
    ),
    (
        "totals.datasource",
        "SCHEMA >\n    `total` UInt64\nENGINE SummingMergeTree\nENGINE_SORTING_KEY tuple()\n",
    ),
    (
        "totals_view.pipe",
        "NODE totals_node\nSQL >\n    SELECT sum(sum) AS total FROM sums\nTYPE materialized\nDATASOURCE totals\n",
    ),
];

const TABLES: [&str; 4] = ["rows", "rows_quarantine", "sums", "totals"];

async fn open() -> Shop {
    let files = FILES.map(|(path, text)| SourceFile {
        path: path.to_owned(),
        text: text.to_owned(),
    });
    let project = Project::from_files(&files, &Variables::default()).unwrap();
    let shop = Shop::of(project).await;
    let tables = TABLES.map(str::to_owned);
    for _ in 0..2 {
        let remembered = remember_batches(&*shop.engine, "rookery", &tables).await;
        remembered.unwrap();
    }
    shop
}

/// Imports twenty rows of a megabyte each, one of which does not fit: three
/// batches.
async fn import(shop: &Shop, id: &str) -> (u64, u64) {
    let text = "t".repeat(1024 * 1024);
    let line = |n: u64| match n {
        7 => format!("{{\"n\":\"x\",\"text\":\"{text}\"}}\n"),
        n => format!("{{\"n\":{n},\"text\":\"{text}\"}}\n"),
    };
    let rows = Append {
        import_id: Some(id.to_owned()),
        ..Append::new(Format::Ndjson, (0..20).map(line).collect::<String>())
    };
    let done = append(shop.target("rows"), rows).await.unwrap();
    (done.successful_rows, done.quarantined_rows)
}

async fn all(shop: &Shop) -> String {
    let sql = "SELECT (SELECT count() FROM rows), (SELECT count() FROM rows_quarantine), \
               (SELECT sum(sum) FROM sums), (SELECT sum(total) FROM totals)";
    shop.rows(sql).await
}

#[tokio::test]
async fn rows_of_one_import_are_there_once_however_often_it_is_repeated() {
    let shop = open().await;
    for _ in 0..3 {
        assert_eq!(import(&shop, "first").await, (19, 1));
        assert_eq!(all(&shop).await, "19\t1\t183\t183\n");
    }
    import(&shop, "second").await;
    assert_eq!(all(&shop).await, "38\t2\t366\t366\n");
}

#[tokio::test]
async fn views_that_were_not_reached_get_the_rows_when_the_import_is_repeated() {
    let shop = open().await;
    let cut_off = Statement::change("DETACH TABLE `view.sums_view`");
    shop.engine.query(cut_off).await.unwrap();
    import(&shop, "first").await;
    let again = Statement::change("ATTACH TABLE `view.sums_view`");
    shop.engine.query(again).await.unwrap();
    assert_eq!(all(&shop).await, "19\t1\t0\t0\n");
    import(&shop, "first").await;
    assert_eq!(all(&shop).await, "19\t1\t183\t183\n");
}

#[tokio::test]
async fn equal_rows_that_are_no_repetition_are_as_many_rows() {
    let shop = open().await;
    import(&shop, "first").await;
    for _ in 0..2 {
        let rows = "{\"n\":1,\"text\":\"\"}\n{\"n\":\"x\"}\n";
        assert_eq!(shop.append("rows", Format::Ndjson, rows).await, (1, 1));
    }
    assert_eq!(all(&shop).await, "21\t3\t185\t185\n");
}
