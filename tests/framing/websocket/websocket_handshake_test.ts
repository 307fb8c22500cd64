/**
 * The computed parts of the WebSocket opening handshake.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  acceptOf,
  checkProtocol,
  chooseProtocol,
  isKey,
  newKey,
  parseProtocols,
  sha1,
} from "../../../src/framing/websocket/websocket_handshake.ts";
import { Random } from "../../support/random.ts";
import { hex, utf8 } from "./websocket_feed.ts";

Deno.test("acceptOf() gives the example of RFC 6455, section 1.3", () => {
  assert.equal(acceptOf("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
});

Deno.test("sha1() gives the examples of FIPS 180", () => {
  const digest = (text: string): string => hex(sha1(utf8(text))).replaceAll(" ", "");
  assert.equal(digest("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
  assert.equal(digest(""), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  const two = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
  assert.equal(digest(two), "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
});

Deno.test("sha1() gives what the platform does, at every length around the edges of its blocks", async () => {
  const bytes = new Random(1).bytes(400);
  for (let length = 0; length <= 400; length++) {
    const message = bytes.slice(0, length);
    const expected = new Uint8Array(await crypto.subtle.digest("SHA-1", message as Uint8Array<ArrayBuffer>));
    assert.equal(hex(sha1(message)), hex(expected), `${length} bytes`);
  }
});

Deno.test("newKey() makes 16 random bytes in Base64, each time new ones", () => {
  const keys = new Set(Array.from({ length: 100 }, () => newKey()));
  assert.equal(keys.size, 100);
  for (const key of keys) {
    assert.equal(isKey(key), true, key);
    assert.equal(atob(key).length, 16);
  }
});

Deno.test("isKey() takes 16 bytes in Base64 and nothing else", () => {
  assert.equal(isKey("dGhlIHNhbXBsZSBub25jZQ=="), true);
  assert.equal(isKey("+++///0123456789abcdAZ=="), true);
  for (
    const key of [
      "",
      "dGhlIHNhbXBsZSBub25jZQ",
      "dGhlIHNhbXBsZSBub25jZQ=",
      "dGhlIHNhbXBsZSBub25jZQ===",
      " dGhlIHNhbXBsZSBub25jZQ==",
      "dGhlIHNhbXBsZSBub25jZQ==\n",
      "dGhlIHNhbXBsZSBub25jZSE=",
      "dGhlIHNhbXBsZSBub25-ZQ==",
      "dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ==",
    ]
  ) assert.equal(isKey(key), false, JSON.stringify(key));
});

Deno.test("parseProtocols() reads names and refuses what are none, or the same twice", () => {
  assert.deepEqual(parseProtocols("chat"), ["chat"]);
  assert.deepEqual(parseProtocols("chat, superchat"), ["chat", "superchat"]);
  assert.deepEqual(parseProtocols(" v1.json ,\tv2.json\t"), ["v1.json", "v2.json"]);
  const message = (header: string): RegExp =>
    new RegExp(`^TransportError: WebSocket handshake refused: Sec-WebSocket-Protocol has ${header}`);
  assert.throws(() => parseProtocols(""), message('"", which is not a token'));
  assert.throws(() => parseProtocols("chat,"), message('"", which is not a token'));
  assert.throws(() => parseProtocols("a b"), message('"a b", which is not a token'));
  assert.throws(() => parseProtocols("a/b"), message('"a/b", which is not a token'));
  assert.throws(() => parseProtocols("chat, wamp, chat"), message('"chat" twice'));
  assert.throws(() => parseProtocols("grüße"), { code: "protocol", processed: "no" });
});

Deno.test("chooseProtocol() takes the server's first that the client offers", () => {
  assert.equal(chooseProtocol(["a", "b"], ["b", "a"]), "b");
  assert.equal(chooseProtocol(["a", "b"], ["c", "a"]), "a");
  assert.equal(chooseProtocol(["a"], ["c"]), undefined);
  assert.equal(chooseProtocol(["a"], []), undefined);
  assert.equal(chooseProtocol([], ["a"]), undefined);
});

Deno.test("checkProtocol() refuses what was not offered", () => {
  checkProtocol(["a", "b"], "b");
  checkProtocol(["a"], undefined);
  checkProtocol([], undefined);
  assert.throws(() => checkProtocol(["a", "b"], "c"), {
    code: "protocol",
    message: 'WebSocket handshake refused: Sec-WebSocket-Protocol is "c", offered were a, b',
  });
  assert.throws(() => checkProtocol([], "c"), {
    message: 'WebSocket handshake refused: Sec-WebSocket-Protocol is "c", none was offered',
  });
});
