// What works before the components have taken over, and without them.
import { ada, cleo, signIn } from "../support/people.ts";
import { expect, test } from "../support/test.ts";

test.describe("with scripts switched off", () => {
  test.use({ javaScriptEnabled: false });

  test("one signs in, reads the dashboard, changes the range, switches and signs out", async ({ page }) => {
    await signIn(page, cleo, "/dashboard?period=all");
    const summary = page.getByRole("region", { name: "In short" });
    await expect(summary).toContainText("48,110");
    await expect(page.getByRole("region", { name: "Flights per day" }).locator("svg").first()).toBeVisible();

    await page.getByRole("link", { name: "7 days" }).click();
    await expect(page).toHaveURL(/period=7d/);
    await expect(summary).not.toContainText("48,110");

    await page.goto("/dashboard?period=all");
    await page.getByText("Organization: ").click();
    await page.getByRole("button", { name: /Endeavor Air/ }).click();
    await expect(summary).toContainText("18,460");

    await page.getByRole("button", { name: "Sign out" }).click();
    await expect(page.getByRole("banner").getByRole("link", { name: "Sign in" })).toBeVisible();
  });
});

test.describe("with WebAssembly blocked", () => {
  test.use({ expectedMessages: /ERR_FAILED|Failed to fetch|preload/ });

  test("the pages can be read and used", async ({ page }) => {
    await page.route("**/*.wasm", (route) => route.abort());
    await signIn(page, ada, "/dashboard?period=all");
    await expect(page.getByRole("region", { name: "In short" })).toContainText("58,665");
    await page.getByLabel("From", { exact: true }).fill("2001-01-01");
    await page.getByLabel("To", { exact: true }).fill("2001-01-02");
    await page.getByRole("button", { name: "Show" }).click();
    await expect(page.getByText("No flights in these days.").first()).toBeVisible();
    await page.goto("/token");
    await expect(page.locator(".raw-token code")).toHaveText(/^eyJ/);
  });
});

test("static files come compressed, under names that change with their content", async ({ page, request }) => {
  const files: string[] = [];
  page.on("response", (response) => {
    if (new URL(response.url()).pathname.startsWith("/pkg/")) {
      files.push(response.url());
    }
  });
  await page.goto("/", { waitUntil: "networkidle" });
  expect(files.length).toBeGreaterThanOrEqual(3);
  for (const file of files) {
    expect(new URL(file).pathname).toMatch(/^\/pkg\/rookery\.[0-9a-f]{16}\.(js|wasm|css)$/);
    const answer = await request.get(file, { headers: { "Accept-Encoding": "br" } });
    expect(answer.headers()["content-encoding"], file).toBe("br");
    expect(answer.headers()["cache-control"], file).toContain("immutable");
    expect(answer.headers()["x-tinybird-token"], file).toBeUndefined();
  }
});
