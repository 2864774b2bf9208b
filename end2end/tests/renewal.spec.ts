// A token is replaced before it ends, also after the laptop slept, and once
// more when the analytics server says that it has expired.
import type { Page } from "@playwright/test";
import { ada, hydrated, signIn } from "../support/people.ts";
import { start, type Rookery } from "../support/server.ts";
import { expect, test as base } from "../support/test.ts";

// The shortest lifetime there is, so that the server mints a new token each time.
const LIFETIME_SECONDS = 30;

/** The tests here have a server of their own. */
const test = base.extend<{}, { rookery: Rookery }>({
  rookery: [
    async ({}, use) => {
      const rookery = await start({ tokenLifetime: LIFETIME_SECONDS });
      await use(rookery);
      await rookery.stop();
    },
    { scope: "worker", timeout: 120_000 },
  ],
  baseURL: async ({ rookery }, use) => use(rookery.web),
});

// One worker and so one server for them all.
test.describe.configure({ mode: "default" });

/** Counts the page's requests for a token. */
function renewals(page: Page): { count: number } {
  const seen = { count: 0 };
  page.on("request", (request) => {
    if (new URL(request.url()).pathname === "/api/token") {
      seen.count += 1;
    }
  });
  return seen;
}

function dailyFlights(page: Page) {
  return page.waitForResponse(
    (response) => new URL(response.url()).pathname === "/v0/pipes/flights_per_day.json" && response.request().method() === "GET",
  );
}

async function bearer(page: Page, action: () => Promise<void>): Promise<string> {
  const [response] = await Promise.all([dailyFlights(page), action()]);
  expect(response.status()).toBe(200);
  return (await response.request().allHeaders())["authorization"];
}

test("the token is renewed before it ends, with one request", async ({ page }) => {
  await page.clock.install();
  await signIn(page, ada);
  await hydrated(page);
  const seen = renewals(page);
  const first = await bearer(page, () => page.getByRole("link", { name: "7 days" }).click());
  expect(seen.count).toBe(0);

  const renewed = page.waitForResponse((response) => new URL(response.url()).pathname === "/api/token");
  await page.clock.fastForward((LIFETIME_SECONDS * 1000) / 2 + 1000);
  expect((await renewed).status()).toBe(200);
  const second = await bearer(page, () => page.getByRole("link", { name: "91 days" }).click());
  expect(second).not.toBe(first);
  expect(seen.count).toBe(1);
});

test("after the laptop slept past the expiry, the first look renews", async ({ page }) => {
  await page.clock.install();
  await signIn(page, ada);
  await hydrated(page);
  const seen = renewals(page);
  const first = await bearer(page, () => page.getByRole("link", { name: "7 days" }).click());

  const renewed = page.waitForResponse((response) => new URL(response.url()).pathname === "/api/token");
  await page.clock.fastForward("08:00:00");
  await page.evaluate(() => window.dispatchEvent(new Event("focus")));
  expect((await renewed).status()).toBe(200);
  expect(seen.count).toBe(1);
  const second = await bearer(page, () => page.getByRole("link", { name: "91 days" }).click());
  expect(second).not.toBe(first);
});

test.describe("a token that the analytics server calls expired", () => {
  test.use({ expectedMessages: /status of 403/ });

  test("is renewed once for all panels, and each asks again", async ({ page, rookery }) => {
    await signIn(page, ada);
    await hydrated(page);
    const seen = renewals(page);
    const expired = new Set<string>();
    // The first request to each endpoint is answered as the server answers an expired token.
    await page.route(`${rookery.analytics}/v0/pipes/**`, async (route) => {
      const endpoint = new URL(route.request().url()).pathname;
      if (route.request().method() === "OPTIONS" || expired.has(endpoint)) {
        return route.continue();
      }
      expired.add(endpoint);
      return route.fulfill({
        status: 403,
        headers: { "Access-Control-Allow-Origin": rookery.web, "Access-Control-Expose-Headers": "*" },
        contentType: "application/json",
        body: JSON.stringify({ error: "the token has expired", code: "token_expired", documentation: "" }),
      });
    });
    await page.getByRole("link", { name: "All", exact: true }).click();
    await expect(page.getByRole("region", { name: "In short" })).toContainText("58,665");
    await expect(page.getByRole("alert").filter({ hasText: /./ })).toHaveCount(0);
    expect(expired.size).toBeGreaterThan(1);
    expect(seen.count).toBe(1);
  });
});

test.describe("a session that ended", () => {
  test.use({ expectedMessages: /status of 401/ });

  test("signs the page out at the next renewal and says so", async ({ page, context }) => {
    await page.clock.install();
    await signIn(page, ada, "/dashboard?period=all");
    await hydrated(page);
    await context.clearCookies();
    await page.clock.fastForward(LIFETIME_SECONDS * 1000);
    await expect(page.getByText("Your session has ended. Please sign in again.")).toBeVisible();
    await expect(page.getByText("58,665")).toHaveCount(0);
  });
});
