// Tokens signed by `jose` as the demo of Clerk and Tinybird signs them, with
// the workspace admin token for key, and calls as its pages make them.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { createClient } from "@tinybirdco/sdk";
import { getWorkspace } from "@tinybirdco/sdk/api/workspaces";
import { SignJWT, UnsecuredJWT } from "jose";
import { PAGE_ORIGIN, start } from "./support/server.mjs";
import { VISITS } from "./support/visits.mjs";

const RPS = 10;
const now = () => Math.floor(Date.now() / 1000);

describe("tokens signed by jose", () => {
  let server;
  let workspace;
  before(async () => {
    server = await start();
    const config = { baseUrl: server.origin, token: server.adminToken };
    workspace = await getWorkspace(config);
    await createClient(config).ingestBatch("visits", VISITS);
  });
  after(() => server?.stop());

  /** Exactly the claims of the demo; `change` replaces some. */
  const claims = (change = {}) => ({
    workspace_id: workspace.id,
    name: "frontend_jwt",
    exp: now() + 600,
    scopes: [{ type: "PIPES:READ", resource: "top_paths", fixed_params: { org: "acme", user: "ann" } }],
    limits: { rps: RPS },
    ...change,
  });
  const sign = (payload, { key = server.adminToken, alg = "HS256" } = {}) =>
    new SignJWT(payload).setProtectedHeader({ alg }).sign(new TextEncoder().encode(key));
  const call = (token, query = "") =>
    fetch(`${server.origin}/v0/pipes/top_paths.json${query}`, { headers: { Authorization: `Bearer ${token}` } });
  const rows = async (answer) => (await answer.json()).data.map((row) => [row.path, row.views]);

  for (const [what, change] of [
    ["without iat", { name: "plain" }],
    ["with iat", { name: "with iat", iat: now() }],
  ]) {
    test(`the demo's claims ${what} are accepted`, async () => {
      const answer = await call(await sign(claims(change)));
      assert.equal(answer.status, 200);
      assert.deepEqual(await rows(answer), [["/", 3], ["/pricing", 1]]);
    });
  }

  test("the organization and the user are the token's, whatever the URL says", async () => {
    const token = await sign(claims({ name: "fixed" }));
    const answer = await call(token, "?org=globex&user=bob&only_mine=1");
    assert.deepEqual(await rows(answer), [["/", 2], ["/pricing", 1]]);
  });

  test("the SDK takes such a token", async () => {
    const client = createClient({ baseUrl: server.origin, token: await sign(claims({ name: "sdk" })) });
    assert.equal((await client.query("top_paths", { limit: 1 })).rows, 1);
  });

  test("a page of a configured origin may call with the token and read the limit", async () => {
    const asked = await fetch(`${server.origin}/v0/pipes/top_paths.json`, {
      method: "OPTIONS",
      headers: {
        Origin: PAGE_ORIGIN,
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "authorization",
      },
    });
    assert.ok(asked.ok);
    assert.equal(asked.headers.get("access-control-allow-origin"), PAGE_ORIGIN);
    assert.match(asked.headers.get("access-control-allow-headers"), /authorization|\*/i);
    const answer = await fetch(`${server.origin}/v0/pipes/top_paths.json`, {
      headers: { Origin: PAGE_ORIGIN, Authorization: `Bearer ${await sign(claims({ name: "page" }))}` },
    });
    assert.equal(answer.headers.get("access-control-allow-origin"), PAGE_ORIGIN);
    assert.match(answer.headers.get("access-control-expose-headers"), /x-ratelimit-remaining/i);
  });

  test("more calls than limits.rps are answered with 429 and the headers clients wait by", async () => {
    const token = await sign(claims({ name: "frontend_jwt" }));
    const began = Date.now();
    const answers = await Promise.all(Array.from({ length: 8 * RPS }, () => call(token)));
    const seconds = (Date.now() - began) / 1000;
    const passed = answers.filter((answer) => answer.status === 200);
    const refused = answers.filter((answer) => answer.status === 429);
    assert.equal(passed.length + refused.length, answers.length);
    assert.ok(passed.length >= RPS, `${passed.length} passed`);
    assert.ok(passed.length <= RPS + RPS * seconds + 1, `${passed.length} passed in ${seconds} s`);
    for (const answer of answers) {
      assert.equal(answer.headers.get("x-ratelimit-limit"), String(RPS));
      assert.match(answer.headers.get("x-ratelimit-remaining"), /^\d+$/);
      assert.match(answer.headers.get("x-ratelimit-reset"), /^\d+$/);
    }
    for (const answer of refused) {
      assert.equal(answer.headers.get("x-ratelimit-remaining"), "0");
      assert.match(answer.headers.get("retry-after"), /^[1-9]\d*$/);
      assert.equal(typeof (await answer.json()).error, "string");
    }
    assert.ok(refused.length > 0, "nothing was refused");
  });

  test("the limit is counted by the token's name, over all its tokens", async () => {
    const limits = { rps: 1 };
    const shared = [600, 700, 800].map((seconds) => sign(claims({ name: "shared", limits, exp: now() + seconds })));
    const answers = await Promise.all((await Promise.all(shared)).map((token) => call(token)));
    assert.ok(answers.some((answer) => answer.status === 200));
    assert.ok(answers.some((answer) => answer.status === 429));
    const other = await call(await sign(claims({ name: "not shared", limits })));
    assert.equal(other.status, 200);
  });

  test("the SDK tells a limit from other errors, and waits as it is told", async () => {
    const scopes = [{ type: "DATASOURCES:APPEND", resource: "plans" }, ...claims().scopes];
    const token = await sign(claims({ name: "retries", scopes, limits: { rps: 1 } }));
    const client = createClient({ baseUrl: server.origin, token });
    const asked = await Promise.allSettled(Array.from({ length: 5 }, () => client.query("top_paths")));
    const refused = asked.filter((answer) => answer.status === "rejected");
    assert.ok(refused.length > 0);
    assert.ok(refused.every((answer) => answer.reason.isRateLimitError()));
    const plan = { plan: "tree", price: 20, since: "2025-06-01" };
    const result = await client.ingest("plans", plan, { maxRetries: 5 });
    assert.deepEqual(result, { successful_rows: 1, quarantined_rows: 0 });
  });

  test("a limit of zero or less is no limit, and no token", async () => {
    for (const rps of [0, -1]) {
      const token = await sign(claims({ name: `unlimited ${rps}`, limits: { rps } }));
      assert.equal((await call(token)).status, 403);
    }
  });

  for (const [what, code, token] of [
    ["expired", "token_expired", () => sign(claims({ exp: now() - 1 }))],
    ["without expiry", "token_missing_expiry", () => sign(claims({ exp: undefined }))],
    ["signed with another key", "token_invalid_signature", () => sign(claims(), { key: "p.another.key-of-good-length-0123456789" })],
    ["of another workspace", "token_wrong_workspace", () => sign(claims({ workspace_id: "0b8b6b5e-5b0f-4c0b-9d65-1f6e1f8b7d11" }))],
    ["signed by another algorithm", "token_wrong_algorithm", () => sign(claims(), { alg: "HS512" })],
    ["not signed at all", "token_wrong_algorithm", () => new UnsecuredJWT(claims()).encode()],
    ["without workspace_id", "token_missing_claim", () => sign(claims({ workspace_id: undefined }))],
  ]) {
    test(`a token ${what} is refused`, async () => {
      const text = await token();
      const answer = await call(text);
      const body = await answer.json();
      assert.equal(answer.status, 403);
      assert.equal(body.code, code);
      assert.equal(typeof body.error, "string");
      assert.ok(!JSON.stringify(body).includes(text));
    });
  }

  test("a token for another endpoint is refused as out of scope, not as a bad token", async () => {
    const scopes = [{ type: "PIPES:READ", resource: "plan_list" }];
    const answer = await call(await sign(claims({ name: "elsewhere", scopes })));
    assert.equal(answer.status, 403);
    assert.equal((await answer.json()).code, "token_out_of_scope");
  });
});
