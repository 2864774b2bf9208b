// Starts an analytics server of its own: on a free port, with an empty state
// directory and this folder's project. Nothing of a client lives here.
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";

const here = path.resolve(import.meta.dirname, "..");
const READY_WITHIN_MILLISECONDS = 120_000;
const BINARY = path.resolve(process.env.END2END_SERVER ?? path.join(here, "../../target/release/rookery"));

/** This folder's project. */
export const PROJECT = path.join(here, "project");

/** The origin whose pages may call the server. */
export const PAGE_ORIGIN = "https://app.example";

/**
 * A running server: `origin` (scheme, host and port), `adminToken` (the
 * workspace admin token, which signs JWTs) and `stop()`.
 *
 * The admin token is asked for as a client of a local Tinybird does: `GET /tokens`.
 * `project` is the directory to serve, `flags` are more flags of the server.
 */
export async function start({ project = PROJECT, flags = [] } = {}) {
  const state = await mkdtemp(path.join(tmpdir(), "rookery-conformance-"));
  const address = `127.0.0.1:${await freePort()}`;
  const origin = `http://${address}`;
  const child = spawn(
    BINARY,
    [
      "analytics",
      ...["--state", state],
      ...["--project", project],
      ...["--analytics-listen", address],
      ...["--analytics-cors-origins", PAGE_ORIGIN],
      "--analytics-local-bootstrap",
      ...flags,
    ],
    // Elsewhere than in the repository, so that nobody's rookery.toml is read.
    { cwd: state, env: withoutSettings(process.env), stdio: ["ignore", "pipe", "pipe"] },
  );
  const output = [];
  child.stdout.on("data", (chunk) => output.push(String(chunk)));
  child.stderr.on("data", (chunk) => output.push(String(chunk)));
  const ended = new Promise((resolve) => {
    child.once("exit", (code, signal) => resolve(code ?? signal));
    child.once("error", (error) => resolve(error.message));
  });

  try {
    await answering(`${origin}/readyz`, ended);
    const tokens = await (await fetch(`${origin}/tokens`)).json();
    return {
      origin,
      adminToken: tokens.workspace_admin_token,
      async stop() {
        child.kill("SIGTERM");
        const code = await ended;
        await rm(state, { recursive: true, force: true });
        if (code !== 0) {
          throw new Error(`the server ended with ${code} on SIGTERM; it said:\n${output.join("")}`);
        }
      },
    };
  } catch (error) {
    child.kill("SIGKILL");
    await ended;
    await rm(state, { recursive: true, force: true });
    throw new Error(`${error.message}\nThe server said:\n${output.join("")}`);
  }
}

/**
 * Asks again until `accept` finds the answer good, and returns it; fails with
 * the last answer when that takes longer than ten seconds.
 */
export async function eventually(ask, accept) {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const answer = await ask();
    if (accept(answer)) {
      return answer;
    }
    if (Date.now() > deadline) {
      throw new Error(`still not as expected: ${JSON.stringify(answer)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** The environment without settings of whoever runs the tests, but for the place of the engine. */
function withoutSettings(environment) {
  const ours = (name) => name.startsWith("ROOKERY_") && name !== "ROOKERY_ANALYTICS_ENGINE_LIBRARY";
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !ours(name)));
}

async function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

/** Resolves when the URL answers 200; fails when the server ends or takes too long. */
async function answering(url, ended) {
  const deadline = Date.now() + READY_WITHIN_MILLISECONDS;
  let end;
  ended.then((code) => (end = { code }));
  while (Date.now() < deadline) {
    if (end !== undefined) {
      throw new Error(`${BINARY} ended with ${end.code}`);
    }
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.status === 200) {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${url} did not answer 200 within ${READY_WITHIN_MILLISECONDS / 1000} s`);
}
