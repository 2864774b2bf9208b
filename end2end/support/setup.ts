// Starts the server that all tests share, and stops it after them. The tests
// learn from the environment where it listens (addresses.ts).
import { start } from "./server.ts";

export default async function setup(): Promise<() => Promise<void>> {
  const rookery = await start();
  process.env.END2END_WEB = rookery.web;
  process.env.END2END_ANALYTICS = rookery.analytics;
  return () => rookery.stop();
}
