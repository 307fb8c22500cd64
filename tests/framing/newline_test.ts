/**
 * newline(): what it writes, what it finds, and what it refuses.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { describe, newline } from "../../mod.ts";
import { checkEverySplit, Feed, frames } from "./_feed.ts";

const text = (line: string): Uint8Array => new TextEncoder().encode(line);
const lines = (feed: Feed): string[] => feed.messages.map((message) => new TextDecoder().decode(message));

Deno.test("newline() ends each message with a line feed", () => {
  const framing = newline();
  assert.equal(framing.headBytes, 0);
  assert.equal(new TextDecoder().decode(frames(framing, [text("a"), text(""), text("bc")])), "a\n\nbc\n");
});

Deno.test("newline() finds the messages wherever the stream is cut", () => {
  const messages = ["", "a", "", "", "grüße", "\r", "a\rb\r", "x".repeat(300), '{"json":true}'].map(text);
  checkEverySplit(newline(), frames(newline(), messages), messages);
});

Deno.test("newline() takes one carriage return off each line where it was told to", () => {
  const framing = newline({ stripCarriageReturn: true });
  const stream = text("a\r\n\r\n\nb\n\r\r\nc\rd\r\n");
  checkEverySplit(framing, stream, ["a", "", "", "b", "\r", "c\rd"].map(text));
});

Deno.test("newline() does not take what stands after the last line feed for a message", () => {
  const feed = new Feed(newline());
  feed.push(text("whole\nhalf"));
  assert.deepEqual(lines(feed), ["whole"]);
});

Deno.test("newline() takes a line of exactly the limit and refuses one byte more, before its end has come", () => {
  const framing = newline({ maxBytes: 10 });
  const feed = new Feed(framing);
  feed.push(text("0123456789\n"));
  feed.push(text("0123456789"));
  assert.throws(() => feed.push(text("x")), {
    code: "message-too-large",
    message: "Line refused: it has 11 bytes or more, 10 are allowed",
    details: { maxBytes: 10 },
  });
  assert.throws(() => new Feed(framing).push(text("01234567890\n")), { code: "message-too-large" });
  assert.deepEqual(lines(feed), ["0123456789"]);
});

Deno.test("newline() does not count the carriage return that it takes off against the limit", () => {
  const framing = newline({ maxBytes: 10, stripCarriageReturn: true });
  checkEverySplit(framing, text("0123456789\r\n0123456789\n"), ["0123456789", "0123456789"].map(text));
  for (const line of ["0123456789\rx", "0123456789\r\r", "0123456789x\r\n", "0123456789x"]) {
    for (let at = 1; at < line.length; at++) {
      const feed = new Feed(framing);
      const push = (): void => {
        feed.push(text(line.slice(0, at)));
        feed.push(text(line.slice(at)));
      };
      assert.throws(push, { code: "message-too-large" }, `${JSON.stringify(line)} cut at ${at}`);
    }
  }
  assert.throws(() => new Feed(newline({ maxBytes: 10 })).push(text("0123456789\r\n")), { code: "message-too-large" });
});

Deno.test("newline() asks for a room that grows with the line and never past the limit", () => {
  const decoder = newline({ maxBytes: 1000 }).decoder();
  const bytes = new Uint8Array(2000).fill(97);
  assert.equal(decoder.needed, 1);
  assert.equal(decoder.next(bytes, 0, 300), false);
  assert.equal(decoder.needed, 601);
  assert.equal(decoder.next(bytes, 0, 900), false);
  assert.equal(decoder.needed, 1001);
});

Deno.test("newline() searches no byte twice", () => {
  const decoder = newline({ maxBytes: 1000 }).decoder();
  const bytes = new Uint8Array(100).fill(97);
  assert.equal(decoder.next(bytes, 0, 50), false);
  // A line feed put where it has looked already goes unseen: the bytes before are not read again.
  bytes[20] = 10;
  bytes[70] = 10;
  assert.equal(decoder.next(bytes, 0, 100), true);
  assert.equal(decoder.messageEnd, 70);
});

Deno.test("newline() refuses to send a message that has a line feed", () => {
  const framing = newline();
  framing.check!(text("no line feed\r"));
  assert.throws(() => framing.check!(text("two\nlines")), {
    code: "invalid-request",
    message: "Cannot send message as a line: it has a line feed at byte 3",
  });
  newline({ manyLines: true }).check!(text("two\nlines"));
});

Deno.test("newline() refuses options that are not allowed, naming them", () => {
  const use = "Cannot use newline():";
  const check = (options: object, message: string): void => {
    assert.throws(() => newline(options), { code: "invalid-option", message: `${use} ${message}` });
  };
  check({ maxBytes: 0 }, "option maxBytes is 0, allowed is an integer from 1 to 2147483647");
  check({ maxBytes: "1 MiB" }, 'option maxBytes is "1 MiB", allowed is an integer from 1 to 2147483647');
  check({ stripCarriageReturn: "yes" }, 'option stripCarriageReturn is "yes", allowed is true or false');
  check({ delimiter: "\n" }, 'it has no option "delimiter", only maxBytes, stripCarriageReturn, manyLines');
});

Deno.test("newline() says its settings", () => {
  assert.equal(describe(newline()), "newline({ maxBytes: 1048576, stripCarriageReturn: false })");
});
