/**
 * lengthPrefix(): what it writes, what it finds, and what it refuses.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { describe, lengthPrefix, TransportError } from "../../mod.ts";
import { numbered } from "../support/channels.ts";
import { checkEverySplit, Feed, frames } from "./_feed.ts";

const widths = [1, 2, 4] as const;

function refusal(run: () => void): TransportError {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof TransportError, String(error));
    return error;
  }
  assert.fail("nothing was refused");
}

Deno.test("lengthPrefix() writes the length in big-endian order and nothing after the message", () => {
  const head = (bytes: 1 | 2 | 4, length: number): number[] => {
    const target = new Uint8Array(6).fill(0xee);
    lengthPrefix({ bytes }).writeHead(target, 1, length);
    assert.equal(target[0], 0xee);
    assert.ok(target.subarray(1 + bytes).every((byte) => byte === 0xee), "nothing is written behind the head");
    return [...target.subarray(1, 1 + bytes)];
  };
  assert.deepEqual(head(1, 0), [0]);
  assert.deepEqual(head(1, 255), [255]);
  assert.deepEqual(head(2, 0x1234), [0x12, 0x34]);
  assert.deepEqual(head(2, 65_535), [255, 255]);
  assert.deepEqual(head(4, 1), [0, 0, 0, 1]);
  assert.deepEqual(head(4, 0x0102_0304), [1, 2, 3, 4]);
  assert.deepEqual(head(4, 0x7fff_ffff), [0x7f, 0xff, 0xff, 0xff]);
  assert.equal(lengthPrefix().tailBytes, 0);
});

for (const bytes of widths) {
  Deno.test(`lengthPrefix() with ${bytes} bytes finds the messages wherever the stream is cut`, () => {
    const framing = lengthPrefix({ bytes });
    const messages = [0, 1, 5, 0, 0, 255, 3].map((size, i) => numbered(i, size));
    checkEverySplit(framing, frames(framing, messages), messages);
  });

  Deno.test(`lengthPrefix() with ${bytes} bytes takes a message of exactly the limit and refuses one byte more`, () => {
    const framing = lengthPrefix({ bytes, maxBytes: 200 });
    const feed = new Feed(framing);
    feed.push(frames(framing, [numbered(1, 200)]));
    assert.equal(feed.messages.length, 1);
    const head = new Uint8Array(bytes);
    framing.writeHead(head, 0, 201);
    const error = refusal(() => feed.push(head));
    assert.equal(error.code, "message-too-large");
    assert.equal(error.message, "Frame refused: its length says 201 bytes, 200 are allowed");
    assert.deepEqual(error.details, { length: 201, maxBytes: 200 });
  });
}

Deno.test("lengthPrefix() reads a length with its first bit set as a large one, not as a negative one", () => {
  const error = refusal(() => new Feed(lengthPrefix()).push(Uint8Array.of(0xff, 0xff, 0xff, 0xff)));
  assert.equal(error.message, "Frame refused: its length says 4294967295 bytes, 16777216 are allowed");
});

Deno.test("lengthPrefix() says how many bytes the unfinished frame needs", () => {
  const decoder = lengthPrefix().decoder();
  const bytes = Uint8Array.of(9, 0, 0, 1, 4, 7);
  assert.equal(decoder.needed, 4);
  assert.equal(decoder.next(bytes, 1, 4), false);
  assert.equal(decoder.needed, 4);
  assert.equal(decoder.next(bytes, 1, 6), false);
  assert.equal(decoder.needed, 4 + 260);
});

Deno.test("lengthPrefix() keeps what it hands out inside the bytes it was given", () => {
  const decoder = lengthPrefix({ bytes: 1 }).decoder();
  const bytes = Uint8Array.of(9, 9, 2, 7, 8, 9);
  assert.equal(decoder.next(bytes, 2, 4), false);
  assert.equal(decoder.next(bytes, 2, 5), true);
  assert.deepEqual([decoder.messageStart, decoder.messageEnd, decoder.frameEnd], [3, 5, 5]);
});

Deno.test("lengthPrefix() says what the bytes look like when a length makes no sense", () => {
  const messageFor = (bytes: Uint8Array): string => refusal(() => new Feed(lengthPrefix()).push(bytes)).message;
  const text = (line: string): Uint8Array => new TextEncoder().encode(line);
  const tls = "is TLS switched on at one end only?";
  assert.equal(
    messageFor(Uint8Array.of(0x16, 0x03, 0x01, 0x02, 0x00)),
    `Frame refused: its length says 369295618 bytes, 16777216 are allowed; the bytes look like a TLS handshake: ${tls}`,
  );
  assert.match(messageFor(Uint8Array.of(0x15, 0x03, 0x03, 0x00)), /the bytes look like a TLS alert: is TLS/);
  for (const line of ["GET / HTTP/1.1", "POST /a", "PUT /a", "HEAD /", "PRI * HTTP/2.0", "DELETE /", "HTTP/1.1 400"]) {
    assert.match(messageFor(text(line)), /the bytes look like HTTP: is this the right port\?$/, line);
  }
  for (const bytes of [text("\u007fELF"), text("abc\u0000"), Uint8Array.of(0x7b, 0x22, 0xff, 0x61)]) {
    assert.match(messageFor(bytes), /are allowed$/, `${bytes}`);
  }
});

Deno.test("lengthPrefix() shows the text that came where a frame should have", () => {
  const messageFor = (line: string): string =>
    refusal(() => new Feed(lengthPrefix()).push(new TextEncoder().encode(line))).message;
  assert.equal(
    messageFor("I am ready\n"),
    "Frame refused: its length says 1226858861 bytes, 16777216 are allowed; the bytes look like text, " +
      '"I am ready\\n": does something print to the same stream, or is this the wrong port?',
  );
  assert.match(messageFor("Der Server läuft"), /look like text, "Der Server l": /);
  assert.match(messageFor("x".repeat(1000)), /look like text, "x{40}": /);
});

Deno.test("lengthPrefix() refuses options that are not allowed, naming them", () => {
  // deno-lint-ignore no-explicit-any
  const messageFor = (options: any): string => {
    const error = refusal(() => lengthPrefix(options));
    assert.equal(error.code, "invalid-option");
    return error.message;
  };
  const use = "Cannot use lengthPrefix():";
  assert.equal(messageFor({ bytes: 3 }), `${use} option bytes is 3, allowed is 1, 2 or 4`);
  assert.equal(messageFor({ bytes: "4" }), `${use} option bytes is "4", allowed is 1, 2 or 4`);
  const limit = "allowed is an integer from 1 to 2147483647";
  assert.equal(messageFor({ maxBytes: 0 }), `${use} option maxBytes is 0, ${limit}`);
  assert.equal(messageFor({ maxBytes: 1.5 }), `${use} option maxBytes is 1.5, ${limit}`);
  assert.equal(messageFor({ maxBytes: NaN }), `${use} option maxBytes is NaN, ${limit}`);
  assert.equal(messageFor({ maxBytes: 2 ** 31 }), `${use} option maxBytes is 2147483648, ${limit}`);
  assert.equal(
    messageFor({ bytes: 1, maxBytes: 256 }),
    `${use} option maxBytes is 256, allowed is at most 255 with a prefix of 1 bytes`,
  );
  assert.equal(
    messageFor({ bytes: 2, maxBytes: 65_536 }),
    `${use} option maxBytes is 65536, allowed is at most 65535 with a prefix of 2 bytes`,
  );
  assert.equal(messageFor({ size: 4 }), `${use} it has no option "size", only bytes, maxBytes`);
});

Deno.test("lengthPrefix() limits messages to 16 MiB, or to what its prefix can say", () => {
  assert.equal(lengthPrefix().maxBytes, 16 * 1024 * 1024);
  assert.equal(lengthPrefix({ bytes: 2 }).maxBytes, 65_535);
  assert.equal(lengthPrefix({ bytes: 1 }).maxBytes, 255);
  assert.equal(describe(lengthPrefix({ bytes: 1 })), "lengthPrefix({ bytes: 1, maxBytes: 255 })");
});
