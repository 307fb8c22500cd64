/**
 * Event streams and what is in them: the parsing cases of the
 * web-platform-tests (eventsource/format-*), and some that they leave out.
 *
 * @module
 */

import {
  EventStreamParser,
  type EventStreamParserOptions,
} from "../../../src/framing/event_stream/event_stream_parser.ts";

/** What came out of a parser, in order. */
export interface Parsed {
  /** Type, data and id of each event. */
  events: [string, string, string][];
  retries: number[];
  comments: string[];
  lastEventId: string;
}

export interface Case {
  name: string;
  /** Bytes, where it is not valid UTF-8. */
  stream: string | Uint8Array;
  events: [string, string, string][];
  retries?: number[];
  lastEventId?: string;
}

/** An event as it is when only its data matter. */
const data = (text: string, id = ""): [string, string, string] => ["message", text, id];
const long = "x".repeat(2 * 1024);
const mark = "\ufeff";

/** The cases of the web-platform-tests, by the names of their files. */
export const standardCases: Case[] = [
  { name: "format-bom", stream: `${mark}data:1\n\n${mark}data:2\n\ndata:3\n\n`, events: [data("1"), data("3")] },
  { name: "format-bom-2", stream: `${mark}${mark}data:1\n\ndata:2\n\ndata:3\n\n`, events: [data("2"), data("3")] },
  {
    name: "format-comments",
    stream: `data:1\r:\0\n:\r\ndata:2\n:${long}\rdata:3\n:data:fail\r:${long}\ndata:4\n\n`,
    events: [data("1\n2\n3\n4")],
  },
  {
    name: "format-data-before-final-empty-line",
    stream: "retry:1000\ndata:test1\n\nid:test\ndata:test2",
    events: [data("test1")],
    retries: [1000],
  },
  {
    name: "format-field-data",
    stream: "data:\n\ndata\ndata\n\ndata:test\n\n",
    events: [data(""), data("\n"), data("test")],
  },
  {
    name: "format-field-event",
    stream: "event:test\ndata:x\n\ndata:x\n\n",
    events: [["test", "x", ""], data("x")],
  },
  { name: "format-field-event-empty", stream: "event: \ndata:data\n\n", events: [data("data")] },
  {
    name: "format-field-id",
    stream: "id: …\ndata:hello\n\ndata:there\n\n",
    events: [data("hello", "…"), data("there", "…")],
    lastEventId: "…",
  },
  {
    name: "format-field-id-2",
    stream: "id: …\ndata:hello\n\ndata: …\n\ndata: …\n\n",
    events: [data("hello", "…"), data("…", "…"), data("…", "…")],
    lastEventId: "…",
  },
  {
    name: "format-field-id-3, it persists",
    stream: "id: 1\ndata:1\n\ndata:2\n\n",
    events: [data("1", "1"), data("2", "1")],
    lastEventId: "1",
  },
  {
    name: "format-field-id-3, it changes and persists",
    stream: "id: 1\ndata:1\n\nid:2\ndata:2\n\ndata:3\n\n",
    events: [data("1", "1"), data("2", "2"), data("3", "2")],
    lastEventId: "2",
  },
  {
    name: "format-field-id-3, it is reset",
    stream: "id: 1\ndata:1\n\nid:\ndata:2\n\ndata:3\n\n",
    events: [data("1", "1"), data("2"), data("3")],
  },
  {
    name: "format-field-id-3, it is reset without a colon",
    stream: "id: 1\ndata:1\n\nid\ndata:2\n\n",
    events: [data("1", "1"), data("2")],
  },
  {
    name: "format-field-id-null",
    stream: "id: \0\0\ndata:hello\n\ndata:there\n\n",
    events: [data("hello"), data("there")],
  },
  {
    name: "format-field-parsing",
    stream:
      "data:\0\ndata:  2\rData:1\ndata\0:2\ndata:1\r\0data:4\nda-ta:3\rdata_5\ndata:3\rdata:\r\n data:32\ndata:4\n\n",
    events: [data("\0\n 2\n1\n3\n\n4")],
  },
  { name: "format-field-retry", stream: "retry:3000\ndata:x\n\n", events: [data("x")], retries: [3000] },
  {
    name: "format-field-retry-bogus",
    stream: "retry:3000\nretry:1000x\ndata:x\n\n",
    events: [data("x")],
    retries: [3000],
  },
  { name: "format-field-retry-empty", stream: "retry\ndata:test\n\n", events: [data("test")] },
  {
    name: "format-field-unknown",
    stream: "data:test\n data\ndata\nfoobar:xxx\njustsometext\n:thisisacommentyay\ndata:test\n\n",
    events: [data("test\n\ntest")],
  },
  { name: "format-leading-space", stream: "data:\ttest\rdata: \ndata:test\n\n", events: [data("\ttest\n\ntest")] },
  { name: "format-newlines", stream: "data:test\r\ndata\ndata:test\r\n\r", events: [data("test\n\ntest")] },
  { name: "format-null-character", stream: "data:\0\n\n\n\n", events: [data("\0")] },
  { name: "format-utf-8", stream: "data:ok…\n\n", events: [data("ok…")] },
];

