// The people of the demo: each sees their own organization's figures, already
// in the first HTML, and nobody else's.
import { ada, ben, cleo, dan, hydrated, signIn } from "../support/people.ts";
import { expect, test } from "../support/test.ts";

const totals = [
  { person: ada, organization: "United Air Lines Inc.", flights: "58,665" },
  { person: ben, organization: "JetBlue Airways", flights: "54,635" },
  { person: cleo, organization: "Delta Air Lines Inc.", flights: "48,110" },
];

for (const { person, organization, flights } of totals) {
  test(`${person.name} finds ${flights} flights of ${organization} in the first HTML`, async ({ page }) => {
    await signIn(page, person);
    const answer = await page.request.get("/dashboard?period=all");
    const html = await answer.text();
    expect(html).toContain(flights);
    for (const other of totals.filter((each) => each.person !== person)) {
      expect(html).not.toContain(other.flights);
    }
    expect(answer.headers()["x-org-name"]).toBe(organization);
    expect(answer.headers()["x-tinybird-token"]).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/);
    expect(answer.headers()["cache-control"]).toContain("no-store");
  });
}

test("the figures stay when the components take over", async ({ page }) => {
  await signIn(page, ada, "/dashboard?period=all");
  await hydrated(page);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("United Air Lines Inc.");
  await expect(page.getByRole("region", { name: "In short" })).toContainText("58,665");
});

test("Cleo switches from Delta to Endeavor and back", async ({ page }) => {
  await signIn(page, cleo, "/dashboard?period=all");
  await hydrated(page);
  const summary = page.getByRole("region", { name: "In short" });
  await expect(summary).toContainText("48,110");
  const before = await tokenOf(page.request);

  await page.getByText("Organization: ").click();
  await page.getByRole("button", { name: /Endeavor Air/ }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Endeavor Air Inc.");
  await expect(summary).toContainText("18,460");
  expect(new URL(page.url()).search, "the period stays").toBe("?period=all");
  const after = await tokenOf(page.request);
  expect(organizationIn(before)).toBe("dl");
  expect(organizationIn(after)).toBe("9e");

  await hydrated(page);
  await page.getByText("Organization: ").click();
  await page.getByRole("button", { name: /Delta Air Lines/ }).click();
  await expect(summary).toContainText("48,110");
});

test("nobody switches to an organization that is not theirs", async ({ page, baseURL }) => {
  await signIn(page, ada);
  const answer = await page.request.post("/organization", {
    form: { organization: "b6", return_to: "/dashboard" },
    headers: { Origin: baseURL ?? "", "Sec-Fetch-Site": "same-origin" },
    maxRedirects: 0,
  });
  expect(answer.status()).toBe(403);
  expect(organizationIn(await tokenOf(page.request))).toBe("ua");
});

test("Dan, in no organization, gets a helpful page, no token and no data", async ({ page }) => {
  await signIn(page, dan, "/dashboard?period=all");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("You are in no organization yet");
  await expect(page.getByText("Ask an administrator")).toBeVisible();

  const answer = await page.request.get("/dashboard?period=all");
  expect(answer.headers()["x-tinybird-token"]).toBe("");
  expect(await answer.text()).not.toContain("eyJ");
  const token = await page.request.get("/api/token");
  expect(token.ok()).toBe(false);
  expect(await token.text()).not.toContain("eyJ");
});

type Requests = import("@playwright/test").APIRequestContext;

async function tokenOf(requests: Requests): Promise<string> {
  const answer = await requests.get("/api/token");
  expect(answer.status()).toBe(200);
  return (await answer.json()).token;
}

/** The fixed parameter `org` of the token's scopes, the same in each. */
function organizationIn(token: string): string {
  const claims = JSON.parse(Buffer.from(token.split(".")[1], "base64url").toString());
  const organizations = new Set<string>(claims.scopes.map((scope: { fixed_params: { org: string } }) => scope.fixed_params.org));
  expect(organizations.size).toBe(1);
  return [...organizations][0];
}
