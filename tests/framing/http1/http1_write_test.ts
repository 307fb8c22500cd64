/**
 * Writing heads and chunks: what is written is read back the same, and nothing
 * is written that could be read as something else.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { TransportError } from "../../../src/core/errors.ts";
import { HttpFields } from "../../../src/framing/http1/http1_fields.ts";
import {
  chunkEnd,
  encodeLastChunk,
  encodeRequestHead,
  encodeResponseHead,
  type FieldLinesToWrite,
  maxChunkHeadBytes,
  type RequestHeadToWrite,
  type ResponseHeadToWrite,
  writeChunkHead,
} from "../../../src/framing/http1/http1_write.ts";
import { lines, readEverySplit, textOf } from "./http1_harness.ts";

const host: [string, string] = ["Host", "example.com"];

function request(more: Partial<RequestHeadToWrite> = {}): string {
  return textOf(encodeRequestHead({ method: "GET", target: "/", fields: [host], ...more }));
}

function response(more: Partial<ResponseHeadToWrite> = {}): string {
  return textOf(encodeResponseHead({ status: 200, fields: [], ...more }));
}

function refused(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof TransportError, String(error));
    assert.equal(error.code, "invalid-request");
    assert.equal(error.processed, "no");
    return error.message;
  }
  assert.fail("nothing was refused");
}

Deno.test("a request head is written as it was given, the framing behind the fields", () => {
  assert.equal(request(), lines("GET / HTTP/1.1", "Host: example.com", ""));
  assert.equal(request({ body: 0 }), lines("GET / HTTP/1.1", "Host: example.com", "content-length: 0", ""));
  assert.equal(
    request({ method: "POST", target: "/a?b=c", fields: [["x-a", "1"], host, ["x-a", "caf\xe9\t2"]], body: 12_345 }),
    lines("POST /a?b=c HTTP/1.1", "x-a: 1", "Host: example.com", "x-a: caf\xe9\t2", "content-length: 12345", ""),
  );
  assert.equal(
    request({ body: "chunked" }),
    lines("GET / HTTP/1.1", "Host: example.com", "transfer-encoding: chunked", ""),
  );
  const targets = [["CONNECT", "a:443"], ["OPTIONS", "*"], ["GET", "http://a/b"], ["get", "/"]];
  for (const [method, target] of targets) {
    assert.ok(request({ method, target }).startsWith(`${method} ${target} HTTP/1.1\r\n`));
  }
});

Deno.test("a response head is written with the usual reason or the given one", () => {
  assert.equal(response(), lines("HTTP/1.1 200 OK", ""));
  assert.equal(response({ status: 431 }), lines("HTTP/1.1 431 Request Header Fields Too Large", ""));
  assert.equal(response({ status: 299 }), lines("HTTP/1.1 299 ", ""));
  assert.equal(response({ reason: "Sch\xf6n", body: 3 }), lines("HTTP/1.1 200 Sch\xf6n", "content-length: 3", ""));
  assert.equal(response({ body: "chunked" }), lines("HTTP/1.1 200 OK", "transfer-encoding: chunked", ""));
  assert.equal(response({ status: 204, body: 0 }), lines("HTTP/1.1 204 No Content", ""), "204 says no length");
  assert.equal(response({ status: 304, body: 9 }), lines("HTTP/1.1 304 Not Modified", "content-length: 9", ""));
});

Deno.test("fields come from any list of pairs", () => {
  const expected = lines("HTTP/1.1 200 OK", "x-a: 1", "x-b: 2", "");
  const lists: FieldLinesToWrite[] = [
    [["x-a", "1"], ["x-b", "2"]],
    new Headers({ "X-A": "1", "X-B": "2" }),
    new HttpFields(["x-a", "x-b"], ["1", "2"]),
    new Map([["x-a", "1"], ["x-b", "2"]]),
  ];
  for (const fields of lists) assert.equal(response({ fields }), expected);
});

/** Every character that could end a line or a part of one, and some that only seem harmless. */
const sharp = ["\r\n", "\r", "\n", "\0", "\x0b", "\x7f", "\x1b", "\u010a", "\u560a", "\u2028", "\ud800"];

for (const char of sharp) {
  Deno.test(`nothing is written with ${JSON.stringify(char)} in it`, () => {
    for (const text of [char, `a${char}`, `${char}a`, `a${char}b: c`]) {
      const inValue = refused(() => request({ fields: [host, ["x-a", text]] }));
      assert.match(inValue, /^Cannot write head: .* in x-a, at character \d+$/);
      refused(() => response({ fields: [["x-a", text]] }));
      assert.match(refused(() => response({ fields: [[text, "a"]] })), /in a field name, at character/);
      assert.match(refused(() => response({ reason: text })), /in the reason/);
      refused(() => request({ method: text }));
      assert.match(refused(() => request({ target: `/${text}` })), /in the target, at character/);
      refused(() => request({ fields: [["host", text]] }));
      refused(() => encodeLastChunk([["x-a", text]]));
      refused(() => encodeLastChunk([[text, "a"]]));
    }
    assert.equal(request(), lines("GET / HTTP/1.1", "Host: example.com", ""), "what was refused leaves nothing behind");
  });
}

