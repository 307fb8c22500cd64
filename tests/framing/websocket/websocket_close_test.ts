/**
 * The codes with which WebSocket connections close.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { errorCodes, TransportError } from "../../../mod.ts";
import { closeCodeOf, closeReason, errorOfClose, isCloseCode } from "../../../src/framing/websocket/websocket_close.ts";
import { utf8 } from "./websocket_feed.ts";

Deno.test("isCloseCode() takes what may be on the wire", () => {
  const ranges: [number, number][] = [];
  for (let code = 0; code <= 65_535; code++) {
    if (!isCloseCode(code)) continue;
    const last = ranges.at(-1);
    if (last?.[1] === code - 1) last[1] = code;
    else ranges.push([code, code]);
  }
  assert.deepEqual(ranges, [[1000, 1003], [1007, 1014], [3000, 4999]]);
});

const meanings: readonly (readonly [code: number, error: string | undefined, message: string])[] = [
  [1000, undefined, ""],
  [1001, "draining", "Connection closed by the peer: 1001, going away"],
  [1002, "protocol", "Connection closed by the peer: 1002, protocol error"],
  [1003, "unsupported", "Connection closed by the peer: 1003, unsupported data"],
  [1005, undefined, ""],
  [1006, "connection-lost", "Connection lost: it ended without a close frame"],
  [1007, "protocol", "Connection closed by the peer: 1007, invalid data"],
  [1008, "invalid-request", "Connection closed by the peer: 1008, policy violation"],
  [1009, "message-too-large", "Connection closed by the peer: 1009, message too large"],
  [1010, "unsupported", "Connection closed by the peer: 1010, extension required"],
  [1011, "remote", "Connection closed by the peer: 1011, internal error"],
  [1012, "draining", "Connection closed by the peer: 1012, service restart"],
  [1013, "overloaded", "Connection closed by the peer: 1013, try again later"],
  [1014, "remote", "Connection closed by the peer: 1014, bad gateway"],
  [3000, "invalid-request", "Connection closed by the peer: 3000, unauthorized"],
  [3003, "invalid-request", "Connection closed by the peer: 3003, forbidden"],
  [3008, "deadline-exceeded", "Connection closed by the peer: 3008, timeout"],
  [4711, "remote", "Connection closed by the peer: 4711, a code of its own"],
];

for (const [code, expected, message] of meanings) {
  Deno.test(`close code ${code} is ${expected ?? "an end in order"}`, () => {
    const error = errorOfClose(code, "");
    if (expected === undefined) return assert.equal(error, undefined);
    assert.ok(error !== undefined);
    assert.deepEqual([error.code, error.message, error.processed], [expected, message, "maybe"]);
    assert.equal(error.remote, code !== 1006);
    assert.deepEqual(error.details, { closeCode: code });
    // Passed on, it closes another connection with the same code.
    assert.equal(closeCodeOf(error), isCloseCode(code) ? code : 1011);
  });
}

Deno.test("the reason of a close is told", () => {
  const error = errorOfClose(4000, 'kicked "out"');
  assert.equal(error?.message, 'Connection closed by the peer: 4000, a code of its own: "kicked \\"out\\""');
  assert.deepEqual(error?.details, { closeCode: 4000, reason: 'kicked "out"' });
});

Deno.test("closeCodeOf() has a code for every error, one that may be sent", () => {
  assert.equal(closeCodeOf(undefined), 1000);
  for (const code of errorCodes) assert.equal(isCloseCode(closeCodeOf(new TransportError(code, "x"))), true, code);
  assert.equal(closeCodeOf(new TransportError("protocol", "x")), 1002);
  assert.equal(closeCodeOf(new TransportError("protocol", "x", { details: { closeCode: 1007 } })), 1007);
  assert.equal(closeCodeOf(new TransportError("protocol", "x", { details: { closeCode: 1006 } })), 1002);
  assert.equal(closeCodeOf(new TransportError("protocol", "x", { details: { closeCode: "4000" } })), 1002);
  assert.equal(closeCodeOf(new TransportError("remote", "x", { details: { closeCode: 4000 } })), 4000);
  assert.equal(closeCodeOf(new TransportError("remote", "x")), 1011);
});

Deno.test("closeReason() cuts a reason to 123 bytes, at the end of a character", () => {
  const cut = (text: string): string => new TextDecoder("utf-8", { fatal: true }).decode(closeReason(text));
  assert.equal(cut("going away"), "going away");
  assert.equal(cut("x".repeat(123)), "x".repeat(123));
  assert.equal(cut("x".repeat(124)), "x".repeat(123));
  for (const char of ["é", "漢", "😀"]) {
    for (let before = 0; before < 5; before++) {
      const text = cut("x".repeat(before) + char.repeat(70));
      assert.ok(utf8(text).length > 123 - utf8(char).length && utf8(text).length <= 123);
    }
  }
});
