/**
 * The messages in a stream of WebSocket frames.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { MessageInflater } from "../../../src/transport/websocket/deflate.ts";
import { Random } from "../../support/random.ts";
import { checkEverySplit, type Found, found, frame, join, unhex, utf8, WebSocketFeed } from "./websocket_feed.ts";

const [cont, text, binary, close, ping, pong] = [0x0, 0x1, 0x2, 0x8, 0x9, 0xa];
const fin = 0x80;
const mask = 0x3d21_fa37;

function inflating(maxMessageBytes = 1 << 20): { inflate: (chunk: Uint8Array, final: boolean) => Uint8Array } {
  const inflater = new MessageInflater({ contextTakeover: true, windowBits: 15, maxMessageBytes });
  return { inflate: (chunk, final) => inflater.inflate(chunk, final) };
}

const hello = "48 65 6c 6c 6f";

/** The examples of RFC 6455, section 5.7. */
const examples: readonly (readonly [what: string, side: "client" | "server", bytes: string, expected: Found[]])[] = [
  ["a text message in one frame", "client", `81 05 ${hello}`, ["text Hello"]],
  ["a masked text message in one frame", "server", "81 85 37 fa 21 3d 7f 9f 4d 51 58", ["text Hello"]],
  ["a text message in fragments", "client", "01 03 48 65 6c 80 02 6c 6f", ["text Hello"]],
  ["a ping", "client", `89 05 ${hello}`, [`ping ${hello}`]],
  ["a masked pong", "server", "8a 85 37 fa 21 3d 7f 9f 4d 51 58", [`pong ${hello}`]],
  ["256 bytes in one frame", "client", `82 7e 01 00 ${"ab ".repeat(256)}`, [`binary ${"ab ".repeat(256).trimEnd()}`]],
];

for (const [what, side, digits, expected] of examples) {
  Deno.test(`RFC 6455, section 5.7: ${what}`, () => {
    checkEverySplit(() => ({ side }), unhex(digits), expected);
  });
}

Deno.test("RFC 6455, section 5.7: 64 KiB in one frame", () => {
  const feed = new WebSocketFeed();
  feed.push(unhex(`82 7f 00 00 00 00 00 01 00 00`));
  feed.push(new Uint8Array(65_536).fill(7));
  assert.deepEqual(feed.found, [found("binary", new Uint8Array(65_536).fill(7))]);
});

/** The examples of RFC 7692, section 7.2.3. */
const compressedExamples: readonly (readonly [what: string, bytes: string, expected: Found[]])[] = [
  ["7.2.3.1, a message in one frame", "c1 07 f2 48 cd c9 c9 07 00", ["text Hello"]],
  ["7.2.3.1, a message in fragments", "41 03 f2 48 cd 80 04 c9 c9 07 00", ["text Hello"]],
  [
    "7.2.3.2, sharing the window",
    "c1 07 f2 48 cd c9 c9 07 00 c1 05 f2 00 11 00 00",
    ["text Hello", "text Hello"],
  ],
  ["7.2.3.3, a block that is not compressed", `c1 0b 00 05 00 fa ff ${hello} 00`, ["text Hello"]],
  ["7.2.3.4, a block that is the last of its stream", "c1 08 f3 48 cd c9 c9 07 00 00", ["text Hello"]],
  ["7.2.3.5, two blocks in one message", "c1 0d f2 48 05 00 00 00 ff ff ca c9 c9 07 00", ["text Hello"]],
  ["7.2.3.6, an empty message", "c1 01 00", ["text "]],
];

for (const [what, digits, expected] of compressedExamples) {
  Deno.test(`RFC 7692, section ${what}`, () => {
    // Twice, since a message must leave the window in order.
    checkEverySplit(inflating, join(unhex(digits), unhex(digits)), [...expected, ...expected]);
  });
}