/** What the standard says beside. */
export const furtherCases: Case[] = [
  { name: "nothing", stream: "", events: [] },
  { name: "a byte order mark alone", stream: mark, events: [] },
  { name: "a byte order mark before an empty line", stream: `${mark}\n\r\r\ndata:x\n\n`, events: [data("x")] },
  { name: "a byte order mark within data", stream: `data:${mark}\n\n`, events: [data(mark)] },
  {
    name: "half a byte order mark",
    stream: new Uint8Array([0xef, 0xbb, 10, ...bytes("data:x\n\n")]),
    events: [data("x")],
  },
  { name: "an event without data", stream: "event:a\nid:7\n\ndata:x\n\n", events: [data("x", "7")], lastEventId: "7" },
  { name: "an id that no empty line confirms", stream: "id:7\n\nid:8\n", events: [], lastEventId: "7" },
  {
    name: "the last of several ids and types",
    stream: "id:1\nid:2\nevent:a\nevent:b\ndata\n\n",
    events: [["b", "", "2"]],
    lastEventId: "2",
  },
  {
    name: "an id with a NUL after a good one",
    stream: "id:1\nid:2\0\ndata:x\n\n",
    events: [data("x", "1")],
    lastEventId: "1",
  },
  { name: "carriage returns alone", stream: "data:a\r\rdata:b\rdata:c\r\r", events: [data("a"), data("b\nc")] },
  { name: "CRLF", stream: "data:a\r\n\r\ndata:b\r\ndata:c\r\n\r\n", events: [data("a"), data("b\nc")] },
  {
    name: "every mix",
    stream: "data:a\n\rdata:b\r\n\ndata:c\r\r\ndata:d\n\r\n",
    events: ["a", "b", "c", "d"].map((d) => data(d)),
  },
  { name: "many empty lines", stream: "\n\n\r\r\r\n\r\ndata:x\n\n\n\n\r\n", events: [data("x")] },
  {
    name: "colons in values",
    stream: "data:a:b\ndata::c\nid::1\nevent:x:y\n\n",
    events: [["x:y", "a:b\n:c", ":1"]],
    lastEventId: ":1",
  },
  {
    name: "one space off, no more",
    stream: "data:  a \ndata: \nid:  1\n\n",
    events: [data(" a \n", " 1")],
    lastEventId: " 1",
  },
  {
    name: "field names that are nearly right",
    stream: "dat:a\ndatax:b\ndata x\nid :1\nidd:2\ni:3\nData:c\ndata:d\n\n",
    events: [data("d")],
  },
  { name: "a space before a field", stream: " data:a\n: data:b\ndata:c\n\n", events: [data("c")] },
  {
    name: "retry times",
    stream: "retry: 10\nretry:-1\nretry:1.5\nretry:+1\nretry:1e3\nretry: \nretry:  7\nretry:007\nretry:٣\n",
    events: [],
    retries: [10, 7],
  },
  {
    name: "a retry time beyond all numbers",
    stream: `retry:${"9".repeat(400)}\n`,
    events: [],
    retries: [Number.MAX_SAFE_INTEGER],
  },
  { name: "the type message", stream: "event:message\ndata:x\n\n", events: [data("x")] },
  {
    name: "characters of two, three and four bytes",
    stream: "event:é\nid:€\ndata:é€😀\ndata:😀é\n\n",
    events: [["é", "é€😀\n😀é", "€"]],
    lastEventId: "€",
  },
  {
    name: "bytes that are not UTF-8",
    stream: new Uint8Array([...bytes("data:"), 0xff, 0xc3, 10, 0xe2, 0x82, 10, ...bytes("data:x"), 0xf0, 0x9f, 10, 10]),
    events: [data("��\nx�")],
  },
  { name: "an event that is never finished", stream: "data:a\n\ndata:b\n", events: [data("a")] },
  { name: "a line that is never finished", stream: "data:a\n\ndata:b\n\r", events: [data("a"), data("b")] },
];

/** A text as UTF-8. */
export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Parses pieces of a stream. */
export function parse(pieces: Iterable<Uint8Array>, options: EventStreamParserOptions = {}): Parsed {
  const parsed: Parsed = { events: [], retries: [], comments: [], lastEventId: "" };
  const parser = new EventStreamParser({
    event: ({ event, data, id }) => parsed.events.push([event, data, id]),
    retry: (ms) => parsed.retries.push(ms),
    comment: (text) => parsed.comments.push(text),
  }, options);
  for (const piece of pieces) {
    // The parser must have copied what it keeps.
    const lent = piece.slice();
    parser.push(lent);
    lent.fill(0x21);
  }
  parsed.lastEventId = parser.lastEventId;
  return parsed;
}

/** All the ways to cut a stream in two, then whole, and a byte at a time with and without empty pieces. */
export function* splits(stream: Uint8Array): Generator<[how: string, pieces: Uint8Array[]]> {
  yield ["whole", [stream]];
  yield ["a byte at a time", [...stream].map((byte) => Uint8Array.of(byte))];
  yield [
    "a byte at a time with nothing in between",
    [...stream].flatMap((byte) => [Uint8Array.of(byte), new Uint8Array(0)]),
  ];
  for (let at = 1; at < stream.length; at++) yield [`cut at ${at}`, [stream.subarray(0, at), stream.subarray(at)]];
}
