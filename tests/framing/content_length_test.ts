/**
 * contentLength(): what it writes, what it finds, and what it refuses.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { contentLength, describe, TransportError } from "../../mod.ts";
import { Random } from "../support/random.ts";
import { checkEverySplit, Feed } from "./_feed.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** Frames as the framing writes them. */
function written(messages: readonly Uint8Array[]): Uint8Array {
  const framing = contentLength();
  return new Uint8Array(messages.flatMap((message) => {
    framing.prepare!(message.length);
    const frame = new Uint8Array(framing.headBytes + message.length);
    framing.writeHead(frame, 0, message.length);
    frame.set(message, framing.headBytes);
    return [...frame];
  }));
}

function refuses(head: string, message: RegExp, code = "protocol"): void {
  for (let at = 0; at < head.length; at++) {
    const feed = new Feed(contentLength({ maxBytes: 100, maxHeadBytes: 200 }));
    assert.throws(() => {
      feed.push(encode(head.slice(0, at)));
      feed.push(encode(head.slice(at)));
    }, (error) => {
      assert.ok(error instanceof TransportError);
      assert.equal(error.code, code);
      assert.match(error.message, message);
      return true;
    }, `${JSON.stringify(head)} cut at ${at}`);
    assert.equal(feed.messages.length, 0);
  }
}

Deno.test("contentLength() writes the head of the Language Server Protocol before each message", () => {
  assert.equal(
    decode(written(["", "a", "grüße", "x".repeat(10)].map(encode))),
    `Content-Length: 0\r\n\r\nContent-Length: 1\r\n\r\naContent-Length: 7\r\n\r\ngrüßeContent-Length: 10\r\n\r\n${
      "x".repeat(10)
    }`,
  );
});

Deno.test("contentLength() finds the messages wherever the stream is cut", () => {
  const messages = ["", "a", "\r\n\r\n", "Content-Length: 3\r\n\r\n", "grüße", "x".repeat(300), "{}"].map(encode);
  checkEverySplit(contentLength(), written(messages), messages);
});

Deno.test("contentLength() takes fields in any case and order, and passes over those it does not know", () => {
  const stream = encode(
    "content-length:2\r\n\r\n{}" +
      "Content-Type: application/vscode-jsonrpc; charset=utf-8\r\nCONTENT-LENGTH: \t3 \r\n\r\n[1]" +
      "Content-Length: 0001\r\nContent-Type: text/x;charset=UTF8\r\nX-Other: a:b\r\n\r\n7" +
      'Empty:\r\nContent-Type: a/b; charset="utf-8"\r\nContent-Length: 0\r\n\r\n' +
      "Content-Type: a/b\r\nContent-Length: 4\r\n\r\nnull",
  );
  checkEverySplit(contentLength(), stream, ["{}", "[1]", "7", "", "null"].map(encode));
});

Deno.test("contentLength() refuses a head that is none, at the byte that shows it", () => {
  refuses("\n", /byte 0 is 0x0a/);
  refuses('{"jsonrpc":"2.0"}', /byte 0 is 0x7b/);
  refuses("GET / HTTP/1.1\r\n", /byte 3 is 0x20/);
  refuses("Content-Length : 2\r\n\r\n", /byte 14 is 0x20/);
  refuses("Content-Length: 2\n\n{}", /byte 17 is 0x0a/);
  refuses("Content-Length: 2\r\r\n{}", /byte 18 is 0x0d/);
  refuses("Content-Length: 2\r\n\r{}", /byte 20 is 0x7b/);
  refuses("Content-Length: 2\r\n folded\r\n\r\n{}", /byte 19 is 0x20/);
  refuses("\r\n\r\n", /says no Content-Length/);
  refuses("Content-Type: a/b\r\n\r\n", /says no Content-Length/);
});

