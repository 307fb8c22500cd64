/**
 * EventStreamParser: every case of the standard, wherever the stream is cut,
 * and its limits.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { EventStreamParser } from "../../../src/framing/event_stream/event_stream_parser.ts";
import { bytes, type Case, furtherCases, parse, splits, standardCases } from "./event_stream_cases.ts";

function check({ name, stream, events, retries = [], lastEventId = "" }: Case): void {
  const whole = typeof stream === "string" ? bytes(stream) : stream;
  for (const [how, pieces] of splits(whole)) {
    const { comments: _, ...parsed } = parse(pieces);
    assert.deepEqual(parsed, { events, retries, lastEventId }, `${name}, ${how}`);
  }
}

Deno.test("EventStreamParser passes the web-platform-tests wherever the stream is cut", () => {
  for (const one of standardCases) check(one);
});

Deno.test("EventStreamParser reads the rest of the standard the same way", () => {
  for (const one of furtherCases) check(one);
});

Deno.test("EventStreamParser reads a stream cut into three anywhere", () => {
  const stream = bytes("\ufeffid:1\r\ndata:é\r\n\r\n:c\revent:a\rdata\r\rdata:x\n\n");
  const expected = parse([stream]);
  assert.equal(expected.events.length, 3);
  for (let a = 0; a <= stream.length; a++) {
    for (let b = a; b <= stream.length; b++) {
      const pieces = [stream.subarray(0, a), stream.subarray(a, b), stream.subarray(b)];
      assert.deepEqual(parse(pieces), expected, `cut at ${a} and ${b}`);
    }
  }
});

Deno.test("EventStreamParser hands out comments, and does without anybody who takes them", () => {
  const stream = bytes(":\n: a\n:b:c\n\ndata:x\n\n");
  assert.deepEqual(parse([stream]).comments, ["", " a", "b:c"]);
  const seen: string[] = [];
  new EventStreamParser({ event: ({ data }) => seen.push(data) }).push(bytes(":a\nretry:1\ndata:x\n\n"));
  assert.deepEqual(seen, ["x"]);
});

Deno.test("EventStreamParser hands out an event before the line feed that may belong to its carriage return", () => {
  const seen: string[] = [];
  const parser = new EventStreamParser({ event: ({ data }) => seen.push(data) });
  parser.push(bytes("data:x\r\n\r"));
  assert.deepEqual(seen, ["x"]);
  parser.push(bytes("\ndata:y\n\n"));
  assert.deepEqual(seen, ["x", "y"]);
});

Deno.test("EventStreamParser keeps the last event id over a reset and nothing else", () => {
  const seen: string[][] = [];
  const parser = new EventStreamParser({ event: ({ event, data, id }) => seen.push([event, data, id]) }, {
    lastEventId: "6",
  });
  parser.push(bytes("data:a\n\nid:7\ndata:b\n\nid:8\nevent:x\ndata:c\r"));
  assert.equal(parser.lastEventId, "7");
  parser.reset();
  parser.push(bytes("\ufeff"));
  parser.push(bytes("data:d\n\n"));
  parser.push(bytes("data:e"));
  parser.reset();
  parser.push(bytes("\ndata:f\n\n"));
  parser.push(new Uint8Array([0xe2]));
  parser.reset();
  parser.push(bytes("data:g\n\n"));
  assert.deepEqual(seen, [
    ["message", "a", "6"],
    ["message", "b", "7"],
    ["message", "d", "7"],
    ["message", "f", "7"],
    ["message", "g", "7"],
  ]);
});

Deno.test("EventStreamParser takes a line of exactly the limit and refuses one byte more, wherever it is cut", () => {
  // Ten bytes: characters of one, two, three and four.
  for (const line of ["data:12345", "data:é1é", "data:€12", "data:😀1", ":123456789", "id:1234567", "unknown:12"]) {
    const good = bytes(`${line}\n\n`);
    const bad = bytes(`${line}x`);
    assert.equal(good.length, 12);
    for (const prefix of ["", "\ufeff", "data:a\n\r\n"]) {
      const before = bytes(prefix);
      for (const [, pieces] of splits(new Uint8Array([...before, ...good]))) parse(pieces, { maxEventBytes: 10 });
      for (const [how, pieces] of splits(new Uint8Array([...before, ...bad]))) {
        assert.throws(() => parse(pieces, { maxEventBytes: 10 }), { code: "message-too-large" }, `${line} ${how}`);
      }
    }
  }
});

Deno.test("EventStreamParser takes data of exactly the limit and refuses one byte more, wherever it is cut", () => {
  const good = bytes(":comments are\n:no data\ndata:1234\nid:1\ndata\ndata:€6\n\ndata:12345\n\n");
  const bad = bytes("data:1234\ndata\ndata:€67");
  for (const [, pieces] of splits(good)) {
    assert.deepEqual(parse(pieces, { maxEventBytes: 14 }).events.map(([, data]) => data), ["1234\n\n€6", "12345"]);
    parse(pieces, { maxEventBytes: 13 });
  }
  for (const [how, pieces] of splits(new Uint8Array([...bad, 10]))) {
    assert.throws(() => parse(pieces, { maxEventBytes: 10 }), {
      code: "message-too-large",
      message: /^Event refused: its (data|line) has 11 bytes or more, 10 are allowed$/,
    }, how);
  }
});

Deno.test("EventStreamParser refuses an endless line and endless data at the limit, a small piece at a time", () => {
  const maxEventBytes = 100_000;
  for (const piece of ["x", "é", "data:x\n", "data\n"]) {
    const parser = new EventStreamParser({ event: () => {} }, { maxEventBytes });
    const chunk = bytes(piece);
    let pushed = 0;
    assert.throws(() => {
      for (;;) {
        parser.push(chunk);
        pushed += chunk.length;
      }
    }, { code: "message-too-large" });
    assert.ok(pushed >= maxEventBytes && pushed <= 7 * maxEventBytes, `${piece}: ${pushed} bytes`);
  }
});

Deno.test("EventStreamParser takes any number of comments and small events", () => {
  const parser = new EventStreamParser({ event: () => {} }, { maxEventBytes: 20 });
  for (let i = 0; i < 1000; i++) parser.push(bytes(":\n:heartbeat\nid:1\nevent:a\nretry:5\nunknown\n"));
  for (let i = 0; i < 1000; i++) parser.push(bytes("data:0123456789\n\n"));
});

Deno.test("EventStreamParser takes nothing more after an error, before it is reset", () => {
  const parser = new EventStreamParser({ event: () => {} }, { maxEventBytes: 5 });
  assert.throws(() => parser.push(bytes("data:x\n")), {
    code: "message-too-large",
    details: { bytes: 6, maxBytes: 5 },
  });
  const closed = { code: "closed", message: "Cannot parse event stream: an error has ended it" };
  assert.throws(() => parser.push(bytes("\n")), closed);
  parser.reset();
  parser.push(bytes("data\n\n"));

  const failing = new EventStreamParser({
    event: () => {
      throw new RangeError("mine");
    },
  });
  assert.throws(() => failing.push(bytes("data\n\n")), RangeError);
  assert.throws(() => failing.push(bytes("data\n\n")), closed);

  const nested: EventStreamParser = new EventStreamParser({ event: () => nested.push(bytes("data\n\n")) });
  assert.throws(() => nested.push(bytes("data\n\n")), closed);
});

Deno.test("EventStreamParser refuses options that are not allowed, naming them", () => {
  const check = (options: object, message: RegExp): void => {
    assert.throws(() => new EventStreamParser({ event: () => {} }, options), { code: "invalid-option", message });
  };
  check({ maxEventBytes: 0 }, /option maxEventBytes is 0, allowed is an integer from 1/);
  check({ lastEventId: 7 }, /option lastEventId is 7, allowed is a text/);
  check({ maxBytes: 7 }, /it has no option "maxBytes", only maxEventBytes, lastEventId/);
});
