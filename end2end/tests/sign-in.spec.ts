// Signing in and out, and where one gets to afterwards.
import { ada, ben, hydrated, PASSWORD, signIn } from "../support/people.ts";
import { expect, test } from "../support/test.ts";

test("a person signs in with address and password and lands where they wanted to go", async ({ page }) => {
  await page.goto("/dashboard?period=7d");
  await hydrated(page);
  await page.getByRole("main").getByRole("link", { name: "Sign in" }).click();
  await page.getByLabel("E-mail address").fill(ada.email);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page).toHaveURL("/dashboard?period=7d");
  await expect(page.getByRole("banner")).toContainText(ada.name);
});

test.describe("a wrong password", () => {
  // The browser logs every answer of 400 and above.
  test.use({ expectedMessages: /status of 4\d\d/ });

  test("is refused without telling which part was wrong, and the address stays", async ({ page }) => {
    await page.goto("/sign-in?return_to=/token");
    const alerts: string[] = [];
    for (const email of [ben.email, "nobody@nowhere.example"]) {
      await page.getByLabel("E-mail address").fill(email);
      await page.getByLabel("Password").fill("not the password");
      await page.getByRole("button", { name: "Sign in" }).click();
      await expect(page.getByLabel("E-mail address")).toHaveValue(email);
      alerts.push(await page.getByRole("alert").innerText());
    }
    expect(alerts[0]).toBe(alerts[1]);
    // The right one still works, on the same page.
    await page.getByLabel("E-mail address").fill(ben.email);
    await page.getByLabel("Password").fill(PASSWORD);
    await page.getByRole("button", { name: "Sign in" }).click();
    await expect(page).toHaveURL("/token");
  });
});

test("signing out ends the session here and at the provider", async ({ page }) => {
  await signIn(page, ada, "/token");
  await hydrated(page);
  const token = await page.request.get("/api/token");
  expect(token.status()).toBe(200);

  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page).toHaveURL("/");
  await expect(page.getByRole("banner").getByRole("link", { name: "Sign in" })).toBeVisible();
  expect((await page.request.get("/api/token")).status()).toBe(401);
  expect((await page.request.get("/dashboard")).headers()["x-tinybird-token"]).toBe("");

  // The provider asks who one is again.
  await page.goto("/sign-in?return_to=/token");
  await expect(page.getByLabel("Password")).toBeVisible();
});

test("a second sign-in needs no password while the provider's session lasts", async ({ page, context }) => {
  await signIn(page, ada, "/token");
  const session = (await context.cookies()).filter((cookie) => cookie.name.includes("session"));
  expect(session.length).toBeGreaterThan(0);
  for (const cookie of session) {
    await context.clearCookies({ name: cookie.name });
  }
  await page.goto("/sign-in?return_to=/dashboard");
  await expect(page).toHaveURL("/dashboard");
});

for (const elsewhere of ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/.//evil.example"]) {
  test(`return_to cannot leave the site: ${elsewhere}`, async ({ page }) => {
    await page.goto(`/sign-in?return_to=${encodeURIComponent(elsewhere)}`);
    await page.getByRole("button", { name: ada.name }).click();
    await expect(page).toHaveURL("/");
  });
}

test("the session cookie is out of reach of scripts, and of other sites' forms", async ({ page, context, baseURL }) => {
  await signIn(page, ada);
  for (const cookie of await context.cookies(baseURL)) {
    expect(cookie.httpOnly, cookie.name).toBe(true);
    expect(cookie.sameSite, cookie.name).toBe("Lax");
  }
  const forged = await page.request.post("/sign-out", {
    form: { return_to: "/" },
    headers: { Origin: "https://evil.example", "Sec-Fetch-Site": "cross-site" },
    maxRedirects: 0,
  });
  expect(forged.status()).toBe(403);
  expect((await page.request.get("/api/token")).status()).toBe(200);
});
