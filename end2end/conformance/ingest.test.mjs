// Rows in: the Events API, files, quarantine, and rows out again.
import assert from "node:assert/strict";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { createClient, createTinybirdApi, TinybirdError } from "@tinybirdco/sdk";
import { eventually, start } from "./support/server.mjs";
import { visit } from "./support/visits.mjs";

const DATA = path.join(import.meta.dirname, "data");

describe("ingestion through the SDK", () => {
  let server;
  let client;
  let api;
  before(async () => {
    server = await start();
    const config = { baseUrl: server.origin, token: server.adminToken };
    client = createClient(config);
    api = createTinybirdApi(config);
  });
  after(() => server?.stop());

  /** The rows of a query, asked for as the SDK asks. */
  const rows = async (sql) => (await client.sql(`${sql} FORMAT JSON`)).data;
  const post = (address, body, headers = {}) => api.request(address, { method: "POST", body, headers });

  test("a row that was waited for can be read at once", async () => {
    const result = await client.ingest("visits", visit("waits", "ann", "/a", { bytes: 12345678901234567890n, labels: [] }));
    assert.deepEqual(result, { successful_rows: 1, quarantined_rows: 0 });
    const [row] = await rows("SELECT path, labels, toString(bytes) AS bytes FROM visits WHERE org = 'waits'");
    assert.deepEqual(row, { path: "/a", labels: ["web"], bytes: "12345678901234567890" });
  });

  test("rows that are not waited for are accepted and arrive", async () => {
    const answer = await post("/v0/events?name=visits", JSON.stringify(visit("hurries", "ann", "/")));
    assert.equal(answer.status, 202);
    assert.deepEqual(await answer.json(), { successful_rows: 1, quarantined_rows: 0 });
    const result = await client.ingestBatch("visits", [visit("hurries", "bob", "/")], { wait: false });
    assert.deepEqual(result, { successful_rows: 1, quarantined_rows: 0 });
    await eventually(
      () => rows("SELECT user FROM visits WHERE org = 'hurries' ORDER BY user"),
      (found) => found.map((row) => row.user).join() === "ann,bob",
    );
  });

  test("waiting is answered with 200", async () => {
    const answer = await post("/v0/events?name=visits&wait=true", JSON.stringify(visit("polite", "ann", "/")));
    assert.equal(answer.status, 200);
  });

  test("missing values take the default and unknown keys are ignored", async () => {
    const { bytes, ...rest } = visit("sparse", "ann", "/");
    assert.deepEqual(await client.ingest("visits", { ...rest, colour: "red" }), { successful_rows: 1, quarantined_rows: 0 });
    assert.deepEqual(await rows("SELECT bytes FROM visits WHERE org = 'sparse'"), [{ bytes: 0 }]);
  });

  test("bad rows go to quarantine and the good ones beside them do not", async () => {
    const result = await client.ingestBatch("visits", [
      visit("mixed", "good", "/"),
      visit("mixed", "no time", "/", { at: "yesterday" }),
      visit("mixed", null, "/"),
    ]);
    assert.deepEqual(result, { successful_rows: 1, quarantined_rows: 2 });
    assert.deepEqual(await rows("SELECT user FROM visits WHERE org = 'mixed'"), [{ user: "good" }]);
    const refused = await rows("SELECT at, user, c__error_column, c__error FROM visits_quarantine WHERE org = 'mixed' ORDER BY at");
    assert.deepEqual(refused.map((row) => [row.at, row.c__error_column]), [
      ["2026-03-01 10:00:00", ["user"]],
      ["yesterday", ["at"]],
    ]);
    assert.ok(refused.every((row) => row.c__error.length === 1 && row.c__error[0] !== ""));
    const detail = await api.requestJson("/v0/datasources/visits");
    assert.ok(detail.quarantine_rows >= 2);
  });

  test("compressed events and the form type of curl are understood", async () => {
    const body = gzipSync(`${JSON.stringify(visit("zipped", "ann", "/"))}\n`);
    const zipped = await post("/v0/events?name=visits&wait=true", body, { "Content-Encoding": "gzip" });
    assert.deepEqual(await zipped.json(), { successful_rows: 1, quarantined_rows: 0 });
    const curled = await post("/v0/events?name=visits&wait=true", JSON.stringify(visit("curled", "ann", "/")), {
      "Content-Type": "application/x-www-form-urlencoded",
    });
    assert.deepEqual(await curled.json(), { successful_rows: 1, quarantined_rows: 0 });
  });

  test("events without a data source are a 400, for an unknown one a 404", async () => {
    const nameless = await post("/v0/events", "{}");
    assert.equal(nameless.status, 400);
    assert.match((await nameless.json()).error, /name/);
    await assert.rejects(client.ingest("nothing_here", { a: 1 }), (error) => {
      assert.ok(error instanceof TinybirdError);
      assert.ok(error.isNotFoundError());
      return true;
    });
  });

  test("a datafile's APPEND token writes and does not read", async () => {
    const { tokens } = await api.requestJson("/v0/tokens");
    const { token } = tokens.find((each) => each.name === "collector");
    const collector = createClient({ baseUrl: server.origin, token });
    assert.deepEqual(await collector.ingest("visits", visit("collected", "ann", "/")), { successful_rows: 1, quarantined_rows: 0 });
    await assert.rejects(collector.ingest("plans", { plan: "x" }), (error) => error.isAuthError());
    await assert.rejects(collector.sql("SELECT count() FROM visits FORMAT JSON"), (error) => error.isAuthError());
  });

  test("files are appended, counted, deleted by condition, replaced and truncated", async () => {
    const appended = await client.datasources.append("imports", { file: path.join(DATA, "imports.csv") });
    assert.equal(appended.successful_rows, 3);
    assert.equal(appended.quarantined_rows, 0);
    assert.equal(typeof appended.import_id, "string");
    assert.deepEqual(await rows("SELECT * FROM imports ORDER BY day DESC LIMIT 1"), [
      { day: "2026-01-03", amount: 7, note: "with, comma" },
    ]);

    const semicolons = { file: path.join(DATA, "semicolons.csv"), csvDialect: { delimiter: ";" } };
    assert.equal((await client.datasources.append("imports", semicolons)).successful_rows, 2);
    const { statistics } = await api.requestJson("/v0/datasources/imports");
    assert.equal(statistics.row_count, 5);

    const condition = { deleteCondition: "amount < 2" };
    const dry = await client.datasources.delete("imports", { ...condition, dryRun: true });
    assert.equal(dry.rows_to_be_deleted, 2);
    const started = await client.datasources.delete("imports", condition);
    assert.equal(started.id, started.job_id);
    const job = await eventually(
      () => api.requestJson(`/v0/jobs/${started.job_id}`),
      (asked) => ["done", "error"].includes(asked.status),
    );
    assert.equal(job.status, "done", JSON.stringify(job));
    assert.deepEqual(await rows("SELECT sum(amount) AS amount FROM imports"), [{ amount: 19 }]);

    assert.equal((await client.datasources.replace("imports", semicolons)).successful_rows, 2);
    assert.deepEqual(await rows("SELECT count() AS rows FROM imports"), [{ rows: 2 }]);

    await client.datasources.truncate("imports");
    assert.deepEqual(await rows("SELECT count() AS rows FROM imports"), [{ rows: 0 }]);
  });

  test("an NDJSON file is appended", async () => {
    const appended = await client.datasources.append("plans", { file: path.join(DATA, "plans.ndjson") });
    assert.equal(appended.successful_rows, 3);
    const { data } = await client.query("plan_list");
    assert.deepEqual(data.map((row) => row.plan), ["nest", "tree", "rookery"]);
  });

  test("a file by its address is refused and leaves nothing behind", async () => {
    const before = await api.requestJson("/v0/datasources/imports");
    await assert.rejects(client.datasources.append("imports", { url: "https://files.example/rows.csv" }), (error) => {
      assert.equal(error.statusCode, 400);
      assert.match(error.message, /send the file itself/);
      return true;
    });
    const { statistics, quarantine_rows } = await api.requestJson("/v0/datasources/imports");
    assert.deepEqual({ statistics, quarantine_rows }, { statistics: before.statistics, quarantine_rows: before.quarantine_rows });
  });

  test("a file in the background is a job that can be followed", async () => {
    const started = await api.requestJson("/v1/datasources/imports/append?format=csv", {
      method: "POST",
      headers: { "Content-Type": "text/csv", "Content-Encoding": "gzip" },
      body: gzipSync("day,amount,note\n2030-01-01,1,job\n"),
    });
    const job = await eventually(
      () => api.requestJson(`/v0/jobs/${started.id ?? started.import_id}`),
      (asked) => ["done", "error"].includes(asked.status),
    );
    assert.equal(job.status, "done", JSON.stringify(job));
    assert.deepEqual(await rows("SELECT note FROM imports WHERE day = '2030-01-01'"), [{ note: "job" }]);
  });
});