Deno.test("contentLength() refuses a length that is none, that is there twice or that is too large", () => {
  for (const value of ["", "-1", "+1", "1.0", "0x10", "1e1", "1,2", "1 2", "NaN", "٣"]) {
    refuses(`Content-Length: ${value}\r\n\r\n`, /its Content-Length is "/);
  }
  refuses("Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", /says Content-Length twice/);
  refuses("Content-Length: 101\r\n", /says 101 bytes, 100 are allowed/, "message-too-large");
  refuses(`Content-Length: ${"9".repeat(150)}\r\n`, /100 are allowed/, "message-too-large");
});

Deno.test("contentLength() refuses a charset that is not UTF-8", () => {
  refuses("Content-Type: a/b; charset=latin1\r\n", /names the charset "latin1", only utf-8 is taken/);
});

Deno.test("contentLength() takes a head of just under the limit and refuses one that reaches it unfinished", () => {
  const framing = contentLength({ maxHeadBytes: 60 });
  const head = (padding: number): string => `Content-Length: 1\r\nX: ${"y".repeat(padding)}\r\n\r\n`;
  const fits = 60 - head(0).length;
  checkEverySplit(framing, encode(`${head(fits)}a`), [encode("a")]);
  const feed = new Feed(framing);
  assert.throws(() => feed.push(encode(head(fits + 1))), { code: "protocol", message: /longer than the 60 bytes/ });
  const slow = new Feed(framing);
  assert.throws(() => slow.push(encode(`X: ${"y".repeat(100)}`)), { code: "protocol" });
});

Deno.test("contentLength() asks for the room of a message only up to its limit", () => {
  const decoder = contentLength({ maxBytes: 1000 }).decoder();
  const bytes = encode("Content-Length: 900\r\n\r\n");
  assert.equal(decoder.needed, 1);
  assert.equal(decoder.next(bytes, 0, 10), false);
  assert.equal(decoder.needed, 21);
  assert.equal(decoder.next(bytes, 0, bytes.length), false);
  assert.equal(decoder.needed, bytes.length + 900);
});

/** The same by the plainest of means, on the whole stream at once: the messages before the first fault. */
function plainly(stream: string, maxBytes: number): { messages: string[]; refused: boolean } {
  const messages: string[] = [];
  for (let rest = stream; rest !== "";) {
    const end = rest.indexOf("\r\n\r\n");
    // Half a head may be refused before its end has come; what is found is the same.
    if (end < 0) return { messages, refused: false };
    const lines = rest.slice(0, end).split("\r\n");
    const lengths = lines.filter((line) => /^content-length:/i.test(line)).map((line) => line.slice(15));
    const wellFormed = lines.every((line) => /^[\w!#$%&'*+.^`|~-]+:[\t\x20-\x7e\x80-\xff]*$/.test(line));
    const charset = lines.every((line) => !/^content-type:.*;\s*charset\s*=(?!\s*"?utf-?8["\s;]?)/i.test(line));
    if (!wellFormed || !charset || lengths.length !== 1 || !/^[\t ]*[0-9]+[\t ]*$/.test(lengths[0])) {
      return { messages, refused: true };
    }
    if (Number(lengths[0]) > maxBytes) return { messages, refused: true };
    const body = rest.slice(end + 4, end + 4 + Number(lengths[0]));
    if (body.length < Number(lengths[0])) return { messages, refused: false };
    messages.push(body);
    rest = rest.slice(end + 4 + body.length);
  }
  return { messages, refused: false };
}

const inputs = Number(Deno.env.get("WIREWAY_FUZZ_INPUTS") ?? 20_000);
const firstSeed = Number(Deno.env.get("WIREWAY_FUZZ_SEED") ?? 1);

Deno.test(`contentLength() finds in ${inputs} mutated streams what is there, and fails with its own errors`, () => {
  const spice = ["\r", "\n", ":", " ", "0", "9", "-", "\r\n", "\r\n\r\n", "Content-Length: 3\r\n", "X: y\r\n", "\x00"];
  for (let seed = firstSeed; seed < firstSeed + inputs; seed++) {
    const random = new Random(seed);
    const messages = Array.from({ length: 1 + random.below(5) }, () => "z".repeat(random.below(40)));
    let text = decode(written(messages.map(encode)));
    for (let i = random.below(3); i > 0; i--) {
      const at = random.below(text.length);
      text = text.slice(0, at) + random.pick(spice) + text.slice(at + random.below(3));
    }
    const expected = plainly(text, 60);
    const feed = new Feed(contentLength({ maxBytes: 60 }));
    let refused = false;
    try {
      const bytes = encode(text);
      for (let at = 0; at < bytes.length;) feed.push(bytes.subarray(at, at += 1 + random.below(9)));
    } catch (error) {
      if (!(error instanceof TransportError)) throw error;
      assert.ok(["protocol", "message-too-large"].includes(error.code), error.code);
      refused = true;
    }
    const what = `WIREWAY_FUZZ_SEED=${seed}: ${JSON.stringify(text)}`;
    assert.deepEqual(feed.messages.map(decode), expected.messages, what);
    if (expected.refused) assert.ok(refused, what);
    feed.checkUnchanged();
  }
});

Deno.test("contentLength() refuses options that are not allowed, and says its settings", () => {
  assert.throws(() => contentLength({ maxBytes: 0 }), { code: "invalid-option", message: /option maxBytes is 0/ });
  assert.throws(() => contentLength({ maxHeadBytes: 3 }), { code: "invalid-option", message: /maxHeadBytes is 3/ });
  assert.equal(describe(contentLength()), "contentLength({ maxBytes: 16777216, maxHeadBytes: 4096 })");
});
