// The people of the demo and how they sign in.
import { expect, type Page } from "@playwright/test";

/** Someone of demo/identity.toml. */
export interface Person {
  name: string;
  email: string;
}

export const ada: Person = { name: "Ada Lindqvist", email: "ada@united.example" };
export const ben: Person = { name: "Ben Okafor", email: "ben@jetblue.example" };
export const cleo: Person = { name: "Cleo Marchetti", email: "cleo@delta.example" };
export const dan: Person = { name: "Dan Whitfield", email: "dan@nowhere.example" };

export const PASSWORD = "rookery-demo";

/** Signs in with one click on the provider's page and waits for the page asked for. */
export async function signIn(page: Page, person: Person, returnTo = "/dashboard"): Promise<void> {
  await page.goto(`/sign-in?return_to=${encodeURIComponent(returnTo)}`);
  await page.getByRole("button", { name: person.name }).click();
  await page.waitForURL((url) => url.pathname + url.search === returnTo);
}

/** Waits until the page's components have taken over the server's HTML. */
export async function hydrated(page: Page): Promise<void> {
  await expect(page.locator("body")).toHaveAttribute("data-hydrated", /.*/);
}
