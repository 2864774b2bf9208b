// Starts the server that all tests share and stops it after them. Where it
// listens is told to the tests through the environment (see addresses.ts).
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";

const root = path.resolve(import.meta.dirname, "../..");
const READY_WITHIN_MILLISECONDS = 120_000;

export default async function setup(): Promise<() => Promise<void>> {
  const server = process.env.ROOKERY_TEST_SERVER ?? path.join(root, "target/release/rookery");
  const site = process.env.ROOKERY_TEST_SITE ?? path.join(root, "target/site");
  const state = await mkdtemp(path.join(tmpdir(), "rookery-end2end-"));
  const [webPort, analyticsPort] = [await freePort(), await freePort()];
  const web = `http://localhost:${webPort}`;
  const analytics = `http://localhost:${analyticsPort}`;

  const child = spawn(
    server,
    [
      "serve",
      ...["--state", state],
      ...["--web-listen", `127.0.0.1:${webPort}`],
      ...["--web-origin", web],
      ...["--web-analytics-origin", analytics],
      ...["--web-site-root", site],
      ...["--analytics-listen", `127.0.0.1:${analyticsPort}`],
      ...["--oidc-issuer", `${web}/idp`],
    ],
    { cwd: root, stdio: ["ignore", "pipe", "pipe"] },
  );
  const output: string[] = [];
  child.stdout.on("data", (chunk) => output.push(String(chunk)));
  child.stderr.on("data", (chunk) => output.push(String(chunk)));

  try {
    await answering(`${web}/readyz`, child);
    await answering(`${analytics}/readyz`, child);
  } catch (error) {
    child.kill("SIGKILL");
    await rm(state, { recursive: true, force: true });
    throw new Error(`${error}\nThe server said:\n${output.join("")}`);
  }
  process.env.ROOKERY_END2END_WEB = web;
  process.env.ROOKERY_END2END_ANALYTICS = analytics;

  return async () => {
    const code = await stopped(child);
    await rm(state, { recursive: true, force: true });
    if (code !== 0) {
      throw new Error(`the server ended with ${code} on SIGTERM; it said:\n${output.join("")}`);
    }
  };
}

async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => (address && typeof address === "object" ? resolve(address.port) : reject(new Error("no port"))));
    });
  });
}

/** Resolves when the URL answers 200; fails when the server ends or takes too long. */
async function answering(url: string, server: ChildProcess): Promise<void> {
  const deadline = Date.now() + READY_WITHIN_MILLISECONDS;
  while (Date.now() < deadline) {
    if (server.exitCode !== null) {
      throw new Error(`the server ended with ${server.exitCode}`);
    }
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.status === 200) {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${url} did not answer 200 within ${READY_WITHIN_MILLISECONDS / 1000} s`);
}

/** Asks the server to end as an operator would and returns its exit code. */
async function stopped(server: ChildProcess): Promise<number | null> {
  if (server.exitCode !== null) {
    return server.exitCode;
  }
  const ended = new Promise<number | null>((resolve) => server.once("exit", resolve));
  server.kill("SIGTERM");
  return ended;
}
