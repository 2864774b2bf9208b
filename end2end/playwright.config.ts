// How the browser tests run: Debian's Chromium against the release build,
// which the global setup starts on free ports with an empty state directory.
// `cargo xtask test --only browser` builds first and sets the environment.
import { defineConfig, devices } from "@playwright/test";

const chromium = process.env.END2END_CHROMIUM ?? "/usr/bin/chromium";

export default defineConfig({
  testDir: "tests",
  globalSetup: "./support/setup.ts",
  // One server, one database: the people of the demo are shared, their sessions are not.
  fullyParallel: true,
  workers: 2,
  forbidOnly: true,
  retries: 0,
  timeout: 30_000,
  expect: { timeout: 10_000 },
  reporter: [["list"], ["./support/closing-line.ts"]],
  use: {
    ...devices["Desktop Chrome"],
    viewport: { width: 1280, height: 900 },
    launchOptions: {
      executablePath: chromium,
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    },
    trace: "retain-on-failure",
  },
  // The pictures of the README are made on demand only, by `npm run pictures`.
  projects: process.env.END2END_PICTURES
    ? [{ name: "pictures", testDir: "pictures" }]
    : [{ name: "chromium" }],
});
