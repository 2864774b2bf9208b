// Every page, for everybody: no violation that axe finds, in light and dark,
// on wide and narrow screens, and nothing to scroll sideways.
import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";
import { ada, cleo, dan, hydrated, signIn, type Person } from "../support/people.ts";
import { expect, test } from "../support/test.ts";

const pages: { path: string; as?: Person; status?: number }[] = [
  { path: "/" },
  { path: "/dashboard" },
  { path: "/token" },
  { path: "/nowhere", status: 404 },
  { path: "/", as: ada },
  { path: "/token", as: ada },
  { path: "/dashboard?period=all", as: cleo },
  { path: "/dashboard?from=2001-01-01&to=2001-01-02", as: ada },
  { path: "/dashboard", as: dan },
];

// A page with status 404 is logged by the browser.
test.use({ expectedMessages: /status of 404/ });

for (const colorScheme of ["light", "dark"] as const) {
  for (const width of [375, 1280]) {
    test.describe(`${colorScheme}, ${width} px wide`, () => {
      test.use({ colorScheme, viewport: { width, height: 900 } });

      for (const { path, as, status } of pages) {
        test(`${path} for ${as?.name ?? "a visitor"}`, async ({ page }) => {
          if (as) {
            await signIn(page, as, path);
          } else {
            const answer = await page.goto(path);
            expect(answer?.status()).toBe(status ?? 200);
          }
          await hydrated(page);
          await accessible(page);
        });
      }

      test("the provider's sign-in page", async ({ page }) => {
        await page.goto("/sign-in");
        await expect(page.getByLabel("Password")).toBeVisible();
        await accessible(page);
      });
    });
  }
}

async function accessible(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.map((violation) => `${violation.id}: ${violation.nodes.map((node) => node.html).join(" | ")}`)).toEqual([]);
  const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  expect(content, "nothing is wider than the window").toBeLessThanOrEqual(window);
}

test("the theme is chosen with one click, kept, and rendered by the server", async ({ page }) => {
  await page.goto("/");
  await hydrated(page);
  const background = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  const light = await background();
  await page.getByRole("button", { name: "Switch between light and dark" }).click();
  await expect.poll(background).not.toBe(light);
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  const html = await (await page.request.get("/")).text();
  expect(html).toMatch(/<html[^>]*data-theme="dark"/);
});

test("the keyboard reaches the content past the header", async ({ page }) => {
  await page.goto("/");
  await hydrated(page);
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Skip to content" })).toBeFocused();
});
