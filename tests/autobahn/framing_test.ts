/**
 * The sections 1 to 5 of the public Autobahn test suite: framing, pings and
 * pongs, reserved bits, opcodes, fragmentation.
 *
 * @module
 */

import { type Case, play } from "./_tester.ts";
import { begin, binary, end, final, type Frame, frame, more, opcode, ping, pong, text, unhex } from "./_wire.ts";

const stars = (length: number): string => "*".repeat(length);
const sizes = [0, 125, 126, 127, 128, 65_535, 65_536];

const framing: Case[] = [];
for (const [i, size] of [...sizes, 65_536].entries()) {
  const chop = i === sizes.length ? 997 : undefined;
  const how = chop === undefined ? "" : ` in pieces of ${chop}`;
  framing.push({ id: `1.1.${i + 1}`, what: `text, ${size} bytes${how}`, send: [text(stars(size))], chop });
  const bytes = new Uint8Array(size).fill(0xfe);
  framing.push({ id: `1.2.${i + 1}`, what: `binary, ${size} bytes${how}`, send: [binary(bytes)], chop });
}

const full = new Uint8Array(125).fill(0xfe);
const ten = Array.from({ length: 10 }, (_, i) => ping(`payload-${i}`));
const pongs: Case[] = [
  { id: "2.1", what: "a ping without payload", send: [ping()], back: [pong()] },
  { id: "2.2", what: "a ping with text", send: [ping("Hello, world!")], back: [pong("Hello, world!")] },
  {
    id: "2.3",
    what: "a ping with bytes",
    send: [ping(unhex("00fffefdfcfb00ff"))],
    back: [pong(unhex("00fffefdfcfb00ff"))],
  },
  { id: "2.4", what: "a ping of 125 bytes", send: [ping(full)], back: [pong(full)] },
  { id: "2.5", what: "a ping of 126 bytes", send: [ping(new Uint8Array(126))], back: [], code: 1002 },
  { id: "2.6", what: "a ping of 125 bytes, byte by byte", send: [ping(full)], back: [pong(full)], chop: 1 },
  { id: "2.7", what: "a pong that nobody asked for", send: [pong()], back: [] },
  { id: "2.8", what: "a pong that nobody asked for, with payload", send: [pong("unsolicited")], back: [] },
  {
    id: "2.9",
    what: "such a pong, then a ping",
    send: [pong("unsolicited"), ping("our ping")],
    back: [pong("our ping")],
  },
  {
    id: "2.10",
    what: "ten pings",
    send: ten,
    back: ten.map(({ payload }) => pong(payload)),
  },
  {
    id: "2.11",
    what: "ten pings, byte by byte",
    send: ten,
    back: ten.map(({ payload }) => pong(payload)),
    chop: 1,
  },
];

const hello = text("Hello, world!");
const rsv = (bits: number, { first, payload }: Frame): Frame => frame(first | (bits << 4), payload);
const reserved: Case[] = [
  { id: "3.1", what: "a text with the reserved bits 1", send: [rsv(1, hello)], back: [], code: 1002 },
  {
    id: "3.2",
    what: "a text with the bits 2 after a good one",
    send: [hello, rsv(2, hello), ping()],
    back: [hello],
    code: 1002,
  },
  {
    id: "3.3",
    what: "the same, frame by frame",
    send: [hello, rsv(3, hello), ping()],
    back: [hello],
    chop: 19,
    code: 1002,
  },
  {
    id: "3.4",
    what: "the same, byte by byte",
    send: [hello, rsv(4, hello), ping()],
    back: [hello],
    chop: 1,
    code: 1002,
  },
  { id: "3.5", what: "a binary message with the bits 5", send: [rsv(5, binary(full))], back: [], code: 1002 },
  { id: "3.6", what: "a ping with the bits 6", send: [rsv(6, ping(full))], back: [], code: 1002 },
  { id: "3.7", what: "a close with the bits 7", send: [rsv(7, frame(final | opcode.close))], back: [], code: 1002 },
];

