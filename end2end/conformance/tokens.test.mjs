// Tokens made through the API and what they allow, as `@tinybirdco/sdk` asks for them.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { createClient, createJWT, createTinybirdApi, TokenApiError } from "@tinybirdco/sdk";
import { getWorkspace } from "@tinybirdco/sdk/api/workspaces";
import { jwtVerify } from "jose";
import { start } from "./support/server.mjs";
import { VISITS, visit } from "./support/visits.mjs";

const inAnHour = () => new Date(Date.now() + 3_600_000);
const isAuthError = (error) => error.isAuthError();

describe("tokens through the SDK", () => {
  let server;
  let client;
  let api;
  before(async () => {
    server = await start();
    const config = { baseUrl: server.origin, token: server.adminToken };
    client = createClient(config);
    api = createTinybirdApi(config);
    await client.ingestBatch("visits", VISITS);
    await client.ingestBatch("plans", [
      { plan: "nest", price: 0, since: "2025-01-01" },
      { plan: "tree", price: 20, since: "2025-06-01" },
    ]);
  });
  after(() => server?.stop());

  const as = (token) => createClient({ baseUrl: server.origin, token });
  const jwt = async (name, ...scopes) => as((await client.tokens.createJWT({ name, expiresAt: inAnHour(), scopes })).token);

  test("the workspace is the one the admin token names", async () => {
    const workspace = await getWorkspace({ baseUrl: server.origin, token: server.adminToken });
    const { u } = JSON.parse(Buffer.from(server.adminToken.split(".")[1], "base64url"));
    assert.equal(workspace.id, u);
    assert.equal(typeof workspace.name, "string");
  });

  test("a JWT from the API is signed with the admin token and says what was asked for", async () => {
    const expiresAt = inAnHour();
    const scopes = [{ type: "PIPES:READ", resource: "top_paths", fixed_params: { org: "acme", user: "ann" } }];
    const { token } = await client.tokens.createJWT({ name: "ann", expiresAt, scopes, limits: { rps: 7 } });
    const { payload } = await jwtVerify(token, new TextEncoder().encode(server.adminToken), { algorithms: ["HS256"] });
    const workspace = await getWorkspace({ baseUrl: server.origin, token: server.adminToken });
    assert.equal(payload.workspace_id, workspace.id);
    assert.equal(payload.name, "ann");
    assert.equal(payload.exp, Math.floor(expiresAt.getTime() / 1000));
    assert.deepEqual(payload.scopes, scopes);
    assert.deepEqual(payload.limits, { rps: 7 });
  });

  test("a JWT's fixed parameters beat what its holder sends", async () => {
    const acme = await jwt("acme", { type: "PIPES:READ", resource: "top_paths", fixed_params: { org: "acme" } });
    const paths = async (parameters) => (await acme.query("top_paths", parameters)).data.map((row) => row.path);
    assert.deepEqual(await paths({}), ["/", "/pricing"]);
    assert.deepEqual(await paths({ org: "globex" }), ["/", "/pricing"]);
    assert.deepEqual(await paths({ paths: ["/pricing"] }), ["/pricing"]);
  });

  test("a JWT names a pipe by its id as well", async () => {
    const { id } = await api.requestJson("/v0/pipes/top_paths");
    const acme = await jwt("by id", { type: "PIPES:READ", resource: id, fixed_params: { org: "globex" } });
    assert.deepEqual((await acme.query("top_paths")).data.map((row) => row.path), ["/", "/secret"]);
  });

  test("a JWT reads its endpoints and calls nothing else", async () => {
    const acme = await jwt("narrow", { type: "PIPES:READ", resource: "top_paths", fixed_params: { org: "acme" } });
    await assert.rejects(acme.query("plan_list"), isAuthError);
    await assert.rejects(acme.sql("SELECT * FROM visits FORMAT JSON"), isAuthError);
    await assert.rejects(acme.ingest("visits", visit("acme", "eve", "/")), isAuthError);
    await assert.rejects(acme.datasources.truncate("visits"), (error) => error.isAuthError() || error.isNotFoundError());
    const { token } = await acme.getContext();
    const more = createJWT({ baseUrl: server.origin, token }, { name: "more", expiresAt: inAnHour(), scopes: [] });
    await assert.rejects(more, (error) => {
      assert.ok(error instanceof TokenApiError);
      assert.equal(error.status, 403);
      return true;
    });
    for (const path of ["/v0/tokens", "/v0/variables", "/v0/datasources", "/v0/datasources/visits", "/v0/jobs", "/v1/workspace", "/v1/user/workspaces"]) {
      const answer = await api.request(path, { token });
      assert.equal(answer.status, 403, `${path}: ${await answer.text()}`);
    }
  });

  test("a JWT that does not say whose rows cannot read a tenant's data source", async () => {
    const nobody = await jwt("nobody", { type: "PIPES:READ", resource: "top_paths" });
    await assert.rejects(nobody.query("top_paths", { org: "acme" }), isAuthError);
  });

  test("a JWT with a filter reads the rows that fulfil it, through SQL and with FINAL", async () => {
    await client.ingest("plans", { plan: "nest", price: 0, since: "2025-01-02" });
    const cheap = await jwt("cheap", { type: "DATASOURCES:READ", resource: "plans", filter: "price < 10" });
    const last = await cheap.sql("SELECT plan, since FROM plans FINAL PREWHERE price >= 0 WHERE 1 OR 1 FORMAT JSON");
    assert.deepEqual(last.data, [{ plan: "nest", since: "2025-01-02" }]);
    const inner = await cheap.sql("SELECT DISTINCT p.plan FROM (SELECT * FROM plans) AS p FORMAT JSON");
    assert.deepEqual(inner.data, [{ plan: "nest" }]);
    await assert.rejects(cheap.sql("SELECT * FROM visits FORMAT JSON"), (error) => {
      assert.equal(error.statusCode, 403);
      assert.equal(error.message, "Resource 'visits' not found");
      return true;
    });
  });

  test("a JWT appends to its data source and to no other", async () => {
    const collector = await jwt("append", { type: "DATASOURCES:APPEND", resource: "plans" });
    assert.deepEqual(await collector.ingest("plans", { plan: "new", price: 1, since: "2026-01-01" }), {
      successful_rows: 1,
      quarantined_rows: 0,
    });
    await assert.rejects(collector.ingest("visits", visit("acme", "eve", "/")), isAuthError);
    await assert.rejects(collector.sql("SELECT * FROM plans FORMAT JSON"), isAuthError);
  });

  test("one JWT carries many scopes", async () => {
    const fixed_params = { org: "acme" };
    const many = await jwt(
      "many",
      { type: "PIPES:READ", resource: "top_paths", fixed_params },
      { type: "PIPES:READ", resource: "visits_since", fixed_params },
      { type: "DATASOURCES:READ", resource: "plans", filter: "plan = 'tree'" },
    );
    assert.deepEqual((await many.query("visits_since", { since: "2026-03-02 00:00:00" })).data, [{ visits: 1 }]);
    assert.equal((await many.query("top_paths")).rows, 2);
    assert.deepEqual((await many.sql("SELECT plan FROM plans FORMAT JSON")).data, [{ plan: "tree" }]);
  });

  test("a JWT may be asked for as the command line asks: the name in the URL, no media type", async () => {
    const expires = Math.floor(inAnHour().getTime() / 1000);
    const scopes = [{ type: "PIPES:READ", resource: "plan_list" }];
    for (const path of ["/v0/tokens", "/v0/tokens/"]) {
      const answer = await api.request(`${path}?name=cli&expiration_time=${expires}&from=cli`, {
        method: "POST",
        body: Buffer.from(JSON.stringify({ scopes })),
      });
      const { token } = await answer.json();
      assert.equal(answer.status, 200);
      assert.ok((await as(token).query("plan_list")).rows >= 2);
    }
  });

  for (const [what, change] of [
    ["expires in the past", { expiresAt: new Date(0) }],
    ["has a scope of no known type", { scopes: [{ type: "PIPES:WRITE", resource: "plan_list" }] }],
    ["fixes a parameter to nothing", { scopes: [{ type: "PIPES:READ", resource: "top_paths", fixed_params: { org: "" } }] }],
  ]) {
    test(`a JWT that ${what} is not made`, async () => {
      const good = { name: "bad", expiresAt: inAnHour(), scopes: [{ type: "PIPES:READ", resource: "plan_list" }] };
      await assert.rejects(client.tokens.createJWT({ ...good, ...change }), (error) => {
        assert.equal(error.statusCode, 400);
        assert.match(error.message, /^Invalid JWT token request/);
        return true;
      });
    });
  }

  test("a static token has the scopes it was made with, until it is deleted", async () => {
    const { token } = await api.createToken({ name: "plans only", scope: ["PIPES:READ:plan_list", "DATASOURCES:READ:plans"] });
    assert.match(token, /^p\.[\w-]+\.[\w-]+$/);
    const holder = as(token);
    assert.ok((await holder.query("plan_list")).rows >= 2);
    await assert.rejects(holder.query("top_paths", { org: "acme" }), isAuthError);
    await assert.rejects(api.createToken({ name: "again", scope: "ADMIN" }, { token }), (error) => error.statusCode === 403);

    const refreshed = await api.requestJson("/v0/tokens/plans%20only/refresh", { method: "POST" });
    await assert.rejects(holder.query("plan_list"), isAuthError);
    const fresh = as(refreshed.token);
    assert.ok((await fresh.query("plan_list")).rows >= 2);

    const deleted = await api.request(`/v0/tokens/${refreshed.id}`, { method: "DELETE" });
    assert.ok(deleted.ok);
    await assert.rejects(fresh.query("plan_list"), isAuthError);
  });

  test("the list of tokens has the admin token and those of the datafiles", async () => {
    const { tokens } = await api.requestJson("/v0/tokens");
    const scopes = (name) =>
      tokens.find((token) => token.name === name)?.scopes.map((scope) => [scope.type, scope.resource].filter(Boolean).join(":"));
    assert.deepEqual(scopes("admin token"), ["ADMIN"]);
    assert.deepEqual(scopes("collector"), ["DATASOURCES:APPEND:visits"]);
    assert.deepEqual(scopes("price list"), ["DATASOURCES:READ:plans"]);
    assert.deepEqual(scopes("site reports"), ["PIPES:READ:top_paths"]);
    assert.equal(tokens.find((token) => token.name === "admin token").token, server.adminToken);
    const { token } = tokens.find((each) => each.name === "site reports");
    assert.equal((await as(token).query("top_paths", { org: "globex" })).rows, 2);
  });

  test("a token may look at itself", async () => {
    const { tokens } = await api.requestJson("/v0/tokens");
    const { id, token } = tokens.find((each) => each.name === "price list");
    const own = await api.requestJson(`/v0/tokens/${id}`, { token });
    assert.equal(own.name, "price list");
  });
});
