// The last line of a run, the same as other test runners print.
import type { FullResult, Reporter, TestCase, TestResult } from "@playwright/test/reporter";

export default class ClosingLine implements Reporter {
  private readonly outcomes = new Map<string, TestCase>();

  onTestEnd(test: TestCase, _result: TestResult): void {
    this.outcomes.set(test.id, test);
  }

  onEnd(_result: FullResult): void {
    const tests = [...this.outcomes.values()];
    const skipped = tests.filter((test) => test.outcome() === "skipped").length;
    const passed = tests.filter((test) => test.outcome() === "expected").length;
    const failed = tests.length - skipped - passed;
    console.log(`browser: ${passed} passed, ${failed} failed, ${skipped} skipped`);
  }

  printsToStdio(): boolean {
    return false;
  }
}
