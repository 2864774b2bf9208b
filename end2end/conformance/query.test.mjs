// Endpoints as `@tinybirdco/sdk` calls them.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { createClient, createTinybirdApi, TinybirdError } from "@tinybirdco/sdk";
import { start } from "./support/server.mjs";
import { VISITS } from "./support/visits.mjs";

describe("endpoints through the SDK", () => {
  let server;
  let client;
  let api;
  before(async () => {
    server = await start();
    const config = { baseUrl: server.origin, token: server.adminToken };
    client = createClient(config);
    api = createTinybirdApi(config);
    await client.ingestBatch("visits", VISITS);
  });
  after(() => server?.stop());

  test("a query answers rows, their types and what it took", async () => {
    const result = await client.query("top_paths", { org: "acme" });
    assert.deepEqual(result.meta, [
      { name: "path", type: "String" },
      { name: "views", type: "UInt64" },
      { name: "bytes", type: "UInt64" },
      { name: "average_seconds", type: "Nullable(Float64)" },
      { name: "last_view", type: "DateTime" },
    ]);
    assert.deepEqual(result.data, [
      { path: "/", views: 3, bytes: 9007199254740200, average_seconds: 1.5, last_view: "2026-03-02 08:30:00" },
      { path: "/pricing", views: 1, bytes: 100, average_seconds: null, last_view: "2026-03-01 10:00:00" },
    ]);
    assert.equal(result.rows, 2);
    assert.ok(result.statistics.elapsed > 0);
    assert.equal(result.statistics.rows_read, VISITS.length);
    assert.ok(result.statistics.bytes_read > 0);
  });

  test("a list of values arrives as a list", async () => {
    const both = await client.query("top_paths", { org: "acme", paths: ["/", "/pricing"] });
    assert.deepEqual(both.data.map((row) => row.path), ["/", "/pricing"]);
    const one = await client.query("top_paths", { org: "acme", paths: ["/pricing"] });
    assert.deepEqual(one.data.map((row) => row.path), ["/pricing"]);
  });

  test("values cannot leave their quotes", async () => {
    const { data } = await client.query("top_paths", { org: "acme' OR 1 = 1 --" });
    assert.deepEqual(data, []);
  });

  test("unknown parameters and what clients add are ignored", async () => {
    const { rows } = await client.query("top_paths", { org: "acme", limit: 1, from: "ts-sdk", __tb__semver: "1.0.0", x: true });
    assert.equal(rows, 1);
  });

  test("a pipe without parameters needs none", async () => {
    const { data } = await client.query("plan_list");
    assert.deepEqual(data, []);
  });

  for (const [what, pipe, parameters, status, text] of [
    ["a missing parameter", "top_paths", {}, 400, /^Template Syntax Error: Required parameter is not defined/],
    ["a parameter of the wrong type", "top_paths", { org: "acme", limit: "many" }, 400, /^Template Syntax Error: Error validating 'many' to type Int32/],
    ["an error the pipe raises", "visits_since", { org: "acme" }, 400, /^since \(DateTime\) query param is required$/],
    ["an unknown pipe", "nothing_here", {}, 404, /nothing_here/],
    ["a pipe without an endpoint", "unpublished", {}, 404, /unpublished/],
  ]) {
    test(`${what} is an error with status ${status}`, async () => {
      await assert.rejects(client.query(pipe, parameters), (error) => {
        assert.ok(error instanceof TinybirdError);
        assert.equal(error.statusCode, status);
        assert.match(error.message, text);
        assert.equal(error.isNotFoundError(), status === 404);
        assert.equal(typeof error.response.documentation, "string");
        return true;
      });
    });
  }

  test("an unknown token and none at all are authentication errors that repeat no token", async () => {
    await assert.rejects(createClient({ baseUrl: server.origin, token: "notreal" }).query("plan_list"), (error) => {
      assert.ok(error.isAuthError());
      assert.equal(error.statusCode, 403);
      assert.doesNotMatch(error.message, /notreal/);
      return true;
    });
    const answer = await fetch(`${server.origin}/v0/pipes/plan_list.json`);
    assert.equal(answer.status, 403);
    assert.equal(typeof (await answer.json()).error, "string");
  });

  test("the token may come as a query parameter", async () => {
    const answer = await fetch(`${server.origin}/v0/pipes/plan_list.json?token=${encodeURIComponent(server.adminToken)}`);
    assert.equal(answer.status, 200);
  });

  for (const [format, type, body] of [
    ["csv", "text/csv", '"path","views"\n"/",3\n'],
    ["ndjson", "application/x-ndjson", '{"path":"\\/","views":3}\n'],
  ]) {
    test(`an endpoint answers as ${format}`, async () => {
      const q = encodeURIComponent("SELECT path, views FROM _ LIMIT 1");
      const answer = await api.request(`/v0/pipes/top_paths.${format}?org=acme&q=${q}`);
      assert.equal(answer.status, 200);
      assert.ok(answer.headers.get("content-type").startsWith(type), answer.headers.get("content-type"));
      assert.ok(JSON.parse(answer.headers.get("x-tb-statistics")).rows_read > 0);
      assert.equal(await answer.text(), body);
    });
  }

  test("an endpoint answers as Parquet", async () => {
    const answer = await api.request("/v0/pipes/top_paths.parquet?org=acme");
    const bytes = Buffer.from(await answer.arrayBuffer());
    assert.equal(answer.status, 200);
    assert.equal(bytes.subarray(0, 4).toString(), "PAR1");
    assert.equal(bytes.subarray(-4).toString(), "PAR1");
  });

  test("parameters may be sent as a form and as JSON", async () => {
    const asked = { org: "acme", limit: "1" };
    const form = await api.requestJson("/v0/pipes/top_paths.json", { method: "POST", body: new URLSearchParams(asked) });
    const json = await api.requestJson("/v0/pipes/top_paths.json", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(asked),
    });
    assert.equal(form.rows, 1);
    assert.deepEqual(json.data, form.data);
  });

  test("a failing query names ClickHouse's code", async () => {
    const answer = await api.request(`/v0/pipes/top_paths.json?org=acme&q=${encodeURIComponent("SELECT nothing FROM _")}`);
    assert.equal(answer.status, 400);
    assert.match(answer.headers.get("x-db-exception-code"), /^\d+$/);
    assert.match((await answer.json()).error, /^\[Error\] .*\(UNKNOWN_IDENTIFIER\)$/s);
  });

  test("the listing and the details of pipes have what clients read", async () => {
    const { pipes } = await api.requestJson("/v0/pipes?dependencies=true&attrs=name,type");
    assert.deepEqual(pipes.map((pipe) => pipe.name).sort(), ["plan_list", "top_paths", "unpublished", "visits_since"]);
    const pipe = await api.requestJson("/v0/pipes/top_paths");
    const node = pipe.nodes.find((each) => each.id === pipe.endpoint);
    assert.equal(pipe.type, "endpoint");
    assert.deepEqual([node.name, node.node_type], ["endpoint", "endpoint"]);
    assert.match(pipe.updated_at, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}$/);
    const byId = await client.query(pipe.id, { org: "acme" });
    assert.equal(byId.rows, 2);
  });
});
