/**
 * Section 6 of the public Autobahn test suite: UTF-8, refused with the first
 * byte that can't be right.
 *
 * @module
 */

import { type Case, play } from "./_tester.ts";
import { begin, end, fragmented, type Frame, hex, more, opcode, text, unhex } from "./_wire.ts";

const german = "Hello-µ@ßöäüàá-UTF-8!!";
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const greek = utf8("κόσμε");
const surrogate = unhex("eda080");
const beyond = unhex("f4908080");
const edited = new TextEncoder().encode("edited");

function concat(...parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** Each byte from `first` to `last`, and something behind each. */
function all(first: number, last: number, behind = ""): string {
  return Array.from({ length: last - first + 1 }, (_, i) => (first + i).toString(16) + behind).join("");
}

/** A message whose fragments have a byte each. */
const bytewise = (bytes: Uint8Array): Frame[] => fragmented(opcode.text, bytes, 1);

const bytes = new TextEncoder().encode(german);
const valid: Case[] = [
  { id: "6.1.1", what: "a text of no bytes", send: [text("")] },
  {
    id: "6.1.2",
    what: "three fragments of no bytes",
    send: [begin(opcode.text, ""), more(), end()],
    back: [text("")],
  },
  {
    id: "6.1.3",
    what: "a fragment between two of no bytes",
    send: [begin(opcode.text, ""), more("middle"), end()],
    back: [text("middle")],
  },
  { id: "6.2.1", what: "a valid text", send: [text(german)] },
  {
    id: "6.2.2",
    what: "a valid text in fragments, cut between characters",
    send: [begin(opcode.text, bytes.subarray(0, 13)), end(bytes.subarray(13))],
    back: [text(german)],
  },
  { id: "6.2.3", what: "a valid text in fragments of a byte", send: bytewise(bytes), back: [text(german)] },
  { id: "6.2.4", what: "a text of Greek in fragments of a byte", send: bytewise(greek), back: [text(greek)] },
];

/** What is invalid must be refused with nothing after the bytes that make it so. */
const fast = { back: [], code: 1007, silent: true } as const;
const broken = concat(greek, surrogate, edited);
const whole = concat(greek, beyond, edited);
const failing: Case[] = [
  { id: "6.3.1", what: "an invalid text", send: [text(broken)], ...fast },
  { id: "6.3.2", what: "an invalid text in fragments of a byte", send: bytewise(broken), ...fast },
  {
    id: "6.4.1",
    what: "invalid in the second of three fragments",
    send: [begin(opcode.text, greek), more(beyond)],
    ...fast,
  },
  {
    id: "6.4.2",
    what: "invalid in the second fragment, at the earliest byte",
    send: [begin(opcode.text, greek), more(unhex("f490"))],
    ...fast,
  },
];

/** The beginning of one frame, whose rest never comes: refused on account of its bytes so far. */
function partial(id: string, what: string, length: number): Case {
  return { id, what, send: [text(whole)], until: { payload: length }, ...fast };
}
const failingInOneFrame = [
  partial("6.4.3", "invalid within a frame that is not whole", greek.length + beyond.length),
  partial("6.4.4", "invalid within a frame, at the earliest byte", greek.length + 2),
  partial("6.4.5", "invalid within a frame, a byte at a time", greek.length + 2),
].map((each, i) => i === 2 ? { ...each, chop: 1 } : each);

/** Whether each sequence is valid UTF-8: M. Kuhn's stress test, RFC 3629, and the Encoding standard. */
const sequences: Record<string, readonly [valid: boolean, ...digits: string[]]> = {
  "6.5 ASCII and Greek": [
    true,
    ...["68656c6c6f24776f726c64", "68656c6c6fc2a2776f726c64", "68656c6c6fe282ac776f726c64"],
    ...["68656c6c6ff0a4ada2776f726c64", "cebae1bdb9cf83cebcceb5"],
  ],
  "6.6 Greek, up to the end of a character": [
    true,
    ...["ceba", "cebae1bdb9", "cebae1bdb9cf83", "cebae1bdb9cf83cebc", "cebae1bdb9cf83cebcceb5"],
    ...["f09f9880cebaf48fbfbf7f", "efbbbf61"],
  ],
  "6.6b Greek, up to the middle of a character": [
    false,
    ...["ce", "cebae1", "cebae1bd", "cebae1bdb9cf", "cebae1bdb9cf83ce", "cebae1bdb9cf83cebcce", "f09f98"],
  ],
  "6.7 the first of each length": [true, "00", "c280", "e0a080", "f0908080"],
  "6.8 the first of five and six bytes": [false, "f888808080", "fc8480808080"],
  "6.9 the last of each length": [true, "7f", "dfbf", "efbfbf", "f48fbfbf"],
  "6.10 the last of four, five and six bytes": [false, "f7bfbfbf", "fbbfbfbfbf", "fdbfbfbfbfbf"],
  "6.11 around the surrogates and at the end": [true, "ed9fbf", "ee8080", "efbfbd", "f48fbfbf"],
  "6.11b beyond the end": [false, "f4908080"],
  "6.12 lone continuation bytes": [
    false,
    ...["80", "bf", "80bf", "80bf80", "80bf80bf", "80bf80bf80", "80bf80bf80bf", all(0x80, 0xbe)],
  ],
  "6.13 first bytes without the rest": [
    false,
    ...[
      all(0xc0, 0xdf, "20"),
      all(0xe0, 0xef, "20"),
      all(0xf0, 0xf7, "20"),
      all(0xf8, 0xfb, "20"),
      all(0xfc, 0xfd, "20"),
    ],
  ],
  "6.14 sequences without their last byte": [
    false,
    ...["c0", "e080", "f08080", "f8808080", "fc80808080", "df", "efbf", "f7bfbf", "fbbfbfbf", "fdbfbfbfbf"],
  ],
  "6.15 all of those in a row": [false, "c0e080f08080f8808080fc80808080dfefbff7bfbffbbfbfbffdbfbfbfbf"],
  "6.16 impossible bytes": [false, "fe", "ff", "fefeffff"],
  "6.17 overlong slashes": [false, "c0af", "e080af", "f08080af", "f8808080af", "fc80808080af"],
  "6.18 the longest overlong ones": [false, "c1bf", "e09fbf", "f08fbfbf", "f887bfbfbf", "fc83bfbfbfbf"],
  "6.19 overlong zeros": [false, "c080", "e08080", "f0808080", "f880808080", "fc8080808080"],
  "6.20 single surrogates": [false, "eda080", "edadbf", "edae80", "edafbf", "edb080", "edbe80", "edbfbf"],
  "6.21 pairs of surrogates": [
    false,
    ...["eda080edb080", "eda080edbfbf", "edadbfedb080", "edadbfedbfbf"],
    ...["edae80edb080", "edae80edbfbf", "edafbfedb080", "edafbfedbfbf"],
  ],
  "6.22 characters that are none": [
    true,
    // The last two of each of the 17 planes.
    ...Array.from({ length: 34 }, (_, i) => hex(utf8(String.fromCodePoint(0x10000 * (i >> 1) + 0xfffe + (i & 1))))),
  ],
  "6.23 characters with a use of their own": [
    true,
    "efbfb9",
    "efbfba",
    "efbfbb",
    "efbfbc",
    "efbfbd",
    "efbfbe",
    "efbfbf",
  ],
};

const tables: Case[] = [];
for (const [name, [isValid, ...all]] of Object.entries(sequences)) {
  const section = name.split(" ", 1)[0];
  for (const [i, digits] of all.entries()) {
    const sequence = unhex(digits);
    for (
      const [how, send] of [["in one frame", [text(sequence)]], ["in fragments of a byte", bytewise(sequence)]] as const
    ) {
      const outcome = isValid ? { back: [text(sequence)] } : { back: [], code: 1007 };
      const id = `${section}.${i + 1}${how === "in one frame" ? "" : ", bytewise"}`;
      tables.push({ id, what: `${name.slice(section.length + 1)}, ${how}: ${digits}`, send, ...outcome });
    }
  }
}

play([...valid, ...failing, ...failingInOneFrame, ...tables]);
