/**
 * Waiting without time: lets what is promised happen, and looks at how it went.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { type ErrorCode, TransportError } from "../../src/core/mod.ts";

/** Lets promise reactions run, more turns than anything here is deep. */
export async function settle(turns = 200): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await undefined;
}

/** How a promise stands now. */
export type Standing<T> = { state: "pending" } | { state: "resolved"; value: T } | {
  state: "rejected";
  error: unknown;
};

/** Looks at a promise after everything that can happen without time has happened. */
export async function standing<T>(promise: Promise<T>): Promise<Standing<T>> {
  let result: Standing<T> = { state: "pending" };
  promise.then((value) => result = { state: "resolved", value }, (error) => result = { state: "rejected", error });
  await settle();
  return result;
}

/** Checks that a promise is still pending. */
export async function isPending(promise: Promise<unknown>, what = "the promise"): Promise<void> {
  assert.equal((await standing(promise)).state, "pending", `${what} is pending`);
}

/** Checks that a promise is rejected with a TransportError of `code` by now, and returns it. */
export async function rejection(promise: Promise<unknown>, code: ErrorCode): Promise<TransportError> {
  const result = await standing(promise);
  assert.equal(result.state, "rejected", `rejected with ${code}`);
  assert.ok(result.state === "rejected" && result.error instanceof TransportError, `a TransportError, ${code}`);
  assert.equal(result.error.code, code, result.error.message);
  return result.error;
}

/** The value of a promise that is resolved by now. */
export async function resolution<T>(promise: Promise<T>): Promise<T> {
  const result = await standing(promise);
  if (result.state === "rejected") throw result.error;
  assert.ok(result.state === "resolved", "resolved");
  return result.value;
}
