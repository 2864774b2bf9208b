// The token page: what the token is, what it says, and a request with it.
import { analytics } from "../support/addresses.ts";
import { ada, hydrated, signIn } from "../support/people.ts";
import { expect, test } from "../support/test.ts";

test("shows the token of the header with its claims and the time left", async ({ page }) => {
  await signIn(page, ada);
  const answer = await page.goto("/token");
  await hydrated(page);
  const token = answer?.headers()["x-tinybird-token"] ?? "";
  expect(token).toMatch(/^eyJ/);
  await expect(page.locator(".raw-token code")).toHaveText(token);
  const claims = JSON.parse(Buffer.from(token.split(".")[1], "base64url").toString());
  expect(JSON.parse(await page.locator(".claims code").innerText())).toEqual(claims);
  await expect(page.getByText("org = ua")).toBeVisible();
  expect(claims.exp - claims.iat).toBe(900);

  const left = page.locator(".time-left [data-seconds]");
  const first = Number(await left.getAttribute("data-seconds"));
  expect(first).toBeGreaterThan(600);
  expect(first).toBeLessThanOrEqual(900);
  await expect.poll(async () => Number(await left.getAttribute("data-seconds"))).toBeLessThan(first);
});

test("runs the request straight from the browser and shows the answer", async ({ page }) => {
  await signIn(page, ada, "/token");
  await hydrated(page);
  await page.getByLabel("Endpoint").selectOption("flights_summary");
  const [request] = await Promise.all([
    page.waitForRequest((request) => request.url().startsWith(`${analytics}/v0/pipes/flights_summary.json`) && request.method() === "GET"),
    page.getByRole("button", { name: "Run it" }).click(),
  ]);
  expect((await request.allHeaders())["authorization"]).toMatch(/^Bearer eyJ/);
  const answer = page.locator(".run");
  await expect(answer).toContainText("200");
  await expect(answer.getByRole("table")).toContainText("58,665");
});

test("shows the request for fetch, curl and Rust, ready to be copied", async ({ page, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await signIn(page, ada, "/token");
  await hydrated(page);
  const served = await (await page.request.get("/api/token")).json();
  for (const [language, telling] of [["fetch", "await fetch("], ["curl", "curl --header"], ["Rust", "bearer_auth"]]) {
    await page.getByRole("radio", { name: language }).check({ force: true });
    const example = page.locator(".example").filter({ visible: true });
    await expect(example).toHaveCount(1);
    await expect(example).toContainText(telling);
    await example.getByRole("button", { name: "Copy example" }).click();
    await expect(example.getByRole("button", { name: "Copy example" })).toContainText("Copied");
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    expect(copied).toContain(served.token);
  }
});

test("asks visitors to sign in and gives them no token", async ({ page }) => {
  const answer = await page.goto("/token");
  expect(answer?.headers()["x-tinybird-token"]).toBe("");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Sign in to get a token");
});