const opcodes: Case[] = [];
for (const [section, codes] of [["4.1", [3, 4, 5, 6, 7]], ["4.2", [11, 12, 13, 14, 15]]] as const) {
  for (const [i, code] of codes.entries()) {
    const payload = i === 0 ? "" : "reserved opcode payload";
    const strange = frame(final | code, payload);
    const before = i < 2 ? [] : [hello];
    opcodes.push({
      id: `${section}.${i + 1}`,
      what: `the reserved opcode ${code}${i < 2 ? "" : " after a text"}${i === 4 ? ", byte by byte" : ""}`,
      send: [...before, strange, ping()],
      back: before,
      chop: i === 4 ? 1 : undefined,
      code: 1002,
    });
  }
}

const [one, two] = ["fragment1", "fragment2"];
const both = text(one + two);
const parts = [begin(opcode.text, one), end(two)];
const between = [parts[0], ping("ping payload"), parts[1]];
const answered = [pong("ping payload"), both];
const five = [1, 2, 3, 4, 5].map((i) => `fragment${i}`);
const withPings = [
  begin(opcode.text, five[0]),
  more(five[1]),
  ping("pongme 1!"),
  more(five[2]),
  more(five[3]),
  ping("pongme 2!"),
  end(five[4]),
];
const withPongs = [pong("pongme 1!"), pong("pongme 2!"), text(five.join(""))];
const nothing = { back: [], code: 1002 } as const;
const fragments: Case[] = [
  { id: "5.1", what: "a ping in two fragments", send: [frame(opcode.ping, one), end(two)], ...nothing },
  { id: "5.2", what: "a pong in two fragments", send: [frame(opcode.pong, one), end(two)], ...nothing },
  { id: "5.3", what: "a text in two fragments", send: parts, back: [both] },
  { id: "5.4", what: "a text in two fragments, frame by frame", send: parts, back: [both], chop: 15 },
  { id: "5.5", what: "a text in two fragments, byte by byte", send: parts, back: [both], chop: 1 },
  { id: "5.6", what: "a ping between two fragments", send: between, back: answered },
  { id: "5.7", what: "a ping between two fragments, frame by frame", send: between, back: answered, chop: 15 },
  { id: "5.8", what: "a ping between two fragments, byte by byte", send: between, back: answered, chop: 1 },
  { id: "5.9", what: "a last fragment of nothing, then a text", send: [end("non-continuation"), hello], ...nothing },
  { id: "5.10", what: "the same, frame by frame", send: [end("non-continuation"), hello], ...nothing, chop: 22 },
  { id: "5.11", what: "the same, byte by byte", send: [end("non-continuation"), hello], ...nothing, chop: 1 },
  {
    id: "5.12",
    what: "a middle fragment of nothing, then a text",
    send: [more("non-continuation"), hello],
    ...nothing,
  },
  { id: "5.13", what: "the same, frame by frame", send: [more("non-continuation"), hello], ...nothing, chop: 22 },
  { id: "5.14", what: "the same, byte by byte", send: [more("non-continuation"), hello], ...nothing, chop: 1 },
  {
    id: "5.15",
    what: "a text in fragments, then a fragment of nothing, then a text",
    send: [...parts, more(two), hello],
    back: [both],
    code: 1002,
  },
  { id: "5.16", what: "a middle fragment before each text", send: [more(one), parts[0], end(two)], ...nothing },
  { id: "5.17", what: "a last fragment before each text", send: [end(one), parts[0], end(two)], ...nothing },
  { id: "5.18", what: "two first fragments", send: [parts[0], text(two)], ...nothing },
  { id: "5.19", what: "pings among five fragments", send: withPings, back: withPongs },
  { id: "5.20", what: "pings among five fragments, byte by byte", send: withPings, back: withPongs, chop: 1 },
];

play([...framing, ...pongs, ...reserved, ...opcodes, ...fragments]);
