/**
 * Errors and the one verdict on a call.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  type ErrorCode,
  errorCodes,
  type Outcome,
  outcomeOf,
  outcomeOfReply,
  type Processed,
  TransportError,
} from "../../src/core/mod.ts";

/** For each code: whether the far side worked on the call, and the verdict where we, or the far side, made the error. */
const table: Record<ErrorCode, [Processed, Outcome, Outcome]> = {
  "remote": ["yes", "failure", "failure"],
  "cancelled": ["maybe", "cancelled", "cancelled"],
  "deadline-exceeded": ["maybe", "failure", "failure"],
  "connect-failed": ["no", "failure", "failure"],
  "connect-timeout": ["no", "failure", "failure"],
  "acquire-timeout": ["no", "rejected", "failure"],
  "connection-lost": ["maybe", "failure", "failure"],
  "closed": ["no", "rejected", "failure"],
  "draining": ["no", "rejected", "failure"],
  "protocol": ["maybe", "failure", "failure"],
  "version-mismatch": ["no", "failure", "failure"],
  "message-too-large": ["no", "rejected", "failure"],
  "too-many-calls": ["no", "rejected", "overload"],
  "overloaded": ["no", "rejected", "overload"],
  "rate-limited": ["no", "rejected", "overload"],
  "circuit-open": ["no", "rejected", "overload"],
  "invalid-request": ["no", "rejected", "failure"],
  "invalid-reply": ["yes", "failure", "failure"],
  "invalid-option": ["no", "rejected", "failure"],
  "unsupported": ["no", "rejected", "failure"],
  "address-in-use": ["no", "failure", "failure"],
  "superseded": ["maybe", "superseded", "superseded"],
};

Deno.test("every code has a verdict, and says whether the far side worked on the call", () => {
  assert.deepEqual(Object.keys(table).sort(), [...errorCodes].sort());
  for (const code of errorCodes) {
    const [processed, local, remote] = table[code];
    const error = new TransportError(code, "x");
    assert.equal(error.processed, processed, code);
    assert.equal(error.remote, false);
    assert.equal(outcomeOf(error), local, `${code}, made here`);
    assert.equal(outcomeOf(new TransportError(code, "x", { remote: true })), remote, `${code}, made there`);
  }
});

Deno.test("the numbers of the codes on the wire stay what they are", () => {
  assert.deepEqual(errorCodes.slice(0, 22), [
    "remote",
    "cancelled",
    "deadline-exceeded",
    "connect-failed",
    "connect-timeout",
    "acquire-timeout",
    "connection-lost",
    "closed",
    "draining",
    "protocol",
    "version-mismatch",
    "message-too-large",
    "too-many-calls",
    "overloaded",
    "rate-limited",
    "circuit-open",
    "invalid-request",
    "invalid-reply",
    "invalid-option",
    "unsupported",
    "address-in-use",
    "superseded",
  ]);
});

Deno.test("a call whose deadline passed before it was sent says nothing about the peer", () => {
  const expired = new TransportError("deadline-exceeded", "Call not sent", { processed: "no" });
  assert.equal(outcomeOf(expired), "rejected");
  const there = new TransportError("deadline-exceeded", "Call refused", { processed: "no", remote: true });
  assert.equal(outcomeOf(there), "failure");
});

Deno.test("an error of any other kind is a failure", () => {
  for (const error of [new Error("x"), "text", undefined, null, { code: "cancelled" }]) {
    assert.equal(outcomeOf(error), "failure");
  }
});

Deno.test("what is said about an error is kept", () => {
  const cause = new Error("root");
  const error = new TransportError("connection-lost", "Connection lost: reset", {
    processed: "yes",
    remote: true,
    details: { user: 7 },
    retryAfterMs: 250,
    cause,
  });
  assert.ok(error instanceof Error);
  assert.equal(error.name, "TransportError");
  assert.equal(`${error}`, "TransportError: Connection lost: reset");
  assert.equal(error.processed, "yes");
  assert.equal(error.remote, true);
  assert.deepEqual(error.details, { user: 7 });
  assert.equal(error.retryAfterMs, 250);
  assert.equal(error.cause, cause);
  assert.equal("cause" in new TransportError("closed", "x"), false, "no cause is not an undefined one");
});

Deno.test("from() keeps a TransportError and wraps all else with its message and cause", () => {
  const own = new TransportError("draining", "x");
  assert.equal(TransportError.from(own, "remote"), own);
  const plain = new TypeError("bad");
  const wrapped = TransportError.from(plain, "protocol", { processed: "no" });
  assert.equal(wrapped.code, "protocol");
  assert.equal(wrapped.message, "bad");
  assert.equal(wrapped.cause, plain);
  assert.equal(wrapped.processed, "no");
  assert.equal(TransportError.from("text", "remote").message, "text");
  assert.equal(TransportError.from(undefined, "remote").message, "undefined");
  assert.equal(TransportError.from(Symbol("s"), "remote").message, "Symbol(s)");
});

Deno.test("from() takes whatever can be thrown", () => {
  const hostile = [
    Object.create(null),
    {
      toString(): string {
        throw new Error("no text");
      },
    },
    Object.defineProperty(new Error("x"), "message", { value: Symbol("m") }),
  ];
  for (const thrown of hostile) {
    const error = TransportError.from(thrown, "remote");
    assert.equal(error.code, "remote");
    assert.match(error.message, /^a thrown object$/);
    assert.equal(error.cause, thrown);
  }
});

Deno.test("the verdict on a reply: a server's error statuses fail, its refusals are overload, all else succeeds", () => {
  const verdicts = [200, 301, 404, 428, 429, 431, 500, 501, 503, 504].map((status) =>
    outcomeOfReply(new Response(null, { status }))
  );
  const [failure, overload, success] = ["failure", "overload", "success"];
  assert.deepEqual(
    verdicts,
    [success, success, success, success, overload, success, failure, failure, overload, failure],
  );
  assert.equal(outcomeOfReply(undefined), success);
  assert.equal(outcomeOfReply({ status: 500 }), success);
});
