// The `test` of all browser tests: every page must keep its console clean and
// its Content Security Policy unbroken, unless a test expects otherwise.
import { expect, test as base, type Page } from "@playwright/test";
import { web } from "./addresses.ts";

interface Fixtures {
  /** Messages that this test provokes on purpose. */
  expectedMessages: RegExp | undefined;
  /** Watches every page of the test's browser context. */
  cleanConsole: void;
}

export const test = base.extend<Fixtures>({
  baseURL: web,
  expectedMessages: [undefined, { option: true }],
  cleanConsole: [
    async ({ context, expectedMessages }, use) => {
      const messages: string[] = [];
      const watch = (page: Page) => {
        page.on("pageerror", (error) => messages.push(`uncaught: ${error}`));
        page.on("console", (message) => {
          if (["error", "warning"].includes(message.type())) {
            messages.push(`${message.type()}: ${message.text()}`);
          }
        });
      };
      context.pages().forEach(watch);
      context.on("page", watch);
      await use();
      const unexpected = messages.filter((message) => !expectedMessages?.test(message));
      expect(unexpected, "the pages' consoles").toEqual([]);
    },
    { auto: true },
  ],
});

export { expect };
