// The pictures of the README: `npm run pictures`.
import path from "node:path";
import { ada, hydrated, signIn } from "../support/people.ts";
import { test } from "../support/test.ts";

test.use({ viewport: { width: 1200, height: 860 } });

test("the dashboard", async ({ page }) => {
  await signIn(page, ada, "/dashboard?period=91d");
  await hydrated(page);
  await page.screenshot({ path: path.resolve(import.meta.dirname, "../../docs/dashboard.png") });
});
