// The Query API, `/v0/sql`, as `@tinybirdco/sdk` and others call it.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { createClient, createTinybirdApi } from "@tinybirdco/sdk";
import { start } from "./support/server.mjs";
import { VISITS } from "./support/visits.mjs";

describe("SQL through the SDK", () => {
  let server;
  let client;
  let api;
  before(async () => {
    server = await start();
    const config = { baseUrl: server.origin, token: server.adminToken };
    client = createClient(config);
    api = createTinybirdApi(config);
    await client.ingestBatch("visits", VISITS);
    await client.ingest("plans", { plan: "nest", price: 0, since: "2025-01-01" });
  });
  after(() => server?.stop());

  const get = (q, more = "") => api.request(`/v0/sql?q=${encodeURIComponent(q)}${more}`);
  const post = (body, type) => api.request("/v0/sql", { method: "POST", body, headers: type ? { "Content-Type": type } : {} });

  test("a query answers rows, their types and what it took", async () => {
    const result = await client.sql("SELECT org, count() AS visits FROM visits GROUP BY org ORDER BY org FORMAT JSON");
    assert.deepEqual(result.data, [
      { org: "acme", visits: 4 },
      { org: "globex", visits: 2 },
    ]);
    assert.deepEqual(result.meta[1], { name: "visits", type: "UInt64" });
    assert.equal(result.rows, 2);
    assert.equal(result.statistics.rows_read, VISITS.length);
  });

  test("endpoints and pipes can be read by name", async () => {
    assert.deepEqual((await client.sql("SELECT plan FROM plan_list FORMAT JSON")).data, [{ plan: "nest" }]);
    assert.deepEqual((await client.sql("SELECT * FROM unpublished FORMAT JSON")).data, [{ answer: 42 }]);
  });

  for (const [what, ask] of [
    ["in the URL", () => get("SELECT 1 AS one")],
    ["in a form", () => post(new URLSearchParams({ q: "SELECT 1 AS one" }))],
    ["in JSON", () => post('{"q":"SELECT 1 AS one"}', "application/json")],
    ["as text", () => post("SELECT 1 AS one", "text/plain")],
    ["as curl's --data sends it", () => post("SELECT 1 AS one", "application/x-www-form-urlencoded")],
    ["with semicolons behind it", () => get("SELECT 1 AS one ;;")],
  ]) {
    test(`a query ${what} without a format answers tab-separated values`, async () => {
      const answer = await ask();
      assert.equal(await answer.text(), "1\n");
      assert.equal(answer.status, 200);
      assert.equal(answer.headers.get("content-type"), "text/tab-separated-values; charset=UTF-8");
    });
  }

  for (const [format, type, body] of [
    ["JSON", "application/json; charset=UTF-8", /^\{[^]*"data":[^]*"rows": ?1/],
    ["JSONEachRow", "application/x-ndjson", /^\{"plan":"nest","price":0\}\n$/],
    ["CSV", "text/csv; charset=UTF-8; header=absent", /^"nest",0\n$/],
    ["CSVWithNames", "text/csv; charset=UTF-8; header=present", /^"plan","price"\n"nest",0\n$/],
    ["TSVWithNames", "text/tab-separated-values; charset=UTF-8", /^plan\tprice\nnest\t0\n$/],
  ]) {
    test(`${format} has the media type clients know`, async () => {
      const answer = await get(`SELECT plan, price FROM plans FORMAT ${format}`);
      assert.equal(answer.headers.get("content-type"), type);
      assert.match(await answer.text(), body);
    });
  }

  test("a template takes its parameters from the request", async () => {
    const answer = await get("% SELECT {{Int32(n, 1)}} AS n, {{String(s)}} AS s FORMAT JSONEachRow", "&n=7&s=it's");
    assert.equal(await answer.text(), `{"n":7,"s":"it's"}\n`);
  });

  test("the nodes of a pipe can be read when the request names the pipe", async () => {
    const answer = await get("SELECT sum(views) FROM counted", "&pipeline=top_paths&org=acme");
    assert.equal(await answer.text(), "4\n");
  });

  for (const [what, sql, status, text] of [
    ["an unknown table", "SELECT * FROM nothing_here", 403, /^Resource 'nothing_here' not found$/],
    ["an insertion", "INSERT INTO plans VALUES ('x', 1, '2026-01-01')", 400, /Only SELECT or DESCRIBE queries are supported\. Got: InsertQuery/],
    ["a drop", "DROP TABLE plans", 400, /Only SELECT or DESCRIBE queries are supported\. Got: DropQuery/],
    ["two statements", "SELECT 1; SELECT 2", 400, /Multi-statements are not allowed/],
    ["nothing", "", 400, /./],
    ["a format that is not offered", "SELECT 1 FORMAT XML", 403, /JSONEachRow/],
    ["a table function that reaches files", "SELECT * FROM file('/etc/passwd', 'LineAsString')", 400, /./],
    ["an unknown column", "SELECT nothing FROM plans", 400, /^\[Error\] .*\(UNKNOWN_IDENTIFIER\)$/s],
  ]) {
    test(`${what} is refused with ${status}`, async () => {
      const answer = await get(sql);
      const body = await answer.json();
      assert.equal(answer.status, status, JSON.stringify(body));
      assert.match(body.error, text);
      assert.equal(typeof body.documentation, "string");
    });
  }

  test("a data source's READ token reads that data source and its quarantine", async () => {
    const { tokens } = await api.requestJson("/v0/tokens");
    const { token } = tokens.find((each) => each.name === "price list");
    const reader = createClient({ baseUrl: server.origin, token });
    assert.equal((await reader.sql("SELECT * FROM plans FORMAT JSON")).rows, 1);
    assert.equal((await reader.sql("SELECT * FROM plans_quarantine FORMAT JSON")).rows, 0);
    await assert.rejects(reader.sql("SELECT * FROM visits FORMAT JSON"), (error) => error.statusCode === 403);
    await assert.rejects(reader.query("plan_list"), (error) => error.statusCode === 403);
  });
});
