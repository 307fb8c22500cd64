/**
 * The options of dashboard(): what is refused, and how that is said.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { dashboard, type DashboardOptions } from "../../../adapters/dashboard.ts";
import { TransportError } from "../../../mod.ts";

const refused: [options: Record<string, unknown>, why: RegExp][] = [
  [{ colour: "red" }, /it has no option "colour", only title, note, chains/],
  [{ title: 7 }, /option title is 7, allowed is a text that is not empty/],
  [{ note: "" }, /option note is "", allowed is a text that is not empty/],
  [{ chains: [] }, /option chains is a list, allowed is chains by name/],
  [{ chains: { orders: "tcp" } }, /option chains is an object, allowed is chains by name/],
  [{ sources: () => [] }, /option sources is a function, allowed is a list of functions/],
  [{ sources: [{}] }, /option sources is a list, allowed is a list of functions/],
  [{ events: 1 }, /option events is 1, allowed is an object/],
  [{ health: {} }, /option health is an object, allowed is an object with snapshot\(\)/],
  [
    { objectives: [{ snapshot: () => 1 }, {}] },
    /option objectives is a list, allowed is an object with snapshot\(\), or/,
  ],
  [{ report: null }, /option report is null, allowed is an object with snapshot\(\)/],
  [{ record: "sometimes" }, /option record is "sometimes", allowed is "while-watched" or "always"/],
  [{ everyMs: 0 }, /option everyMs is 0, allowed is an integer from 1 to 3600000/],
  [{ maxReaders: 1.5 }, /option maxReaders is 1.5, allowed is an integer from 1 to 100000/],
  [{ maxSeries: -1 }, /option maxSeries is -1, allowed is an integer from 1 to 100000/],
  [{ authorize: true }, /option authorize is true, allowed is a function/],
  [{ clock: "noon" }, /option clock is "noon", allowed is an object/],
  [{ wallClock: 0 }, /option wallClock is 0, allowed is a function/],
];

for (const [options, why] of refused) {
  Deno.test(`dashboard() refuses ${Object.keys(options)[0]}: ${why.source}`, () => {
    assert.throws(() => dashboard(options as DashboardOptions), (error: unknown) => {
      assert.ok(error instanceof TransportError);
      assert.equal(error.code, "invalid-option");
      assert.match(error.message, /^Cannot use dashboard\(\): /);
      assert.match(error.message, why);
      return true;
    });
  });
}

Deno.test("dashboard() takes options that were left undefined, one panel and a list of them", () => {
  const one = { snapshot: () => ({}) };
  for (const objectives of [undefined, one, [one, one], []]) {
    dashboard({ title: undefined, objectives, health: one, report: one, chains: { c: () => "" } }).close();
  }
});