Deno.test("messages, fragments and control frames are found wherever the stream is cut, masked and not", () => {
  const stream = (key?: number): Uint8Array =>
    join(
      frame(fin | text, "", key),
      frame(fin | binary, Uint8Array.of(), key),
      frame(fin | text, "grüße, 漢字, 😀, and a tail of ASCII that is longer than a few words", key),
      frame(fin | binary, new Random(1).bytes(130), key),
      frame(text, "κό", key),
      frame(fin | ping, "in the middle", key),
      frame(cont, utf8("σμε😀").subarray(0, 9), key),
      frame(fin | pong, "", key),
      frame(cont, "", key),
      frame(fin | cont, utf8("σμε😀").subarray(9), key),
      frame(binary, "", key),
      frame(fin | cont, "ab", key),
      frame(fin | ping, new Uint8Array(125), key),
      frame(fin | close, join(unhex("03 e8"), utf8("bis später")), key),
      utf8("whatever comes after a close is not looked at \xff\xff\xff"),
    );
  const expected: Found[] = [
    "text ",
    "binary ",
    "text grüße, 漢字, 😀, and a tail of ASCII that is longer than a few words",
    found("binary", new Random(1).bytes(130)),
    found("ping", utf8("in the middle")),
    "pong ",
    "text κόσμε😀",
    found("binary", utf8("ab")),
    found("ping", new Uint8Array(125)),
    "close 1000 bis später",
  ];
  checkEverySplit(() => ({ side: "client" }), stream(), expected);
  checkEverySplit(() => ({ side: "server" }), stream(0x9d03_f2a1 | 0), expected);
  checkEverySplit(() => ({ side: "server" }), stream(0), expected);
});

Deno.test("a message of one frame is a view of the receive buffer, and none of the bytes is copied", () => {
  const feed = new WebSocketFeed({ side: "server" });
  const bytes = join(frame(fin | binary, "hello you", mask), frame(fin | binary, "again", mask));
  assert.equal(feed.decoder.next(bytes, 0, bytes.length), true);
  const message = feed.decoder.message as Uint8Array;
  assert.equal(message.buffer, bytes.buffer);
  assert.equal(new TextDecoder().decode(message), "hello you");
  assert.equal(feed.decoder.frameEnd, 15);
  assert.equal(feed.decoder.next(bytes, 15, bytes.length), true);
  assert.equal(feed.decoder.next(bytes, bytes.length, bytes.length), false);
});

Deno.test("the decoder says how much it needs and how much it has consumed", () => {
  const { decoder } = new WebSocketFeed();
  const steps = (bytes: Uint8Array, start: number, end: number): unknown[] => {
    const more = decoder.next(bytes, start, end);
    return [more, decoder.frameEnd, decoder.needed, decoder.unfinished];
  };
  const single = frame(fin | binary, new Uint8Array(300));
  assert.deepEqual(steps(single, 0, 0), [false, 0, 2, false]);
  assert.deepEqual(steps(single, 0, 2), [false, 0, 4, false]);
  assert.deepEqual(steps(single, 0, 4), [false, 0, 304, true]);
  assert.deepEqual(steps(single, 0, 200), [false, 0, 304, true]);
  assert.deepEqual(steps(single, 0, 304).slice(0, 2), [true, 304]);
  assert.equal(decoder.unfinished, false);
  // A fragment is consumed as it comes.
  const fragment = frame(binary, new Uint8Array(300));
  assert.deepEqual(steps(fragment, 0, 104), [false, 104, 200, true]);
  assert.deepEqual(steps(fragment, 104, 304), [false, 304, 2, true]);
});

