// The dashboard: data come with the page, and from the analytics server
// itself for every change after it.
import type { Page, Request } from "@playwright/test";
import { analytics } from "../support/addresses.ts";
import { ada, ben, hydrated, signIn } from "../support/people.ts";
import { expect, test } from "../support/test.ts";

/** Requests of the page to the analytics server, without CORS preflights. */
function analyticsRequests(page: Page): Request[] {
  const requests: Request[] = [];
  page.on("request", (request) => {
    if (request.url().startsWith(analytics) && request.method() !== "OPTIONS") {
      requests.push(request);
    }
  });
  return requests;
}

function queryOf(request: Request): string {
  return new URL(request.url()).search;
}

test("the first paint needs no request to the analytics server", async ({ page }) => {
  const requests = analyticsRequests(page);
  await signIn(page, ada);
  await hydrated(page);
  await expect(page.getByRole("region", { name: "Flights per day" }).getByRole("img").first()).toBeVisible();
  expect(requests.map((request) => request.url())).toEqual([]);
});

test("a change of the range asks the analytics server with the token, for other days", async ({ page }) => {
  await signIn(page, ada);
  await hydrated(page);
  const requests = analyticsRequests(page);
  const label = page.locator(".period-label");
  const before = await label.innerText();

  const daily = (request: Request) => request.url().startsWith(`${analytics}/v0/pipes/flights_per_day.json`);
  const [first] = await Promise.all([page.waitForRequest(daily), page.getByRole("link", { name: "7 days" }).click()]);
  const token = (await first.allHeaders())["authorization"];
  expect(token).toMatch(/^Bearer eyJ/);
  const served = await (await page.request.get("/api/token")).json();
  expect(token).toBe(`Bearer ${served.token}`);
  expect((await first.response())?.status()).toBe(200);
  await expect(label).not.toHaveText(before);
  await expect(page).toHaveURL("/dashboard?period=7d");

  const [second] = await Promise.all([page.waitForRequest(daily), page.getByRole("link", { name: "Earlier" }).click()]);
  expect(queryOf(second)).not.toBe(queryOf(first));
  expect(queryOf(second)).toMatch(/^\?date_from=\d{4}-\d{2}-\d{2}&date_to=\d{4}-\d{2}-\d{2}$/);
  await expect(page).toHaveURL(`/dashboard${queryOf(second).replaceAll("date_", "")}`);
  for (const request of requests) {
    expect(new URL(request.url()).origin, "straight to the analytics server").toBe(analytics);
  }

  await page.goBack();
  await expect(page).toHaveURL("/dashboard?period=7d");
});

test("the figures of a range are the same from the server and in the browser", async ({ page }) => {
  await signIn(page, ben, "/dashboard?period=91d");
  await hydrated(page);
  const summary = page.getByRole("region", { name: "In short" });
  const rendered = await summary.innerText();
  await page.getByRole("link", { name: "All", exact: true }).click();
  await expect(summary).toContainText("54,635");
  await page.getByRole("link", { name: "91 days" }).click();
  await expect(summary).not.toContainText("54,635");
  expect(await summary.innerText()).toBe(rendered);
});

test("dates of one's own go into the address, and wrong ones are named", async ({ page }) => {
  await signIn(page, ada);
  await hydrated(page);
  const from = page.getByLabel("From", { exact: true });
  const to = page.getByLabel("To", { exact: true });
  const [first, last] = [await from.inputValue(), await to.inputValue()];
  await to.fill(first);
  await page.getByRole("button", { name: "Show" }).click();
  await expect(page).toHaveURL(`/dashboard?from=${first}&to=${first}`);

  await from.fill(last);
  await page.getByRole("button", { name: "Show" }).click();
  await expect(page.getByRole("alert").filter({ hasText: "The first day comes after the last one" })).toBeVisible();
  await expect(from).toHaveValue(last);
});

test("days without flights say so and lead back", async ({ page }) => {
  await signIn(page, ada, "/dashboard?from=2001-01-01&to=2001-01-31");
  await hydrated(page);
  await expect(page.getByText("No flights in these days.").first()).toBeVisible();
  await page.getByRole("link", { name: "Show all days" }).first().click();
  await expect(page.getByRole("region", { name: "In short" })).toContainText("58,665");
});

test.describe("a panel that fails", () => {
  test.use({ expectedMessages: /Failed to load resource/ });

  test("leaves the others alone and can be tried again", async ({ page }) => {
    await signIn(page, ada);
    await hydrated(page);
    const endpoint = `${analytics}/v0/pipes/delay_by_hour.json*`;
    await page.route(endpoint, (route) => route.abort());
    await page.getByRole("link", { name: "91 days" }).click();
    const hours = page.getByRole("region", { name: "Departure delay by hour" });
    await expect(hours.getByRole("alert")).toBeVisible();
    await expect(page.getByRole("region", { name: "Top destinations" }).getByRole("table")).toBeVisible();

    await page.unroute(endpoint);
    await hours.getByRole("button", { name: "Try again" }).click();
    await expect(hours.getByRole("alert")).toHaveCount(0);
    await expect(hours.getByRole("img").first()).toBeVisible();
  });
});

test("whatever is asked for, Ada's token answers with United's rows", async ({ page, request }) => {
  await signIn(page, ada);
  const { token } = await (await page.request.get("/api/token")).json();
  const ask = async (query: string) => {
    const answer = await request.get(`${analytics}/v0/pipes/flights_summary.json${query}`, {
      headers: { Authorization: `Bearer ${token}` },
    });
    expect(answer.status()).toBe(200);
    return (await answer.json()).data[0].flights;
  };
  expect(Number(await ask(""))).toBe(58_665);
  expect(Number(await ask("?org=b6"))).toBe(58_665);
  expect(Number(await ask("?org="))).toBe(58_665);

  for (const damaged of [`${token}x`, token.replace(/\.[^.]+$/, "."), "", "nonsense"]) {
    const answer = await request.get(`${analytics}/v0/pipes/flights_summary.json`, {
      headers: { Authorization: `Bearer ${damaged}` },
    });
    expect(answer.status(), damaged).toBe(403);
    expect(await answer.json()).toHaveProperty("error");
  }
});
