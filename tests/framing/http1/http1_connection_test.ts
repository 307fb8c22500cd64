/**
 * What a head means for its connection, and the fields it is told from.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { TransportError } from "../../../src/core/errors.ts";
import {
  acceptsUpgrade,
  expectsContinue,
  requestPersists,
  requestsUpgrade,
  responsePersists,
} from "../../../src/framing/http1/http1_connection.ts";
import { HttpFields } from "../../../src/framing/http1/http1_fields.ts";
import {
  type RequestHead,
  RequestHeadDecoder,
  type ResponseHead,
  ResponseHeadDecoder,
} from "../../../src/framing/http1/http1_head.ts";
import { bytesOf, lines } from "./http1_harness.ts";

function requestHead(line: string, ...fields: string[]): RequestHead {
  const bytes = bytesOf(lines(line, "Host: h", ...fields, ""));
  const decoder = new RequestHeadDecoder();
  assert.ok(decoder.next(bytes, 0, bytes.length));
  return decoder.head;
}

function responseHead(line: string, ...fields: string[]): ResponseHead {
  const bytes = bytesOf(lines(line, ...fields, ""));
  const decoder = new ResponseHeadDecoder();
  assert.ok(decoder.next(bytes, 0, bytes.length));
  return decoder.head;
}

const persistence: [minor: 0 | 1, fields: string[], persists: boolean][] = [
  [1, [], true],
  [1, ["Connection: close"], false],
  [1, ["Connection: Close"], false],
  [1, ["Connection: foo,\tCLOSE , bar"], false],
  [1, ["Connection: foo", "Connection: close"], false],
  [1, ["Connection: closed, enclose, clo se"], true],
  [1, ["Connection: keep-alive"], true],
  [1, ["Connection: keep-alive, close"], false],
  [1, ["Connection:"], true],
  [1, ["X-Connection: close"], true],
  [0, [], false],
  [0, ["Connection: keep-alive"], true],
  [0, ["Connection: Keep-Alive"], true],
  [0, ["Connection: keep-alive, close"], false],
  [0, ["Connection: keep alive"], false],
  [0, ["Keep-Alive: timeout=5"], false],
];

for (const [minor, fields, persists] of persistence) {
  Deno.test(`HTTP/1.${minor} with ${JSON.stringify(fields)} ${persists ? "goes on" : "ends"}`, () => {
    assert.equal(requestPersists(requestHead(`GET / HTTP/1.${minor}`, ...fields)), persists);
    const head = responseHead(`HTTP/1.${minor} 200 OK`, "Content-Length: 0", ...fields);
    assert.equal(responsePersists(head, "GET"), persists);
  });
}

const responses: [method: string, line: string, fields: string[], persists: boolean][] = [
  ["GET", "HTTP/1.1 200 OK", [], false],
  ["HEAD", "HTTP/1.1 200 OK", [], true],
  ["GET", "HTTP/1.1 204 No", [], true],
  ["GET", "HTTP/1.1 204 No", ["Content-Length: 0"], true],
  ["GET", "HTTP/1.1 204 No", ["Content-Length: 5"], false],
  ["GET", "HTTP/1.1 204 No", ["Transfer-Encoding: chunked"], false],
  ["HEAD", "HTTP/1.1 204 No", ["Content-Length: 5"], false],
  ["GET", "HTTP/1.1 304 No", ["Content-Length: 5"], true],
  ["GET", "HTTP/1.1 200 OK", ["Transfer-Encoding: chunked"], true],
  ["GET", "HTTP/1.1 100 Go on", [], true],
  ["GET", "HTTP/1.1 103 Hints", ["Content-Length: 5"], false],
  ["GET", "HTTP/1.1 101 Now", [], false],
  ["CONNECT", "HTTP/1.1 200 OK", ["Content-Length: 5"], false],
  ["CONNECT", "HTTP/1.1 299 OK", [], false],
  ["CONNECT", "HTTP/1.1 407 Who", ["Content-Length: 5"], true],
];

for (const [method, line, fields, persists] of responses) {
  Deno.test(`after ${method} answered with ${line} and ${JSON.stringify(fields)} it ${persists ? "goes on" : "ends"}`, () => {
    assert.equal(responsePersists(responseHead(line, ...fields), method), persists);
  });
}

Deno.test("a client that waits to be asked for its body is recognised", () => {
  const asks = (line: string, ...fields: string[]): boolean => expectsContinue(requestHead(line, ...fields));
  assert.ok(asks("POST / HTTP/1.1", "Content-Length: 5", "Expect: 100-continue"));
  assert.ok(asks("POST / HTTP/1.1", "Transfer-Encoding: chunked", "expect: 100-Continue"));
  assert.ok(!asks("POST / HTTP/1.1", "Content-Length: 5"));
  assert.ok(!asks("POST / HTTP/1.1", "Content-Length: 5", "Expect:"));
  assert.ok(!asks("POST / HTTP/1.1", "Expect: 100-continue"), "there is no body");
  assert.ok(!asks("POST / HTTP/1.1", "Content-Length: 0", "Expect: 100-continue"), "there is no body");
  assert.ok(!asks("POST / HTTP/1.0", "Content-Length: 5", "Expect: 100-continue"), "HTTP/1.0 has no interim responses");
  for (const value of ["200-ok", "100-continue, x", "100-continue;q=1"]) {
    assert.throws(
      () => asks("POST / HTTP/1.1", "Content-Length: 5", `Expect: ${value}`),
      (error) => error instanceof TransportError && error.code === "protocol" && error.details?.status === 417,
      value,
    );
  }
});

Deno.test("a change of protocol takes both fields, and HTTP/1.1", () => {
  const asks = (line: string, ...fields: string[]): boolean =>
    requestsUpgrade(requestHead(line, ...fields), "websocket");
  assert.ok(asks("GET / HTTP/1.1", "Connection: Upgrade", "Upgrade: websocket"));
  assert.ok(asks("GET / HTTP/1.1", "Connection: keep-alive, Upgrade", "Upgrade: h2c, WebSocket"));
  assert.ok(!asks("GET / HTTP/1.0", "Connection: Upgrade", "Upgrade: websocket"));
  assert.ok(!asks("GET / HTTP/1.1", "Upgrade: websocket"));
  assert.ok(!asks("GET / HTTP/1.1", "Connection: Upgrade"));
  assert.ok(!asks("GET / HTTP/1.1", "Connection: Upgrade", "Upgrade: websockets"));
  assert.ok(!asks("GET / HTTP/1.1", "Connection: Upgrade-Insecure", "Upgrade: websocket"));

  const fields = ["Connection: upgrade", "Upgrade: WebSocket"];
  assert.ok(acceptsUpgrade(responseHead("HTTP/1.1 101 Now", ...fields), "websocket"));
  assert.ok(!acceptsUpgrade(responseHead("HTTP/1.1 200 OK", ...fields), "websocket"));
  assert.ok(!acceptsUpgrade(responseHead("HTTP/1.0 101 Now", ...fields), "websocket"));
  assert.ok(!acceptsUpgrade(responseHead("HTTP/1.1 101 Now", fields[0]), "websocket"));
});

Deno.test("HttpFields keeps the order, joins lines of one name and splits lists", () => {
  const fields = new HttpFields();
  fields.append("vary", "A");
  fields.append("set-cookie", "a=1, b");
  fields.append("vary", " B ,,\tc\t,");
  fields.append("set-cookie", "c=2");
  assert.equal(fields.size, 4);
  assert.equal(fields.get("vary"), "A,  B ,,\tc\t,");
  assert.equal(fields.get("none"), undefined);
  assert.deepEqual(fields.getAll("set-cookie"), ["a=1, b", "c=2"]);
  assert.deepEqual(fields.getAll("none"), []);
  assert.deepEqual(fields.tokens("vary"), ["a", "b", "c"]);
  assert.deepEqual([fields.has("vary"), fields.has("Vary"), fields.has("none")], [true, false, false]);
  assert.deepEqual(["a", "b", "c", "d", ""].map((token) => fields.hasToken("vary", token)), [
    true,
    true,
    true,
    false,
    false,
  ]);
  assert.deepEqual([...fields].map(([name]) => name), ["vary", "set-cookie", "vary", "set-cookie"]);
  assert.deepEqual([fields.nameAt(1), fields.valueAt(1)], ["set-cookie", "a=1, b"]);
  assert.equal(new Headers([...fields]).get("vary"), "A, B ,,\tc\t,", "it goes into the platform's Headers");
});

Deno.test("a list of tokens is split in linear time, and only blanks are taken off", () => {
  const blanks = " ".repeat(1_000_000);
  // Backtracking over the blanks would take hours.
  assert.deepEqual(new HttpFields(["a"], [`x${blanks}y,${blanks}`]).tokens("a"), [`x${blanks}y`]);
  assert.equal(new HttpFields(["connection"], ["\xa0close"]).hasToken("connection", "close"), false);
});
