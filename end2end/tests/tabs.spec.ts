// Several tabs of one browser share a session.
import { cleo, hydrated, ada, signIn } from "../support/people.ts";
import { expect, test } from "../support/test.ts";

test("signing out in one tab signs out the other at once", async ({ page, context }) => {
  await signIn(page, ada, "/token");
  await hydrated(page);
  const other = await context.newPage();
  await other.goto("/dashboard?period=all");
  await hydrated(other);
  await expect(other.getByText("58,665")).toBeVisible();

  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page).toHaveURL("/");
  await hydrated(page);
  await expect(other.getByText("You signed out in another tab.")).toBeVisible();
  await expect(other.getByRole("heading", { level: 1 })).toHaveText("Sign in to see your flights");
  await expect(other.getByText("58,665")).toHaveCount(0);
});

test("a switch of the organization in one tab leaves the other as it was, and says so", async ({ page, context }) => {
  await signIn(page, cleo, "/dashboard?period=all");
  await hydrated(page);
  const other = await context.newPage();
  await other.goto("/dashboard?period=all");
  await hydrated(other);
  await other.getByText("Organization: ").click();
  await other.getByRole("button", { name: /Endeavor Air/ }).click();
  await expect(other.getByText("18,460")).toBeVisible();

  await expect(page.getByRole("status").filter({ hasText: "Another tab switched to Endeavor Air Inc." })).toBeVisible();
  await page.getByRole("link", { name: "28 days" }).click();
  await page.getByRole("link", { name: "All", exact: true }).click();
  await expect(page.getByRole("region", { name: "In short" })).toContainText("48,110");
  await page.getByRole("link", { name: "Switch here too" }).click();
  await expect(page.getByRole("region", { name: "In short" })).toContainText("18,460");
});
