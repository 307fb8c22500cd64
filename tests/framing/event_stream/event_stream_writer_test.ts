/**
 * Events as they are written, and that what is written is what is read.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import type { EventMessage } from "../../../src/framing/event_stream/event_stream_events.ts";
import { encodeComment, encodeEvent, eventEncoding } from "../../../src/framing/event_stream/event_stream_writer.ts";
import { bytes, parse, splits } from "./event_stream_cases.ts";

const text = (encoded: Uint8Array): string => new TextDecoder("utf-8", { ignoreBOM: true }).decode(encoded);

Deno.test("encodeEvent() writes the fields that are given", () => {
  const check = (event: EventMessage, expected: string): void => assert.equal(text(encodeEvent(event)), expected);
  check({ data: "x" }, "data: x\n\n");
  check({ data: "x", event: "price", id: "7", retry: 3000 }, "event: price\nid: 7\nretry: 3000\ndata: x\n\n");
  check({ data: "" }, "data: \n\n");
  check({ data: " x" }, "data:  x\n\n");
  check({ id: "" }, "id: \n\n");
  check({ event: "", data: "x" }, "data: x\n\n");
  check({ retry: 0 }, "retry: 0\n\n");
  check({}, "\n");
});

Deno.test("encodeEvent() splits data at every line end", () => {
  assert.equal(
    text(encodeEvent({ data: "a\nb\rc\r\nd\n\re" })),
    "data: a\ndata: b\ndata: c\ndata: d\ndata: \ndata: e\n\n",
  );
  assert.equal(text(encodeEvent({ data: "\n" })), "data: \ndata: \n\n");
});

Deno.test("encodeEvent() refuses what a reader would not read back", () => {
  const check = (event: EventMessage, message: string): void => {
    assert.throws(() => encodeEvent(event), {
      code: "invalid-request",
      processed: "no",
      message: `Cannot send event: ${message}`,
    });
  };
  check({ id: "a\0b" }, 'its id "a\\u0000b" has a NUL');
  check({ id: "a\nb" }, 'its id "a\\nb" has a line end');
  check({ id: "a\rb" }, 'its id "a\\rb" has a line end');
  check({ event: "a\nb" }, 'its type "a\\nb" has a line end');
  check({ event: "a\r" }, 'its type "a\\r" has a line end');
  check({ id: `${"x".repeat(100)}\n` }, `its id "${"x".repeat(60)}…" has a line end`);
  for (const retry of [-1, 1.5, NaN, Infinity]) check({ retry }, `its retry time is ${retry}, not whole milliseconds`);
});

Deno.test("what encodeEvent() wrote is read as it was, wherever it is cut", () => {
  const events: EventMessage[] = [
    { data: "x" },
    { data: "" },
    { data: "\n\n" },
    { data: ": not a comment\ndata: not a field\n\nid: 9" },
    { data: " é€😀\0\ufeff ", event: " a: b ", id: " : 7 " },
    { data: "last" },
  ];
  const stream = new Uint8Array(events.flatMap((event) => [...encodeEvent(event), ...encodeComment("a\n\ndata: b\r")]));
  const expected = [
    ["message", "x", ""],
    ["message", "", ""],
    ["message", "\n\n", ""],
    ["message", ": not a comment\ndata: not a field\n\nid: 9", ""],
    [" a: b ", " é€😀\0\ufeff ", " : 7 "],
    ["message", "last", " : 7 "],
  ];
  for (const [how, pieces] of splits(stream)) assert.deepEqual(parse(pieces).events, expected, how);
});

Deno.test("encodeComment() writes one, or the shortest where it is given none", () => {
  assert.equal(text(encodeComment()), ":\n\n");
  assert.equal(text(encodeComment("a\nb")), ": a\n: b\n\n");
});

Deno.test("eventEncoding() gives each message its id and says how many are missing", () => {
  const { encode, gap } = eventEncoding((euros: number) => ({ event: "price", data: `${euros}`, id: "not this one" }));
  assert.deepEqual(parse([encode(17, "a-1")]).events, [["price", "17", "a-1"]]);
  assert.deepEqual(parse([gap(3), gap(undefined)]).events, [["gap", '{"missed":3}', ""], [
    "gap",
    '{"missed":null}',
    "",
  ]]);
  assert.deepEqual(gap(3), bytes('event: gap\ndata: {"missed":3}\n\n'));
});