/** What is refused, with the code that the connection closes with, and the bytes up to where that is certain. */
const refusals: readonly (readonly [what: string, bytes: Uint8Array, closeCode: number, message: RegExp])[] = [
  ["a close of one byte", unhex("88 01 03"), 1002, /^Close refused: its payload is one byte/],
  ...[0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535].map((code) =>
    [
      `close code ${code}`,
      frame(fin | close, Uint8Array.of(code >> 8, code)),
      1002,
      new RegExp(`^Close refused: its code, ${code}, is not one that may be sent$`),
    ] as const
  ),
  [
    "a close reason that is not UTF-8",
    frame(fin | close, unhex("03 e8 ff")),
    1007,
    /^Close refused: its reason is not/,
  ],
  ["a close reason cut in a character", frame(fin | close, unhex("03 e8 c3")), 1007, /^Close refused: its reason/],
  [
    "a wrong byte in a text",
    frame(fin | text, unhex("41 42 ff")),
    1007,
    /^Message refused: its text is not valid UTF-8$/,
  ],
  ["a surrogate", frame(fin | text, unhex("ed a0 80")), 1007, /UTF-8/],
  ["a text cut in a character", frame(fin | text, unhex("41 e2 82")), 1007, /UTF-8/],
  ["fragments cut in a character", join(frame(text, "a"), frame(fin | cont, unhex("e2 82"))), 1007, /UTF-8/],
  [
    "an empty end of fragments cut in a character",
    join(frame(text, unhex("e2")), frame(fin | cont, "")),
    1007,
    /UTF-8/,
  ],
];

for (const [what, bytes, closeCode, message] of refusals) {
  Deno.test(`a connection fails with ${closeCode}: ${what}`, () => {
    for (let cut = 0; cut < bytes.length; cut++) {
      const error = new WebSocketFeed().refusal(bytes.subarray(0, cut), bytes.subarray(cut));
      assert.equal(error.code, "protocol");
      assert.deepEqual(error.details, { closeCode });
      assert.match(error.message, message);
    }
  });
}

Deno.test("a whole binary frame is refused where the same frame in pieces is, and ignored after a close", () => {
  // All of it fits into the first 256 bytes that are read at once.
  const limits = { maxMessageBytes: 200 };
  for (const [side, key] of [["client", undefined], ["server", mask]] as const) {
    const whole = (length: number): Uint8Array => frame(fin | binary, new Uint8Array(length), key);
    // A length of 50 in two bytes.
    const long = join(
      whole(50).subarray(0, 1),
      Uint8Array.of(key === undefined ? 126 : 254, 0, 50),
      whole(50).subarray(2),
    );
    const wrong: [Uint8Array, Uint8Array, string, RegExp][] = [
      [frame(binary, "a", key), whole(100), "protocol", /begins a message before the last one has ended/],
      [new Uint8Array(0), whole(201), "message-too-large", /it has 201 bytes or more, 200 are allowed/],
      [new Uint8Array(0), long, "protocol", /its length, 50, is written in more bytes than it needs/],
      [
        whole(200),
        frame(fin | binary, new Uint8Array(100), key === undefined ? mask : undefined),
        "protocol",
        /masked/,
      ],
    ];
    for (const [before, bytes, code, message] of wrong) {
      for (const cut of [bytes.length, bytes.length - 1]) {
        const feed = new WebSocketFeed({ side, ...limits });
        if (before.length > 0) feed.push(before);
        const error = feed.refusal(bytes.subarray(0, cut), bytes.subarray(cut));
        assert.equal(error.code, code);
        assert.match(error.message, message);
      }
    }
    const feed = new WebSocketFeed({ side, ...limits });
    feed.push(join(whole(50), frame(fin | close, "", key), whole(50)));
    feed.push(whole(100));
    assert.deepEqual(feed.found, [found("binary", new Uint8Array(50)), "close 1005 "]);
  }
});

Deno.test("a connection fails with the first byte of a text that is wrong, before the rest of its frame has come", () => {
  // Autobahn 6.4: U+110000 in the middle of a text.
  const payload = unhex("ce ba e1 bd b9 cf 83 ce bc ce b5 f4 90 80 80 65 64 69 74 65 64");
  const wrongAt = 12;
  for (const [side, key] of [["client", undefined], ["server", mask]] as const) {
    const single = frame(fin | text, payload, key);
    const fragments = join(frame(text, "a", key), frame(fin | cont, payload, key));
    for (const bytes of [single, fragments]) {
      const end = bytes.length - payload.length + wrongAt;
      const feed = new WebSocketFeed({ side });
      feed.push(bytes.subarray(0, end));
      assert.equal(feed.refusal(bytes.subarray(end, end + 1)).details?.closeCode, 1007);
      const slow = new WebSocketFeed({ side });
      for (let i = 0; i < end; i++) slow.push(bytes.subarray(i, i + 1));
      assert.equal(slow.refusal(bytes.subarray(end, end + 1)).details?.closeCode, 1007);
    }
  }
});

