// Projects that are written in TypeScript and deployed by `@tinybirdco/sdk`'s own
// commands: `tinybird deploy` as a process, and its `build`.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { createClient } from "@tinybirdco/sdk";
import { runBuild } from "@tinybirdco/sdk/cli/commands/build";
import { PROJECT, start } from "./support/server.mjs";
import { VISITS } from "./support/visits.mjs";

const MODULES = path.resolve(import.meta.dirname, "node_modules");
const COMMAND = path.join(MODULES, "@tinybirdco/sdk/bin/tinybird.js");

/** A data source and an endpoint, as an application defines them. */
const definitions = (greeting) => `
import { defineDatasource, defineEndpoint, engine, node, t } from "@tinybirdco/sdk";

export const clicks = defineDatasource("clicks", {
  schema: { org: t.string(), button: t.string() },
  engine: engine.mergeTree({ sortingKey: ["org"] }),
});

export const buttons = defineEndpoint("buttons", {
  nodes: [
    node({ name: "endpoint", sql: "SELECT button, count() AS clicks, '${greeting}' AS greeting FROM clicks GROUP BY button ORDER BY button" }),
  ],
  output: { button: t.string(), clicks: t.uint64(), greeting: t.string() },
});
`;

describe("deploying with the SDK's commands", () => {
  let project;
  let application;
  let server;
  let client;
  before(async () => {
    project = await mkdtemp(path.join(tmpdir(), "rookery-project-"));
    await cp(PROJECT, project, { recursive: true });
    server = await start({ project, flags: ["--analytics-deploy"] });
    client = createClient({ baseUrl: server.origin, token: server.adminToken });

    application = await mkdtemp(path.join(tmpdir(), "rookery-application-"));
    await symlink(MODULES, path.join(application, "node_modules"), "dir");
    await write("package.json", JSON.stringify({ type: "module" }));
    await write(
      "tinybird.config.json",
      JSON.stringify({ include: ["tinybird.ts"], token: server.adminToken, baseUrl: server.origin }),
    );
    await write("tinybird.ts", definitions("hello"));
  });
  after(async () => {
    await server?.stop();
    await Promise.all([project, application].map((directory) => directory && rm(directory, { recursive: true, force: true })));
  });

  const write = (file, text) => writeFile(path.join(application, file), text);
  const deployments = async () => (await json("/v1/deployments")).deployments;
  const datafiles = async () => (await readdir(project, { recursive: true })).filter((name) => /\.(datasource|pipe)$/.test(name)).sort();

  async function json(route, method = "GET") {
    const answer = await fetch(`${server.origin}${route}`, { method, headers: { Authorization: `Bearer ${server.adminToken}` } });
    assert.equal(answer.status, 200, await answer.clone().text());
    return answer.json();
  }

  /** Runs `tinybird deploy`; resolves to its exit code and what it said. */
  const deploy = (...flags) =>
    new Promise((resolve) => {
      const done = (error, stdout, stderr) => resolve({ code: error?.code ?? 0, said: stdout + stderr });
      execFile(process.execPath, [COMMAND, "deploy", ...flags], { cwd: application }, done);
    });

  test("data sources do not disappear unless that is said", async () => {
    const before = await datafiles();
    const { code, said } = await deploy();
    assert.equal(code, 1);
    assert.match(said, /visits/);
    assert.match(said, /allow_destructive_operations/);
    assert.deepEqual(await datafiles(), before);
  });

  test("what is deployed takes rows and answers", async () => {
    await client.ingestBatch("visits", VISITS);
    const { code, said } = await deploy("--allow-destructive-operations");
    assert.equal(code, 0, said);
    assert.match(said, /clicks/);
    assert.deepEqual(await datafiles(), ["buttons.pipe", "clicks.datasource"]);
    const [live, ...others] = await deployments();
    assert.ok(live.live && others.length === 0);

    await client.ingestBatch("clicks", [{ org: "acme", button: "buy" }, { org: "acme", button: "buy" }]);
    const { data } = await client.query("buttons");
    assert.deepEqual(data, [{ button: "buy", clicks: 2, greeting: "hello" }]);
  });

  test("deploying the same again changes nothing", async () => {
    const before = await deployments();
    const { code, said } = await deploy();
    assert.equal(code, 0, said);
    assert.match(said, /no changes/i);
    assert.deepEqual(await deployments(), before);
  });

  test("a check tells errors with their file and keeps nothing", async () => {
    await write("tinybird.ts", definitions("hi").replace("SELECT button", "SELECT knob"));
    const wrong = await deploy("--check");
    assert.equal(wrong.code, 1);
    assert.match(wrong.said, /\[buttons\.pipe\].*knob/s);
    await write("tinybird.ts", definitions("hi"));
    const right = await deploy("--check");
    assert.equal(right.code, 0, right.said);
    const { data } = await client.query("buttons");
    assert.equal(data[0].greeting, "hello");
  });

  test("a deployment that is not promoted waits until it is set live", async () => {
    const { code, said } = await deploy("--no-auto");
    assert.equal(code, 0, said);
    const waiting = (await deployments()).find((one) => !one.live);
    assert.equal(waiting.status, "data_ready");
    assert.equal((await client.query("buttons")).data[0].greeting, "hello");

    await json(`/v1/deployments/${waiting.id}/set-live`, "POST");
    assert.equal((await client.query("buttons")).data[0].greeting, "hi");
    assert.match(await readFile(path.join(project, "buttons.pipe"), "utf8"), /'hi'/);
    assert.deepEqual((await deployments()).map((one) => one.id), [waiting.id]);
  });

  test("`build` brings changes at once and names them", async () => {
    await write("tinybird.ts", definitions("welcome"));
    const result = await runBuild({ cwd: application, tokenOverride: server.adminToken });
    assert.equal(result.error, undefined);
    assert.deepEqual(result.deploy.pipes, { changed: ["buttons"], created: [], deleted: [] });
    assert.deepEqual(result.deploy.datasources, { changed: [], created: [], deleted: [] });
    assert.equal((await client.query("buttons")).data[0].greeting, "welcome");
    const again = await runBuild({ cwd: application, tokenOverride: server.adminToken });
    assert.deepEqual(again.deploy.pipes, { changed: [], created: [], deleted: [] });
  });
});
