// The rows that most tests read: two organizations, two people in the first.

/** One visit as clients send it. */
export function visit(org, user, path, more = {}) {
  return { at: "2026-03-01 10:00:00", org, user, page: { path, labels: ["web"] }, seconds: 1.5, bytes: 100, ...more };
}

/** Four visits of `acme` (three of them by `ann`) and two of `globex`. */
export const VISITS = [
  visit("acme", "ann", "/"),
  visit("acme", "ann", "/", { at: "2026-03-02 08:30:00", bytes: 9007199254740000 }),
  visit("acme", "ann", "/pricing", { seconds: null }),
  visit("acme", "bob", "/"),
  visit("globex", "gus", "/", { bytes: 7 }),
  visit("globex", "gus", "/secret"),
];
