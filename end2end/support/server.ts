// Starts a Rookery of its own on free ports with an empty state directory.
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";

const root = path.resolve(import.meta.dirname, "../..");
const READY_WITHIN_MILLISECONDS = 120_000;

/** A running server. */
export interface Rookery {
  /** Scheme, host and port of the pages. */
  web: string;
  /** Scheme, host and port of the analytics server. */
  analytics: string;
  /** Ends it as an operator would and deletes its state. */
  stop(): Promise<void>;
}

/** What differs from the demo's JWT template. */
export interface Options {
  /** How long tokens last, in seconds. */
  tokenLifetime?: number;
}

export async function start(options: Options = {}): Promise<Rookery> {
  const server = process.env.END2END_SERVER ?? path.join(root, "target/release/rookery");
  const site = process.env.END2END_SITE ?? path.join(root, "target/site");
  const state = await mkdtemp(path.join(tmpdir(), "rookery-end2end-"));
  const [webPort, analyticsPort] = [await freePort(), await freePort()];
  const web = `http://localhost:${webPort}`;
  const analytics = `http://localhost:${analyticsPort}`;

  const child = spawn(
    server,
    [
      "serve",
      ...["--config", await emptyFile(state, "rookery.toml")],
      ...["--state", state],
      ...["--web-listen", `127.0.0.1:${webPort}`],
      ...["--web-origin", web],
      ...["--web-analytics-origin", analytics],
      ...["--web-site-root", site],
      ...["--analytics-listen", `127.0.0.1:${analyticsPort}`],
      ...["--analytics-cors-origins", web],
      ...["--oidc-issuer", `${web}/idp`],
      ...["--token-template", await template(state, options)],
    ],
    { cwd: root, env: environment(), stdio: ["ignore", "pipe", "pipe"] },
  );
  const output: string[] = [];
  child.stdout.on("data", (chunk) => output.push(String(chunk)));
  child.stderr.on("data", (chunk) => output.push(String(chunk)));
  const started = new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", reject);
  });

  try {
    await started;
    await answering(`${web}/readyz`, child);
    await answering(`${analytics}/readyz`, child);
  } catch (error) {
    child.kill("SIGKILL");
    await rm(state, { recursive: true, force: true });
    throw new Error(`${error}\nThe server said:\n${output.join("")}`);
  }
  return {
    web,
    analytics,
    async stop() {
      const code = await stopped(child);
      await rm(state, { recursive: true, force: true });
      if (code !== 0) {
        throw new Error(`the server ended with ${code} on SIGTERM; it said:\n${output.join("")}`);
      }
    },
  };
}

/** The environment without settings of whoever runs the tests, but for the place of the engine. */
function environment(): NodeJS.ProcessEnv {
  const ours = (name: string) => name.startsWith("ROOKERY_") && name !== "ROOKERY_ANALYTICS_ENGINE_LIBRARY";
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours(name)));
}

async function emptyFile(directory: string, name: string): Promise<string> {
  const file = path.join(directory, name);
  await writeFile(file, "");
  return file;
}

/**
 * The demo's template without its rate limit: the tests act for the same few
 * people many times a second. What the limit does is tested with the servers.
 */
async function template(directory: string, options: Options): Promise<string> {
  const demo = path.join(root, "demo/jwt_templates/tinybird.json");
  const content = JSON.parse(await readFile(demo, "utf8"));
  content.claims.limits.rps = 10_000;
  content.lifetime = options.tokenLifetime ?? content.lifetime;
  const file = path.join(directory, "template.json");
  await writeFile(file, JSON.stringify(content));
  return file;
}

async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() =>
        address && typeof address === "object" ? resolve(address.port) : reject(new Error("no free port")),
      );
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

async function stopped(server: ChildProcess): Promise<number | null> {
  if (server.exitCode !== null) {
    return server.exitCode;
  }
  const ended = new Promise<number | null>((resolve) => server.once("exit", resolve));
  server.kill("SIGTERM");
  return ended;
}
