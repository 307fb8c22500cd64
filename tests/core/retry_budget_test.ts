/**
 * The budget for extra work, and what goes with it.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { isFinal, ManualClock, markFinal, RetryBudget, type RetryBudgetOptions } from "../../mod.ts";

/** Takes all there is out of a budget; says how much it was. */
function drain(budget: RetryBudget): number {
  let taken = 0;
  while (budget.withdraw()) taken++;
  return taken;
}

function deposit(budget: RetryBudget, times: number): void {
  for (let i = 0; i < times; i++) budget.deposit();
}

Deno.test("a budget begins with its reserve, and comes back to it", async () => {
  const clock = new ManualClock();
  const budget = new RetryBudget({ clock });
  assert.equal(drain(budget), 100);
  assert.equal(budget.balance, 0);
  await clock.advance(9000);
  assert.equal(drain(budget), 0);
  await clock.advance(1000);
  assert.equal(drain(budget), 100);
});

Deno.test("calls earn a share of an attempt each, for the time of the window", async () => {
  const clock = new ManualClock();
  const budget = new RetryBudget({ ratio: 0.2, minPerSecond: 0, windowMs: 1000, clock });
  deposit(budget, 50);
  assert.equal(drain(budget), 10);
  deposit(budget, 4);
  assert.equal(drain(budget), 0);
  budget.deposit();
  assert.equal(drain(budget), 1);
  deposit(budget, 64);
  await clock.advance(1000);
  assert.equal(budget.balance, 0);
});

Deno.test("an outage after an hour of healthy traffic finds no hour's worth of attempts", async () => {
  const clock = new ManualClock();
  const budget = new RetryBudget({ ratio: 0.2, minPerSecond: 0, clock });
  for (let minute = 0; minute < 60; minute++) {
    deposit(budget, 1000);
    await clock.advance(60_000);
  }
  // Up to 15 calls are counted later than they came.
  assert.ok(drain(budget) <= 3);
});

Deno.test("a budget counts how often it had nothing left, and is never negative", () => {
  const budget = new RetryBudget({ ratio: 0, minPerSecond: 0, clock: new ManualClock() });
  assert.equal(budget.withdraw(), false);
  assert.equal(budget.withdraw(), false);
  assert.deepEqual([budget.refused, budget.balance], [2, 0]);
});

Deno.test("a budget without a bound can be had by asking for it", () => {
  const budget = new RetryBudget({ ratio: 1000, clock: new ManualClock() });
  deposit(budget, 16);
  assert.equal(budget.balance, 16_000 + 100);
});

Deno.test("a budget refuses options that make no sense, naming them", () => {
  const wrong: unknown[] = [{ ratio: -1 }, { minPerSecond: -1 }, { windowMs: 0 }, { windowMs: Infinity }, {
    percent: 20,
  }];
  for (const options of wrong) {
    const message = new RegExp(Object.keys(options as object)[0]);
    assert.throws(() => new RetryBudget(options as RetryBudgetOptions), { code: "invalid-option", message });
  }
});

Deno.test("a result that was marked is final, and no other; what is no object can't be", () => {
  const error = new Error("marked");
  assert.equal(markFinal(error), error);
  assert.ok(isFinal(error));
  assert.ok(!isFinal(new Error("marked")));
  for (const plain of ["text", 17, undefined, null]) {
    assert.equal(markFinal(plain), plain);
    assert.ok(!isFinal(plain));
  }
});
