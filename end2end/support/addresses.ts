// Where the shared server listens.

function address(variable: string): string {
  const value = process.env[variable];
  if (!value) {
    throw new Error(`${variable} is not set: the tests run through playwright.config.ts`);
  }
  return value;
}

/** Scheme, host and port of the pages. */
export const web = address("END2END_WEB");

/** Scheme, host and port of the analytics server. */
export const analytics = address("END2END_ANALYTICS");