Deno.test("heads that our own reader would not take are refused", () => {
  const cases: [why: RegExp, run: () => unknown][] = [
    [/"" is not a method/, () => request({ method: "" })],
    [/"A B" is not a method/, () => request({ method: "A B" })],
    [/GET can not have the target ""/, () => request({ target: "" })],
    [/GET can not have the target "a"/, () => request({ target: "a" })],
    [/GET can not have the target "\*"/, () => request({ target: "*" })],
    [/CONNECT can not have the target "\/"/, () => request({ method: "CONNECT" })],
    [/a space in the target, at character 2/, () => request({ target: "/a b" })],
    [/"#" in the target/, () => request({ target: "/a#b" })],
    [/0xe9 in the target/, () => request({ target: "/caf\xe9" })],
    [/exactly one Host field/, () => request({ fields: [] })],
    [/a second Host field/, () => request({ fields: [host, host] })],
    [/"a b" is not a host/, () => request({ fields: [["host", "a b"]] })],
    [/"" is not a host/, () => request({ fields: [["host", ""]] })],
    [/a field name is empty/, () => request({ fields: [host, ["", "a"]] })],
    [/a space in a field name/, () => request({ fields: [host, ["a ", "a"]] })],
    [/":" in a field name/, () => request({ fields: [host, ["a:", "a"]] })],
    [/content-length is for the option body/, () => request({ fields: [host, ["Content-Length", "5"]] })],
    [/transfer-encoding is for the option body/, () => response({ fields: [["Transfer-Encoding", "chunked"]] })],
    [/a body of -1 bytes/, () => request({ body: -1 })],
    [/a body of 1\.5 bytes/, () => request({ body: 1.5 })],
    [/a body of NaN bytes/, () => response({ body: NaN })],
    [/a body of Infinity bytes/, () => response({ body: Infinity })],
    [/its status is 99/, () => response({ status: 99 })],
    [/its status is 1000/, () => response({ status: 1000 })],
    [/its status is 200\.5/, () => response({ status: 200.5 })],
    [/status 204 has no body/, () => response({ status: 204, body: 1 })],
    [/status 204 has no body/, () => response({ status: 204, body: "chunked" })],
    [/status 101 has no body/, () => response({ status: 101, body: 1 })],
    [/trailers: content-length can not be one/, () => encodeLastChunk([["Content-Length", "1"]])],
    [/trailers: host can not be one/, () => encodeLastChunk([["host", "a"]])],
    [/trailers: authorization can not be one/, () => encodeLastChunk([["Authorization", "a"]])],
    [/chunk: it has 0 bytes/, () => writeChunkHead(new Uint8Array(20), 0, 0)],
    [/chunk: it has -5 bytes/, () => writeChunkHead(new Uint8Array(20), 0, -5)],
    [/chunk: it has 1\.5 bytes/, () => writeChunkHead(new Uint8Array(20), 0, 1.5)],
  ];
  for (const [why, run] of cases) assert.match(refused(run), why);
});

Deno.test("chunks are written around their data, and read back", () => {
  const wire = new Uint8Array(1000);
  let at = 0;
  const sizes = [1, 9, 10, 15, 16, 255, 256];
  for (const size of sizes) {
    at = writeChunkHead(wire, at, size);
    wire.fill(0x61, at, at += size);
    wire.set(chunkEnd, at);
    at += chunkEnd.length;
  }
  const head = request({ method: "POST", body: "chunked" });
  const text = head + textOf(wire.subarray(0, at)) + textOf(encodeLastChunk([["X-Sum", "7"], ["x-two", ""]]));
  const { messages, error } = readEverySplit({ side: "request" }, text);
  assert.equal(error, undefined);
  assert.equal(messages[0].body, "a".repeat(sizes.reduce((sum, size) => sum + size)));
  assert.deepEqual(messages[0].trailers, [["x-sum", "7"], ["x-two", ""]]);
  assert.equal(textOf(encodeLastChunk()), "0\r\n\r\n");
  assert.ok(writeChunkHead(new Uint8Array(20), 0, Number.MAX_SAFE_INTEGER) <= maxChunkHeadBytes);
});

Deno.test("heads are read back as they were written", () => {
  const fields: [string, string][] = [["host", "a:1"], ["x-all", ""], ["cookie", "a=b; c=d"], ["x-latin", "\xa1\xff"]];
  const text = request({ method: "PUT", target: "/x", fields, body: 2 }) + "ok" +
    request({ method: "OPTIONS", target: "*", fields });
  const { messages } = readEverySplit({ side: "request" }, text);
  assert.deepEqual(messages.map(({ line, body }) => [line, body]), [["PUT /x 1", "ok"], ["OPTIONS * 1", ""]]);
  assert.deepEqual(messages[0].fields, [...fields, ["content-length", "2"]]);
  assert.deepEqual(messages[1].fields, fields);
});

Deno.test("what was written is never written over, whatever its size", () => {
  const written: [bytes: Uint8Array, text: string][] = [];
  // Small ones too, so that the memory they share ends at every place in one of them.
  for (let i = 0; i < 5000; i++) {
    const length = i % 700 === 0 ? 3000 : i % 1001 === 0 ? 60_000 : i % 13;
    const value = String(i % 10).repeat(length);
    const bytes = encodeResponseHead({ status: 200, fields: [["x", value]], body: i });
    written.push([bytes, lines("HTTP/1.1 200 OK", `x: ${value}`, `content-length: ${i}`, "")]);
    if (i % 3 === 0) refused(() => response({ fields: [["a", "b"], ["x", "\n"]] }));
  }
  for (const [bytes, text] of written) assert.equal(textOf(bytes), text);
});