Deno.test("a compressed text fails as soon as what inflates is wrong", () => {
  // A stored block of a byte that is not UTF-8, in a fragment that has not come to its end.
  const feed = new WebSocketFeed(inflating());
  assert.equal(feed.refusal(unhex("41 20 00 01 00 fe ff ff")).details?.closeCode, 1007);
  const cut = new WebSocketFeed(inflating());
  assert.equal(cut.refusal(unhex("c1 07 00 01 00 fe ff c3 00")).details?.closeCode, 1007);
});

Deno.test("a close without a payload has code 1005, and codes that may be sent are taken", () => {
  const heard = (bytes: Uint8Array): Found[] => {
    const feed = new WebSocketFeed();
    feed.push(bytes);
    return feed.found;
  };
  assert.deepEqual(heard(frame(fin | close, "")), ["close 1005 "]);
  for (const code of [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999]) {
    assert.deepEqual(heard(frame(fin | close, Uint8Array.of(code >> 8, code))), [`close ${code} `]);
  }
  const reason = "é".repeat(61);
  assert.deepEqual(heard(frame(fin | close, join(unhex("0f a1"), utf8(reason)))), [`close 4001 ${reason}`]);
});

Deno.test("a message in many fragments takes no more memory than twice what has come, and none past the limit", () => {
  const feed = new WebSocketFeed({ maxMessageBytes: 100_000 });
  feed.push(frame(binary, new Uint8Array(60_000)));
  feed.push(frame(fin | cont, new Uint8Array(40_000)));
  assert.equal(feed.found.length, 1);
  const message = feed.decoder.message as Uint8Array;
  assert.deepEqual([message.length, message.buffer.byteLength], [100_000, 100_000]);
  feed.push(frame(binary, new Uint8Array(100)));
  feed.push(frame(fin | cont, new Uint8Array(1000)));
  assert.ok((feed.decoder.message as Uint8Array).buffer.byteLength <= 2200);

  feed.push(frame(binary, new Uint8Array(60_000)));
  const error = feed.refusal(frame(fin | cont, new Uint8Array(40_001)).subarray(0, 4));
  assert.equal(error.code, "message-too-large");
  assert.deepEqual(error.details, { closeCode: 1009, length: 100_001, maxBytes: 100_000 });
});

Deno.test("what inflates to more than is allowed is refused, however it is injected", () => {
  const tooMuch = { maxMessageBytes: 100, inflate: () => new Uint8Array(101) };
  assert.equal(new WebSocketFeed(tooMuch).refusal(unhex("c2 01 00")).details?.closeCode, 1009);
  const inSum = { maxMessageBytes: 100, inflate: () => new Uint8Array(51) };
  assert.equal(new WebSocketFeed(inSum).refusal(unhex("42 01 00 80 01 00")).details?.closeCode, 1009);
  const justSo = new WebSocketFeed({ maxMessageBytes: 100, inflate: () => new Uint8Array(50) });
  justSo.push(unhex("42 01 00 80 01 00"));
  assert.equal((justSo.decoder.message as Uint8Array).length, 100);
});

Deno.test("a binary message that was inflated has bytes of its own", () => {
  const feed = new WebSocketFeed(inflating());
  feed.push(unhex("c2 07 f2 48 cd c9 c9 07 00 c2 05 f2 00 11 00 00 c2 01 00"));
  assert.deepEqual(feed.found, [`binary ${hello}`, `binary ${hello}`, "binary "]);
  feed.checkUnchanged();
});

Deno.test("messages that are compressed and such as are not may take turns", () => {
  const stream = unhex(`c1 07 f2 48 cd c9 c9 07 00 81 02 68 69 c1 05 f2 00 11 00 00 82 01 07`);
  checkEverySplit(inflating, stream, ["text Hello", "text hi", "text Hello", "binary 07"]);
});
