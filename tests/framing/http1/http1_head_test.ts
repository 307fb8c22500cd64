/**
 * Request and response heads: what is taken, what is refused, and that it does
 * not matter how the bytes arrive.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { RequestHeadDecoder, ResponseHeadDecoder } from "../../../src/framing/http1/http1_head.ts";
import { http1Limits } from "../../../src/framing/http1/http1_limits.ts";
import { Random } from "../../support/random.ts";
import { bytesOf, lines, type Outcome, readEverySplit } from "./http1_harness.ts";

const request = (text: string, limits = {}): Outcome => readEverySplit({ side: "request", limits }, text);
const response = (text: string, limits = {}): Outcome => readEverySplit({ side: "response", limits }, text);

function refused(outcome: Outcome): { code: string; message: string; status: number } {
  assert.ok(outcome.error, `nothing was refused: ${JSON.stringify(outcome)}`);
  const { code, message, details } = outcome.error;
  return { code, message, status: (details as { status: number }).status };
}

function requestHead(text: string): RequestHeadDecoder["head"] {
  const decoder = new RequestHeadDecoder();
  assert.ok(decoder.next(bytesOf(text), 0, text.length), "the head is not whole");
  return decoder.head;
}

Deno.test("a request head is taken apart, its field names in lower case, its values without blanks around", () => {
  const text = lines("GET /a?b=c HTTP/1.1", "Host: example.com:80", "X-One: \t a  b \t", "x-two:", "X-TWO:b,c", "");
  const { method, target, form, authority, path, minor, fields, declaredBody } = requestHead(text);
  assert.deepEqual(
    { method, target, form, authority, path, minor, declaredBody },
    {
      method: "GET",
      target: "/a?b=c",
      form: "origin",
      authority: "example.com:80",
      path: "/a?b=c",
      minor: 1,
      declaredBody: undefined,
    },
  );
  assert.deepEqual([...fields], [["host", "example.com:80"], ["x-one", "a  b"], ["x-two", ""], ["x-two", "b,c"]]);
});

Deno.test("values past ASCII are kept, a character for each byte", () => {
  const head = requestHead("GET / HTTP/1.1\r\nHost: a\r\nX: caf\xe9 \x80\x9f\xff\r\nY: plain\r\n\r\n");
  assert.equal(head.fields.get("x"), "caf\xe9 \x80\x9f\xff");
  assert.equal(head.fields.get("y"), "plain");
  const decoder = new ResponseHeadDecoder();
  const text = "HTTP/1.1 404 pas trouv\xe9\r\nX: a\r\n\r\n";
  decoder.next(bytesOf(text), 0, text.length);
  assert.equal(decoder.head.reason, "pas trouv\xe9");
  const long = "\xe9".repeat(10_000);
  assert.equal(requestHead(`GET / HTTP/1.1\r\nHost: a\r\nX: ${long}\r\n\r\n`).fields.get("x"), long);
});

Deno.test("a response head that is the one before, byte for byte, is not read again; another one is", () => {
  const decoder = new ResponseHeadDecoder();
  const read = (text: string, from = 0) => {
    const bytes = bytesOf(`${" ".repeat(from)}${text}HTTP/1.1`);
    assert.ok(decoder.next(bytes, from, from + text.length));
    assert.equal(decoder.headEnd, from + text.length);
    return decoder.head;
  };
  const text = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nx: 1\r\n\r\n";
  read(text);
  const head = read(text);
  assert.equal(read(text, 7), head);
  assert.equal(read(text.replace("x: 1", "x: 2")).fields.get("x"), "2");
  assert.equal(read(text).fields.get("x"), "1");
  // One that is cut short is not whole, however much of it is the same.
  for (let length = 0; length < text.length; length++) {
    assert.equal(new ResponseHeadDecoder().next(bytesOf(text), 0, length), false);
    assert.equal(decoder.next(bytesOf(text), 0, length), false);
    assert.equal(read(text).status, 200);
  }
});

const targets: [line: string, form: string, authority: string, path: string][] = [
  ["GET / HTTP/1.1", "origin", "h", "/"],
  ["GET //evil.example/a HTTP/1.1", "origin", "h", "//evil.example/a"],
  ["GET /a|b[c]{d}^`\"<>\\'%zz HTTP/1.1", "origin", "h", "/a|b[c]{d}^`\"<>\\'%zz"],
  ["GET http://example.com HTTP/1.1", "absolute", "example.com", "/"],
  ["GET http://example.com?q HTTP/1.1", "absolute", "example.com", "/?q"],
  ["GET HTTPS://example.com:8443/a?b HTTP/1.1", "absolute", "example.com:8443", "/a?b"],
  ["OPTIONS http://example.com HTTP/1.1", "absolute", "example.com", "*"],
  ["OPTIONS * HTTP/1.1", "asterisk", "h", "*"],
  ["CONNECT example.com:443 HTTP/1.1", "authority", "example.com:443", ""],
  ["CONNECT [::1]:443 HTTP/1.1", "authority", "[::1]:443", ""],
  ["M-SEARCH!#$%&'*+.^_`|~9 / HTTP/1.1", "origin", "h", "/"],
  ["GET / HTTP/1.9", "origin", "h", "/"],
];

for (const [line, form, authority, path] of targets) {
  Deno.test(`taken: ${line}`, () => {
    const text = lines(line, "Host: h", "");
    assert.equal(request(text).messages.length, 1);
    const head = requestHead(text);
    assert.deepEqual([head.form, head.authority, head.path], [form, authority, path]);
  });
}

const badLines: [line: string, status: number, why: RegExp][] = [
  ["GET /", 400, /without a version/],
  ["GET", 400, /without a target/],
  [" GET / HTTP/1.1", 400, /no method at byte 0/],
  ["GET  / HTTP/1.1", 400, /no request target at byte 4/],
  ["GET\t/ HTTP/1.1", 400, /a tab in the method/],
  ["GET /\tHTTP/1.1", 400, /a tab in the request target/],
  ["GET /  HTTP/1.1", 400, /malformed version or a space too many/],
  ["GET / HTTP/1.1 ", 400, /a space too many/],
  ["GET /a b HTTP/1.1", 400, /a space too many at byte 7/],
  ["GET / HTTP/1.1 HTTP/1.1", 400, /a space too many/],
  ["G@T / HTTP/1.1", 400, /"@" in the method/],
  ["GET:/ / HTTP/1.1", 400, /":" in the method/],
  ["G\xc9T / HTTP/1.1", 400, /the byte 0xc9 in the method/],
  ["G\0T / HTTP/1.1", 400, /a NUL in the first line at byte 1/],
  ["GET /\x7f HTTP/1.1", 400, /0x7f in the first line/],
  ["GET /caf\xe9 HTTP/1.1", 400, /0xe9 in the request target/],
  ["GET /#top HTTP/1.1", 400, /"#" in the request target at byte 5/],
  ["GET a HTTP/1.1", 400, /a target that GET can not have/],
  ["GET * HTTP/1.1", 400, /a target that GET can not have/],
  ["GET ?a HTTP/1.1", 400, /can not have/],
  ["GET example.com:443 HTTP/1.1", 400, /can not have/],
  ["GET http:///a HTTP/1.1", 400, /can not have/],
  ["GET http:/a HTTP/1.1", 400, /can not have/],
  ["GET http://user@example.com/ HTTP/1.1", 400, /can not have/],
  ["GET http://user:pw@example.com/ HTTP/1.1", 400, /can not have/],
  ["GET http://a,b/ HTTP/1.1", 400, /can not have/],
  ["GET http://a\\b/ HTTP/1.1", 400, /can not have/],
  ["GET http://a:b/ HTTP/1.1", 400, /can not have/],
  ["GET ftp://example.com/ HTTP/1.1", 400, /can not have/],
  ["GET javascript:alert(1) HTTP/1.1", 400, /can not have/],
  ["CONNECT / HTTP/1.1", 400, /CONNECT can not have/],
  ["CONNECT example.com HTTP/1.1", 400, /CONNECT can not have/],
  ["CONNECT example.com: HTTP/1.1", 400, /CONNECT can not have/],
  ["CONNECT example.com:65536 HTTP/1.1", 400, /CONNECT can not have/],
  ["CONNECT http://example.com:80/ HTTP/1.1", 400, /CONNECT can not have/],
  ["CONNECT * HTTP/1.1", 400, /CONNECT can not have/],
  ["GET / http/1.1", 400, /malformed version/],
  ["GET / HTTP/1", 400, /malformed version/],
  ["GET / HTTP/1.", 400, /malformed version/],
  ["GET / HTTP/1.10", 400, /malformed version/],
  ["GET / HTTP/11.1", 400, /malformed version/],
  ["GET / HTTP/1,1", 400, /malformed version/],
  ["GET / HTTP/+1.1", 400, /malformed version/],
  ["GET / HTTP/1.x", 400, /malformed version/],
  ["GET / ICY/1.1x", 400, /malformed version/],
  ["GET / HTTQ/1.1", 400, /malformed version/],
  ["GET / HTTP/2.0", 505, /version 2\.0/],
  ["GET / HTTP/0.9", 505, /version 0\.9/],
  ["PRI * HTTP/2.0", 505, /version 2\.0/],
];

for (const [line, status, why] of badLines) {
  Deno.test(`refused: ${JSON.stringify(line)}`, () => {
    const error = refused(request(lines(line, "Host: h", "")));
    assert.deepEqual([error.code, error.status], ["protocol", status], error.message);
    assert.match(error.message, why);
    assert.match(error.message, /^Request head refused: /);
  });
}

/** Field lines that no request may have behind a proper first line and a Host. */
const badFields: [fields: string, status: number, why: RegExp][] = [
  // Spaces where none may be, and folded lines.
  ["Transfer-Encoding : chunked\r\n", 400, /a space in a field name at byte/],
  ["Transfer-Encoding\t: chunked\r\n", 400, /a tab in a field name/],
  ["Transfer Encoding: chunked\r\n", 400, /a space in a field name/],
  [" Transfer-Encoding: chunked\r\n", 400, /a folded field line/],
  ["\tTransfer-Encoding: chunked\r\n", 400, /a folded field line/],
  ["X: a\r\n b\r\n", 400, /a folded field line/],
  ["Transfer-Encoding:\r\n chunked\r\n", 400, /a folded field line/],
  ["X: a\r\n\tTransfer-Encoding: chunked\r\n", 400, /a folded field line/],
  // Line ends.
  ["X: a\nTransfer-Encoding: chunked\r\n", 400, /a bare line feed at byte/],
  ["X: a\rTransfer-Encoding: chunked\r\n", 400, /a bare carriage return at byte/],
  ["X: a\r\r\n", 400, /a bare carriage return/],
  ["X: a\n\n", 400, /a bare line feed/],
  ["X\n: a\r\n", 400, /a bare line feed/],
  ["X\r\n: a\r\n", 400, /a field line without a colon/],
  ["\nX: a\r\n", 400, /a bare line feed/],
  ["\rX: a\r\n", 400, /a bare carriage return/],
  // Names and values.
  [": a\r\n", 400, /an empty field name/],
  ["X\r\n", 400, /without a colon/],
  ["X@: a\r\n", 400, /"@" in a field name/],
  ["X(a): b\r\n", 400, /"\(" in a field name/],
  ["X\0: a\r\n", 400, /a NUL in a field name/],
  ["X\x80: a\r\n", 400, /0x80 in a field name/],
  ["Transfer-Encoding\xa0: chunked\r\n", 400, /0xa0 in a field name/],
  ["\x0bX: a\r\n", 400, /0x0b in a field name/],
  ["X: a\0b\r\n", 400, /a NUL in a field value/],
  ["X: a\x0bb\r\n", 400, /0x0b in a field value/],
  ["X: a\x7f\r\n", 400, /0x7f in a field value/],
  ["X: \x1b[2J\r\n", 400, /0x1b in a field value/],
  // Lengths.
  ["Content-Length: 5\r\nContent-Length: 5\r\n", 400, /a second content-length field/],
  ["Content-Length: 5\r\nCONTENT-LENGTH: 6\r\n", 400, /a second content-length field/],
  ["Content-Length: 5, 5\r\n", 400, /a Content-Length that is not a number/],
  ["Content-Length: 5,6\r\n", 400, /not a number/],
  ["Content-Length: +5\r\n", 400, /not a number/],
  ["Content-Length: -5\r\n", 400, /not a number/],
  ["Content-Length: -0\r\n", 400, /not a number/],
  ["Content-Length: 0x5\r\n", 400, /not a number/],
  ["Content-Length: 5.0\r\n", 400, /not a number/],
  ["Content-Length: 5e0\r\n", 400, /not a number/],
  ["Content-Length: 5 5\r\n", 400, /not a number/],
  ["Content-Length: 1_0\r\n", 400, /not a number/],
  ['Content-Length: "5"\r\n', 400, /not a number/],
  ["Content-Length: five\r\n", 400, /not a number/],
  ["Content-Length: \xb2\r\n", 400, /not a number/],
  ["Content-Length:\r\n", 400, /not a number/],
  ["Content-Length: 9007199254740992\r\n", 413, /too large to count/],
  ["Content-Length: 18446744073709551621\r\n", 413, /too large to count/],
  [`Content-Length: ${"9".repeat(400)}\r\n`, 413, /too large to count/],
  // Codings.
  ["Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", 400, /both Content-Length and Transfer-Encoding/],
  ["Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", 400, /both/],
  ["Transfer-Encoding: identity\r\nContent-Length: 5\r\n", 400, /both/],
  ["Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", 400, /both/],
  ["Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400, /a second transfer-encoding field/],
  ["Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", 400, /a second transfer-encoding field/],
  ["Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n", 400, /a second transfer-encoding field/],
  ["Transfer-Encoding: xchunked\r\n", 400, /other than chunked/],
  ["Transfer-Encoding: chunkedx\r\n", 400, /other than chunked/],
  ["Transfer-Encoding: chunked, identity\r\n", 400, /other than chunked/],
  ["Transfer-Encoding: chunked, chunked\r\n", 400, /other than chunked/],
  ["Transfer-Encoding: chunked,\r\n", 400, /other than chunked/],
  ["Transfer-Encoding: , chunked\r\n", 400, /other than chunked/],
  ["Transfer-Encoding: chunked;q=1\r\n", 400, /other than chunked/],
  ["Transfer-Encoding: chunked chunked\r\n", 400, /other than chunked/],
  ['Transfer-Encoding: "chunked"\r\n', 400, /other than chunked/],
  ["Transfer-Encoding: 'chunked'\r\n", 400, /other than chunked/],
  ["Transfer-Encoding: chun\tked\r\n", 400, /other than chunked/],
  ["Transfer-Encoding: chunk\r\n", 400, /other than chunked/],
  ["Transfer-Encoding: \xa0chunked\r\n", 400, /other than chunked/],
  ["Transfer-Encoding: \x0bchunked\r\n", 400, /0x0b in a field value/],
  ["Transfer-Encoding: chunked\0\r\n", 400, /a NUL in a field value/],
  ["Transfer-Encoding:\r\n", 400, /other than chunked/],
  ["Transfer-Encoding: identity\r\n", 400, /other than chunked/],
  ["Transfer-Encoding: gzip\r\n", 400, /other than chunked/],
  ["Transfer-Encoding: gzip, chunked\r\n", 501, /other than chunked/],
  ["Transfer-Encoding: gzip ,\tChunked\r\n", 501, /other than chunked/],
  // Fields that may be there once.
  ["Host: h\r\n", 400, /a second host field/],
  ["HOST: other\r\n", 400, /a second host field/],
  ["Authorization: a\r\nAuthorization: a\r\n", 400, /a second authorization field/],
  ["Content-Type: a/b\r\nContent-Type: a/b\r\n", 400, /a second content-type field/],
  ["Sec-WebSocket-Key: a\r\nsec-websocket-key: b\r\n", 400, /a second sec-websocket-key field/],
  ["Sec-WebSocket-Version: 13\r\nSec-WebSocket-Version: 8\r\n", 400, /a second sec-websocket-version field/],
];

for (const [fields, status, why] of badFields) {
  Deno.test(`refused: ${JSON.stringify(fields).slice(0, 120)}`, () => {
    const error = refused(request(`POST / HTTP/1.1\r\nHost: h\r\n${fields}\r\nSMUGGLED`));
    assert.deepEqual([error.code, error.status], ["protocol", status], error.message);
    assert.match(error.message, why);
    // The same right behind the first line.
    if (/^[^H]/.test(fields)) {
      const early = refused(request(`POST / HTTP/1.1\r\n${fields}Host: h\r\n\r\nSMUGGLED`));
      assert.deepEqual([early.code, early.status], ["protocol", status], early.message);
    }
    // A response is no better for it, but for what only requests may have once.
    if (/a second (host|authorization|sec-websocket)/.test(error.message)) return;
    const answer = refused(response(`HTTP/1.1 200 OK\r\nServer: s\r\n${fields}\r\nSMUGGLED`));
    assert.deepEqual([answer.code, answer.status], ["protocol", 502], answer.message);
    assert.match(answer.message, why);
    assert.match(answer.message, /^Response head refused: /);
  });
}

const hosts: [host: string, taken: boolean][] = [
  ["example.com", true],
  ["example.com:8080", true],
  ["example.com:", true],
  ["a_b-c.d~e", true],
  ["127.0.0.1:0", true],
  ["[::1]", true],
  ["[::ffff:1.2.3.4]:65535", true],
  ["ex%41mple", true],
  ["", false],
  [":80", false],
  ["a b", false],
  ["a, b", false],
  ["a,b", false],
  ["a/b", false],
  ["a?b", false],
  ["user@a", false],
  ["a:b", false],
  ["a:80:80", false],
  ["a:65536", false],
  ["a:000080", false],
  ["a:-1", false],
  ["a%4", false],
  ["a%zz", false],
  ["[::1", false],
  ["[]", false],
  ["[::1]a", false],
  ["[fe80::1%25eth0]", false],
  ["::1", false],
  ["caf\xe9", false],
  ["http://a", false],
];

Deno.test("a Host field is a host", async (t) => {
  for (const [host, taken] of hosts) {
    await t.step(`${taken ? "taken" : "refused"}: ${JSON.stringify(host)}`, () => {
      const outcome = request(lines("GET / HTTP/1.1", `Host: ${host}`, ""));
      if (taken) assert.equal(outcome.messages.length, 1, outcome.error?.message);
      else assert.match(refused(outcome).message, /a Host field that is not a host/);
    });
  }
});

Deno.test("HTTP/1.1 needs a Host field, whatever the target says; HTTP/1.0 does not", () => {
  assert.match(refused(request(lines("GET / HTTP/1.1", ""))).message, /no Host field/);
  assert.match(refused(request(lines("GET http://a/ HTTP/1.1", "X: y", ""))).message, /no Host field/);
  assert.equal(request(lines("GET / HTTP/1.0", "")).messages.length, 1);
  assert.equal(requestHead(lines("GET / HTTP/1.0", "")).authority, undefined);
  assert.match(refused(request(lines("GET / HTTP/1.0", "Host: a", "Host: a", ""))).message, /a second host/);
  assert.match(refused(request(lines("GET / HTTP/1.0", "Host: a b", ""))).message, /not a host/);
});

Deno.test("a target that names its host overrules the Host field", () => {
  const head = requestHead(lines("GET http://target/ HTTP/1.1", "Host: field", ""));
  assert.equal(head.authority, "target");
});

Deno.test("HTTP/1.0 knows no chunks", () => {
  for (const ask of [request, response]) {
    const first = ask === request ? "POST / HTTP/1.0" : "HTTP/1.0 200 OK";
    const error = refused(ask(lines(first, "Transfer-Encoding: chunked", "")));
    assert.match(error.message, /Transfer-Encoding in HTTP\/1\.0/);
  }
});

Deno.test("CONNECT has no body", () => {
  for (const field of ["Content-Length: 5", "Transfer-Encoding: chunked"]) {
    const error = refused(request(lines("CONNECT a:1 HTTP/1.1", "Host: a:1", field, "")));
    assert.match(error.message, /CONNECT with a body/);
  }
  assert.equal(request(lines("CONNECT a:1 HTTP/1.1", "Host: a:1", "Content-Length: 0", "")).messages.length, 1);
});

Deno.test("one empty line before a request is skipped, a second one is not, and none before a response", () => {
  const text = lines("GET / HTTP/1.1", "Host: h", "");
  assert.deepEqual(request(`\r\n${text}\r\n${text}`).messages.map(({ line }) => line), ["GET / 1", "GET / 1"]);
  assert.match(refused(request(`\r\n\r\n${text}`)).message, /an empty line before the request line at byte 2/);
  assert.match(refused(request(`\n${text}`)).message, /a bare line feed in the first line at byte 0/);
  assert.match(refused(request(`\r${text}`)).message, /a bare carriage return in the first line at byte 0/);
  assert.match(refused(request(`\r\n\n${text}`)).message, /a bare line feed in the first line at byte 2/);
  assert.equal(refused(response(`\r\n${lines("HTTP/1.1 200 OK", "")}`)).code, "protocol");
});

Deno.test("lines that end with a bare line feed are refused as soon as one is there", () => {
  assert.match(refused(request("GET / HTTP/1.1\n")).message, /a bare line feed in the first line at byte 14/);
  assert.match(refused(response("HTTP/1.1 200 OK\n")).message, /a bare line feed in the first line at byte 15/);
  assert.match(refused(request("GET / HTTP/1.1\r\nHost: h\n")).message, /a bare line feed at byte 23/);
  assert.match(refused(request("GET / HTTP/1.1\r\nHost: h\r\n\n")).message, /a bare line feed at byte 25/);
});

Deno.test("a TLS handshake is recognised", () => {
  assert.match(refused(request("\x16\x03\x01\x02\x00")).message, /looks like a TLS handshake/);
});

const statusLines: [line: string, read: string][] = [
  ["HTTP/1.1 200 OK", "1 200 OK"],
  ["HTTP/1.1 200 ", "1 200"],
  ["HTTP/1.1 200", "1 200"],
  ["HTTP/1.0 404 Not \tFound at all", "0 404 Not \tFound at all"],
  ["HTTP/1.1 999 ", "1 999"],
  ["HTTP/1.2 200 OK", "1 200 OK"],
];

for (const [line, read] of statusLines) {
  Deno.test(`taken: ${JSON.stringify(line)}`, () => {
    const outcome = response(lines(line, "Content-Length: 0", ""));
    assert.deepEqual(outcome.messages.map((message) => message.line), [read], outcome.error?.message);
  });
}

const badStatusLines = [
  "",
  "HTTP",
  "HTTP/1.1",
  "HTTP/1.1 ",
  "HTTP/1.1 2",
  "HTTP/1.1 20",
  "HTTP/1.1 20x OK",
  "HTTP/1.1 2000 OK",
  "HTTP/1.1 099 Low",
  "HTTP/1.1 -20 OK",
  "HTTP/1.1  200 OK",
  "HTTP/1.1\t200 OK",
  "HTTP/1.1 200\tOK",
  "HTTP/1.1 OK",
  "HTTP/1.1200 OK",
  "http/1.1 200 OK",
  "HTTP/1.1x 200 OK",
  "HTTP/2.0 200 OK",
  "HTTP/2 200",
  "ICY 200 OK",
  " HTTP/1.1 200 OK",
  "HTTP/1.1 200 a\0b",
  "HTTP/1.1 200 a\rb",
  "HTTP/1.1 200 a\x7fb",
  "GET / HTTP/1.1",
];

for (const line of badStatusLines) {
  Deno.test(`refused as a status line: ${JSON.stringify(line)}`, () => {
    const error = refused(response(lines(line, "Content-Length: 0", "")));
    assert.deepEqual([error.code, error.status], ["protocol", 502], error.message);
  });
}

Deno.test("a response may repeat what harms nobody, not what says where to go or how long it is", () => {
  const fields = ["Server: a", "Server: b", "Date: x", "Date: x", "Set-Cookie: a=1", "Set-Cookie: b=2"];
  assert.equal(response(lines("HTTP/1.1 204 ", ...fields, "")).messages.length, 1);
  for (const name of ["Location", "Content-Type", "Sec-WebSocket-Accept"]) {
    const error = refused(response(lines("HTTP/1.1 204 ", `${name}: a`, `${name}: a`, "")));
    assert.match(error.message, new RegExp(`a second ${name.toLowerCase()} field`));
  }
});

Deno.test("a head of exactly the limit is taken, one byte more is refused, before it has all arrived", () => {
  const sized = (size: number): string => {
    const text = lines("GET / HTTP/1.1", "Host: h", "X: ", "");
    return text.replace("X: ", `X: ${"a".repeat(size - text.length)}`);
  };
  assert.equal(sized(200).length, 200);
  assert.equal(request(sized(200), { maxHeadBytes: 200 }).messages.length, 1);
  const error = refused(request(sized(201), { maxHeadBytes: 200 }));
  assert.deepEqual([error.code, error.status], ["protocol", 431]);
  assert.equal(error.message, "Request head refused: the head has more than 200 bytes");
  assert.equal(refused(request(sized(201).slice(0, 200), { maxHeadBytes: 200 })).status, 431);
  assert.equal(request(sized(201).slice(0, 199), { maxHeadBytes: 200 }).error, undefined);
  assert.equal(request(`\r\n${sized(200)}`, { maxHeadBytes: 200 }).error?.code, "protocol");
  assert.equal(request(sized(16_384)).messages.length, 1);
  assert.equal(refused(request(sized(16_385))).status, 431);
});

Deno.test("a first line that is too long has a status of its own", () => {
  const error = refused(request(`GET /${"a".repeat(200)}`, { maxHeadBytes: 100 }));
  assert.equal(error.status, 414);
  assert.equal(error.message, "Request head refused: the first line has more than 100 bytes");
  assert.equal(refused(response(`HTTP/1.1 200 ${"a".repeat(200)}`, { maxHeadBytes: 100 })).status, 502);
});

Deno.test("as many field lines as the limit are taken, one more is refused", () => {
  const many = (count: number): string =>
    lines("GET / HTTP/1.1", "Host: h", ...Array.from({ length: count - 1 }, (_, i) => `x-${i}: ${i}`), "");
  assert.equal(request(many(100)).messages[0].fields.length, 100);
  const error = refused(request(many(101)));
  assert.equal(error.status, 431);
  assert.match(error.message, /more than 100 field lines at byte/);
  assert.equal(refused(request(many(4), { maxFields: 3 })).status, 431);
  assert.equal(request(many(3), { maxFields: 3 }).messages.length, 1);
});

Deno.test("a head that trickles in is not read over and over", () => {
  const bytes = bytesOf(lines("GET / HTTP/1.1", "Host: h", `Cookie: ${"c".repeat(1_000_000)}`, ""));
  const decoder = new RequestHeadDecoder(http1Limits({ maxHeadBytes: 2_000_000 }));
  // Reading it over each time would take minutes.
  for (let end = 1; end < bytes.length; end++) assert.equal(decoder.next(bytes, 0, end), false);
  assert.equal(decoder.next(bytes, 0, bytes.length), true);
});

Deno.test("names that are met often are told apart from those that look like them", () => {
  const names = [
    "content-lengtg",
    "content-lengthh",
    "kontent-length",
    "content_length",
    "hOST-",
    "h0st",
    "xhost",
    "te",
  ];
  const { fields } = requestHead(lines("GET / HTTP/1.1", "hOsT: h", ...names.map((name) => `${name}: 5`), ""));
  assert.deepEqual([...fields].map(([name]) => name), ["host", ...names.map((name) => name.toLowerCase())]);
});

Deno.test("a name that begins like one with rules is another name", () => {
  const random = new Random(7);
  for (let i = 0; i < 5000; i++) {
    const begin = random.pick(["host", "content-length", "transfer-encoding", "te"]);
    const rest = Array.from({ length: 1 + random.below(40) }, () => random.pick([..."abcdefgh-xyz0123456789"])).join(
      "",
    );
    const name = `${begin}${rest}`;
    assert.deepEqual([...requestHead(lines("GET / HTTP/1.1", `${name}: 5`, "Host: h", "")).fields], [
      [name, "5"],
      ["host", "h"],
    ]);
  }
});

Deno.test("limits that are not allowed are refused, naming them", () => {
  const invalid = (options: object): RegExp | string => {
    try {
      http1Limits(options, "websocket()");
    } catch (error) {
      return (error as Error).message;
    }
    return "nothing was refused";
  };
  assert.match(String(invalid({ maxHeadBytes: 1 })), /^Cannot use websocket\(\): option maxHeadBytes is 1, allowed is/);
  assert.match(String(invalid({ maxFields: 0 })), /option maxFields/);
  assert.match(String(invalid({ maxBodyBytes: -1 })), /option maxBodyBytes/);
  assert.match(String(invalid({ maxBodyBytes: 1.5 })), /option maxBodyBytes/);
  assert.match(String(invalid({ maxExtensionBytes: NaN })), /option maxExtensionBytes/);
  assert.match(String(invalid({ maxHeaderBytes: 1 })), /no option "maxHeaderBytes"/);
  assert.equal(http1Limits({ maxBodyBytes: 0 }).maxBodyBytes, 0);
});
