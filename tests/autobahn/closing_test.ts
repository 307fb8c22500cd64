/**
 * Section 7 of the public Autobahn test suite: the closing handshake and its
 * codes.
 *
 * @module
 */

import { type Case, play } from "./_tester.ts";
import { begin, close, end, final, type Frame, frame, opcode, ping, text } from "./_wire.ts";

const hello = text("Hello World!");
const bye = close(1000);
const own = { silent: true } as const;
const empty: Frame = frame(final | opcode.close);
const reason = (length: number): string => "*".repeat(length);
const large = text(reason(256 * 1024));

const closing: Case[] = [
  { id: "7.1.1", what: "a message, then a close", send: [hello, bye], back: [hello], ...own },
  { id: "7.1.2", what: "two closes", send: [bye, bye], back: [], ...own },
  { id: "7.1.3", what: "a ping after the close is not answered", send: [bye, ping()], back: [], ...own },
  { id: "7.1.4", what: "a text after the close is not answered", send: [bye, hello], back: [], ...own },
  {
    id: "7.1.5",
    what: "a close between two fragments",
    send: [begin(opcode.text, "fragment1"), bye, end("fragment2")],
    back: [],
    ...own,
  },
  {
    id: "7.1.6",
    what: "256 KiB, a text, a close, a ping",
    send: [large, hello, bye, ping()],
    back: [large, hello],
    ...own,
  },
  { id: "7.3.1", what: "a close without payload", send: [empty], back: [], code: "without a code", ...own },
  { id: "7.3.2", what: "a close of one byte", send: [frame(final | opcode.close, "a")], back: [], code: 1002, ...own },
  { id: "7.3.3", what: "a close with a code", send: [close(1000)], back: [], ...own },
  { id: "7.3.4", what: "a close with a code and a reason", send: [close(1000, "Hello World!")], back: [], ...own },
  { id: "7.3.5", what: "a close with the longest reason", send: [close(1000, reason(123))], back: [], ...own },
  { id: "7.3.6", what: "a close with a longer one", send: [close(1000, reason(124))], back: [], code: 1002, ...own },
  {
    id: "7.5.1",
    what: "a reason that is not UTF-8",
    send: [close(1000, Uint8Array.of(0xce, 0xba, 0xed, 0xa0, 0x80))],
    back: [],
    code: 1007,
    ...own,
  },
];

/** Codes that a close frame may have are answered by themselves. */
const allowed = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 3000, 3999, 4000, 4999];
/** Those for local use only, those that nobody may use, and those that nobody has registered. */
const forbidden = [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535];

const codes: Case[] = [
  ...allowed.map((code, i) => ({
    id: `7.7.${i + 1}`,
    what: `the code ${code}`,
    send: [close(code, "a reason")],
    back: [],
    code,
    ...own,
  })),
  ...forbidden.map((code, i) => ({
    id: i < 10 ? `7.9.${i + 1}` : `7.13.${i - 9}`,
    what: `the forbidden code ${code}`,
    send: [close(code, "a reason")],
    back: [],
    code: 1002,
    ...own,
  })),
];

play([...closing, ...codes]);
