/**
 * Bodies: which one a message has, where it ends, and what is refused.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { TransportError } from "../../../src/core/errors.ts";
import { bodyDecoder } from "../../../src/framing/http1/http1_body.ts";
import { http1Limits } from "../../../src/framing/http1/http1_limits.ts";
import { bytesOf, lines, type Outcome, readEverySplit, type Reading } from "./http1_harness.ts";

const get = lines("GET /next HTTP/1.1", "Host: h", "");
const post = (...fields: string[]): string => lines("POST / HTTP/1.1", "Host: h", ...fields, "");
const chunkedPost = post("Transfer-Encoding: chunked");

function request(text: string, more: Partial<Reading> = {}): Outcome {
  return readEverySplit({ side: "request", ...more }, text);
}

function response(method: string, text: string, more: Partial<Reading> = {}): Outcome {
  return readEverySplit({ side: "response", methods: [method], ...more }, text);
}

function refused(outcome: Outcome): { code: string; message: string; status: number } {
  assert.ok(outcome.error, `nothing was refused: ${JSON.stringify(outcome)}`);
  const { code, message, details } = outcome.error;
  return { code, message, status: (details as { status: number } | undefined)?.status ?? 0 };
}

const bodies = (outcome: Outcome): string[] => {
  assert.equal(outcome.error, undefined, outcome.error?.message);
  return outcome.messages.map(({ line, body }) => `${line}: ${body}`);
};

Deno.test("a request without length and coding has no body, whatever its method", () => {
  for (const method of ["GET", "POST", "PUT", "DELETE"]) {
    const outcome = request(`${lines(`${method} / HTTP/1.1`, "Host: h", "")}${get}`);
    assert.deepEqual(bodies(outcome), [`${method} / 1: `, "GET /next 1: "]);
  }
});

Deno.test("a body of a known length ends there, and the next request begins", () => {
  assert.deepEqual(bodies(request(`${post("Content-Length: 5")}hello${get}`)), ["POST / 1: hello", "GET /next 1: "]);
  assert.deepEqual(bodies(request(`${post("Content-Length: 0")}${get}`)), ["POST / 1: ", "GET /next 1: "]);
  assert.deepEqual(bodies(request(`${post("Content-Length: 0005")}hello${get}`)), ["POST / 1: hello", "GET /next 1: "]);
  // A body that looks like a request is a body (CL.0).
  const inner = get;
  const outcome = request(`${lines("GET / HTTP/1.1", "Host: h", `Content-Length: ${inner.length}`, "")}${inner}${get}`);
  assert.deepEqual(bodies(outcome), [`GET / 1: ${inner}`, "GET /next 1: "]);
});

const chunked: [wire: string, body: string][] = [
  ["0\r\n\r\n", ""],
  ["5\r\nhello\r\n0\r\n\r\n", "hello"],
  ["3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", "hello"],
  ["A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789"],
  ["005\r\nhello\r\n000\r\n\r\n", "hello"],
  ["00000000000005\r\nhello\r\n0\r\n\r\n", "hello"],
  ["5;a\r\nhello\r\n0;b=c\r\n\r\n", "hello"],
  ['5; a = "\xe9; b" ;c\t\r\nhello\r\n0\r\n\r\n', "hello"],
  ["2\r\n\r\n\r\n0\r\n\r\n", "\r\n"],
  ["5\r\n0\r\n\r\n\r\n0\r\n\r\n", "0\r\n\r\n"],
];

for (const [wire, body] of chunked) {
  Deno.test(`chunks: ${JSON.stringify(wire)}`, () => {
    assert.deepEqual(bodies(request(`${chunkedPost}${wire}${get}`)), [`POST / 1: ${body}`, "GET /next 1: "]);
    const answer = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${wire}`;
    assert.deepEqual(bodies(response("GET", `${answer}${answer}`)), [`1 200 OK: ${body}`, `1 200 OK: ${body}`]);
  });
}

Deno.test("a coding is told in any case, with blanks around it", () => {
  for (const field of ["Transfer-Encoding: Chunked", "transfer-encoding:\tCHUNKED \t", "TRANSFER-ENCODING:chunked"]) {
    const outcome = request(`${post(field)}5\r\nhello\r\n0\r\n\r\n${get}`);
    assert.deepEqual(bodies(outcome), ["POST / 1: hello", "GET /next 1: "]);
  }
});

const badChunks: [wire: string, why: RegExp][] = [
  // Sizes that are read differently by different readers.
  ["fffffffffffffffff\r\n", /a chunk size too large to count/],
  ["ffffffffffffffff\r\n", /too large to count/],
  ["FFFFFFFFFFFFFF\r\n", /too large to count/],
  ["10000000000000005\r\nhello\r\n", /too large to count/],
  ["20000000000000\r\n", /too large to count/],
  ["000000000000000\r\n\r\n", /too large to count/],
  ["-1\r\n", /"-" instead of a chunk size/],
  ["-0\r\n\r\n", /"-" instead/],
  ["+5\r\nhello\r\n", /"\+" instead/],
  ["0x5\r\nhello\r\n", /"x" in a chunk size/],
  ["5h\r\nhello\r\n", /"h" in a chunk size/],
  ["5.0\r\nhello\r\n", /"\." in a chunk size/],
  ["5_0\r\nhello\r\n", /"_" in a chunk size/],
  ["5,5\r\nhello\r\n", /"," in a chunk size/],
  ["g\r\nhello\r\n", /"g" instead/],
  ["\r\nhello\r\n", /a bare carriage return instead/],
  ["\r\n5\r\nhello\r\n", /a bare carriage return instead/],
  [";a\r\nhello\r\n", /";" instead/],
  ["\xb2\r\n", /0xb2 instead/],
  ["\x005\r\nhello\r\n", /a NUL instead/],
  ["5\0\r\nhello\r\n", /a NUL in a chunk size/],
  // Blanks around sizes.
  [" 5\r\nhello\r\n", /a space instead/],
  ["\t5\r\nhello\r\n", /a tab instead/],
  ["5 \r\nhello\r\n", /a space in a chunk size/],
  ["5\t\r\nhello\r\n", /a tab in a chunk size/],
  ["5 ;a\r\nhello\r\n", /a space in a chunk size/],
  ["5 5\r\nhello\r\n", /a space in a chunk size/],
  ["5\x0b\r\nhello\r\n", /0x0b in a chunk size/],
  // Line ends.
  ["5\nhello\r\n", /a bare line feed in a chunk size/],
  ["5\rhello\r\n", /a bare carriage return/],
  ["5\r\rhello\r\n", /a bare carriage return/],
  ["5;a\nhello\r\n", /a bare line feed in a chunk extension/],
  ["5;\nxx\r\n4c\r\n0\r\n\r\nGET /admin", /a bare line feed in a chunk extension/],
  ["5;a\rb\r\nhello\r\n", /a bare carriage return/],
  ['5;"a\nb"\r\nhello\r\n', /a bare line feed in a chunk extension/],
  ["5;a\0\r\nhello\r\n", /a NUL in a chunk extension/],
  ["5;a\x7f\r\nhello\r\n", /0x7f in a chunk extension/],
  ["5\r\nhello\n0\r\n\r\n", /a bare line feed behind the data/],
  ["5\r\nhello\r0\r\n\r\n", /a bare carriage return/],
  ["5\r\nhello\rX0\r\n\r\n", /a bare carriage return at byte 8/],
  ["5\rXhello\r\n0\r\n\r\n", /a bare carriage return at byte 1/],
  ["5\r\nhello0\r\n\r\n", /"0" behind the data of a chunk at byte 8/],
  ["5\r\nhello!\r\n0\r\n\r\n", /"!" behind the data/],
  ["5\r\nhell\r\n0\r\n\r\n", /a bare line feed behind the data of a chunk at byte 8/],
  ["5\r\nhelloXX0\r\n\r\n", /"X" behind the data/],
  ["0\n\r\n", /a bare line feed in a chunk size/],
  ["0\r\n\n", /a bare line feed/],
  ["0\r\n\rX", /a bare carriage return/],
  // Trailers.
  ["0\r\n x: y\r\n\r\n", /a folded field line/],
  ["0\r\nx : y\r\n\r\n", /a space in a field name/],
  ["0\r\nx: y\n\r\n", /a bare line feed/],
  ["0\r\nx\r\n\r\n", /without a colon/],
  ["0\r\nx: \0\r\n\r\n", /a NUL in a field value/],
  ["0\r\nGET / HTTP/1.1\r\n\r\n", /a space in a field name/],
];

for (const [wire, why] of badChunks) {
  Deno.test(`refused: ${JSON.stringify(wire)}`, () => {
    const error = refused(request(`${chunkedPost}${wire}`));
    assert.deepEqual([error.code, error.status], ["protocol", 400], error.message);
    assert.match(error.message, why);
    assert.match(error.message, /^Request (body|trailers) refused: .* at byte \d+$/);
    // The same behind a chunk.
    const later = refused(request(`${chunkedPost}3\r\nabc\r\n${wire}`));
    assert.match(later.message, why.source.includes("at byte") ? /./ : why);
    const answer = refused(response("GET", `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${wire}`));
    assert.equal(answer.status, 502);
  });
}

Deno.test("an error in a later chunk says where it is, however the bytes arrived", () => {
  const error = refused(request(`${chunkedPost}5\r\nhello\r\n3 \r\n`));
  assert.equal(error.message, "Request body refused: a space in a chunk size at byte 11");
});

Deno.test("extensions are bounded by the data they come with, and a little more", () => {
  const limits = { maxExtensionBytes: 10 };
  const ext = (size: number, length: number): string =>
    `${size.toString(16)};${"e".repeat(length)}\r\n${"d".repeat(size)}\r\n`;
  const end = "0\r\n\r\n";
  const taken = (wire: string): boolean => request(`${chunkedPost}${wire}`, { limits }).error === undefined;
  assert.ok(taken(`${ext(1, 10)}${end}`));
  assert.ok(!taken(`${ext(1, 11)}${end}`));
  assert.ok(!taken(`5;${"e".repeat(11)}`), "refused before the line has ended");
  assert.ok(taken(`${ext(5, 8)}${ext(5, 7)}${end}`), "3 beyond the data, and 7 more");
  assert.ok(!taken(`${ext(5, 8)}${ext(5, 8)}${end}`));
  assert.ok(taken(`${ext(10, 10).repeat(50)}${end}`), "as many as there is data");
  assert.ok(!taken(`${ext(1, 5).repeat(3)}${end}`), "a trickle of data in much else");
  assert.match(
    refused(request(`${chunkedPost}${ext(1, 11)}`, { limits })).message,
    /chunk extensions of more than 10 bytes beyond the data at byte/,
  );
  assert.equal(refused(request(`${chunkedPost}5;${"e".repeat(1100)}`)).status, 400);
});

Deno.test("trailers are kept apart from the fields, and those that may not be there are left out", () => {
  const outcome = request(
    `${chunkedPost}5\r\nhello\r\n0\r\nX-Sum: \t1 \r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\nHost: evil\r\n` +
      `Authorization: a\r\nAuthorization: b\r\nSet-Cookie: a\r\nSec-WebSocket-Key: k\r\nX-Forwarded-For: 1.2.3.4\r\n` +
      `Connection: close\r\nContent-Type: a/b\r\nserver-timing: db;dur=\xe9\r\n\r\n${get}`,
  );
  assert.deepEqual(bodies(outcome), ["POST / 1: hello", "GET /next 1: "]);
  assert.deepEqual(outcome.messages[0].trailers, [["x-sum", "1"], ["server-timing", "db;dur=\xe9"]]);
  assert.deepEqual(outcome.messages[0].fields, [["host", "h"], ["transfer-encoding", "chunked"]]);
  assert.equal(outcome.messages[1].trailers, undefined);
  assert.deepEqual(request(`${chunkedPost}0\r\nHost: evil\r\n\r\n`).messages[0].trailers, undefined);
});

Deno.test("trailers have the limits of a head", () => {
  const limits = { maxHeadBytes: 100, maxFields: 3 };
  const taken = (trailers: string): Outcome => request(`${chunkedPost}0\r\n${trailers}`, { limits });
  assert.equal(taken(`x: ${"a".repeat(93)}\r\n\r\n`).messages.length, 1, "100 bytes");
  assert.equal(refused(taken(`x: ${"a".repeat(94)}\r\n\r\n`)).status, 431);
  assert.equal(refused(taken(`x: ${"a".repeat(97)}`)).status, 431, "refused before it has ended");
  assert.equal(taken("a: 1\r\nb: 1\r\nc: 1\r\n\r\n").messages[0].trailers?.length, 3);
  assert.equal(refused(taken("a: 1\r\nb: 1\r\nc: 1\r\nd: 1\r\n\r\n")).status, 431);
});

Deno.test("a body over the limit is refused as soon as that is known", () => {
  const limits = { maxBodyBytes: 5 };
  assert.deepEqual(bodies(request(`${post("Content-Length: 5")}hello`, { limits })), ["POST / 1: hello"]);
  const fixed = refused(request(post("Content-Length: 6"), { limits }));
  assert.deepEqual([fixed.code, fixed.status], ["message-too-large", 413]);
  assert.equal(fixed.message, "Request body refused: more than 5 bytes");
  const chunks = `${chunkedPost}3\r\nabc\r\n`;
  assert.deepEqual(bodies(request(`${chunks}2\r\nde\r\n0\r\n\r\n`, { limits })), ["POST / 1: abcde"]);
  assert.equal(refused(request(`${chunks}3`, { limits })).code, "message-too-large");
  assert.equal(refused(request(`${chunkedPost}ffffff`, { limits })).code, "message-too-large");
  const close = "HTTP/1.1 200 OK\r\n\r\n";
  assert.deepEqual(bodies(response("GET", `${close}hello`, { limits, ends: true })), ["1 200 OK: hello"]);
  const answer = refused(response("GET", `${close}hello!`, { limits, ends: true }));
  assert.deepEqual([answer.code, answer.status], ["message-too-large", 502]);
});

Deno.test("a refused body says whether the far side may have worked on it", () => {
  const error = (side: "request" | "response"): TransportError => {
    try {
      bodyDecoder(side, 6, http1Limits({ maxBodyBytes: 5 }));
    } catch (error) {
      assert.ok(error instanceof TransportError);
      return error;
    }
    assert.fail("nothing was refused");
  };
  assert.equal(error("request").processed, "no");
  assert.equal(error("response").processed, "yes");
});

const responses: [method: string, head: string, body: string | "close" | "chunked", why: string][] = [
  ["GET", "200 OK\r\nContent-Length: 5", "hello", "so many bytes"],
  ["GET", "404 No\r\nContent-Length: 5", "hello", "so many bytes, whatever the status"],
  ["HEAD", "200 OK\r\nContent-Length: 5", "", "HEAD"],
  ["HEAD", "200 OK\r\nTransfer-Encoding: chunked", "", "HEAD"],
  ["HEAD", "200 OK", "", "HEAD without a length"],
  ["GET", "204 No Content", "", "204"],
  ["GET", "204 No Content\r\nContent-Length: 5", "", "204, whatever it says"],
  ["GET", "304 Not Modified\r\nContent-Length: 5", "", "304"],
  ["GET", "304 Not Modified\r\nTransfer-Encoding: chunked", "", "304"],
  ["GET", "100 Continue", "", "100"],
  ["GET", "103 Early Hints\r\nContent-Length: 5", "", "103"],
  ["GET", "101 Switching Protocols", "", "101"],
  ["CONNECT", "200 OK\r\nContent-Length: 5", "", "2xx to CONNECT"],
  ["CONNECT", "200 OK\r\nTransfer-Encoding: chunked", "", "2xx to CONNECT"],
  ["CONNECT", "407 Who\r\nContent-Length: 5", "hello", "a refused CONNECT"],
  ["GET", "205 Reset\r\nContent-Length: 0", "", "205"],
  ["GET", "200 OK", "close", "neither length nor coding"],
  ["POST", "500 Oops\r\nConnection: close", "close", "neither length nor coding"],
  ["GET", "200 OK\r\nTransfer-Encoding: chunked", "chunked", "chunks"],
];

for (const [method, head, body, why] of responses) {
  Deno.test(`${method} answered with ${JSON.stringify(head)}: ${why}`, () => {
    const wire = `HTTP/1.1 ${head}\r\n\r\n`;
    const line = `1 ${head.split("\r\n")[0]}`;
    const after = "HTTP/1.1 204 No Content\r\n\r\n";
    if (body === "close") {
      const outcome = response(method, `${wire}${after}`, { ends: true });
      assert.deepEqual(bodies(outcome), [`${line}: ${after}`], "the rest is the body");
      assert.deepEqual(response(method, `${wire}${after}`).messages, [], "which has not ended");
      assert.deepEqual(bodies(response(method, wire, { ends: true })), [`${line}: `], "an empty one");
      return;
    }
    const bytes = body === "chunked" ? "5\r\nhello\r\n0\r\n\r\n" : body;
    const outcome = response(method, `${wire}${bytes}${after}`);
    assert.deepEqual(bodies(outcome), [`${line}: ${body === "chunked" ? "hello" : body}`, "1 204 No Content: "]);
  });
}

Deno.test("interim responses come before the final one", () => {
  const text = `${lines("HTTP/1.1 100 Continue", "")}${lines("HTTP/1.1 103 Early Hints", "Link: a", "")}` +
    `${lines("HTTP/1.1 200 OK", "Content-Length: 2", "")}ok`;
  assert.deepEqual(bodies(response("POST", text)), ["1 100 Continue: ", "1 103 Early Hints: ", "1 200 OK: ok"]);
});

const truncated: [wire: string, why: string][] = [
  ["Content-Length: 5\r\n\r\n", "the connection ended after 0 of 5 bytes"],
  ["Content-Length: 5\r\n\r\nhell", "the connection ended after 4 of 5 bytes"],
  ["Transfer-Encoding: chunked\r\n\r\n", "the connection ended after 0 bytes, before its last chunk"],
  ["Transfer-Encoding: chunked\r\n\r\n5", "the connection ended after 0 bytes, before its last chunk"],
  ["Transfer-Encoding: chunked\r\n\r\n5\r\nhel", "the connection ended after 3 bytes, before its last chunk"],
  ["Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "the connection ended after 5 bytes, before its last chunk"],
  [
    "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
    "the connection ended after 5 bytes, before its last chunk",
  ],
  ["Transfer-Encoding: chunked\r\n\r\n0\r\nx: y\r\n", "the connection ended after 0 bytes, before its last chunk"],
];

for (const [wire, why] of truncated) {
  Deno.test(`lost: ${JSON.stringify(wire)}`, () => {
    const ask = request(`POST / HTTP/1.1\r\nHost: h\r\n${wire}`, { ends: true });
    assert.deepEqual(refused(ask), { code: "connection-lost", message: `Request body lost: ${why}`, status: 0 });
    const answer = response("GET", `HTTP/1.1 200 OK\r\n${wire}`, { ends: true });
    assert.equal(refused(answer).message, `Response body lost: ${why}`);
  });
}

Deno.test("pieces are views of what was received", () => {
  for (const framing of [5, "chunked", "close"] as const) {
    const decoder = bodyDecoder("response", framing);
    const bytes = bytesOf(framing === "chunked" ? "5\r\nhello\r\n0\r\n\r\n" : "hello");
    assert.ok(decoder.next(bytes, 0, bytes.length));
    assert.equal(decoder.pieceEnd - decoder.pieceStart, 5);
    assert.equal(decoder.next(bytes, decoder.restStart, bytes.length), false);
    decoder.end();
    assert.ok(decoder.complete);
    assert.equal(decoder.bodyBytes, 5);
    assert.equal(decoder.restStart, bytes.length);
    // Nothing more is taken from then on.
    assert.equal(decoder.next(bytes, 0, bytes.length), false);
    assert.equal(decoder.restStart, 0);
  }
});

Deno.test("a body that is over the limit of what can be held is passed on all the same", () => {
  const decoder = bodyDecoder("request", Number.MAX_SAFE_INTEGER);
  const bytes = new Uint8Array(1000);
  assert.ok(decoder.next(bytes, 10, 1000));
  assert.deepEqual([decoder.pieceStart, decoder.pieceEnd, decoder.complete], [10, 1000, false]);
});

/** Requests inside bodies, as attackers wrap them for two readers that disagree. */
const smuggling: [name: string, wire: string][] = [
  ["CL.TE", `${post("Content-Length: 6", "Transfer-Encoding: chunked")}0\r\n\r\nG`],
  ["TE.CL", `${post("Transfer-Encoding: chunked", "Content-Length: 4")}5c\r\nGPOST / HTTP/1.1\r\n\r\n0\r\n\r\n`],
  ["TE.TE", `${post("Transfer-Encoding: chunked", "Transfer-encoding: x")}0\r\n\r\n${get}`],
  ["TE.TE, unknown first", `${post("Transfer-Encoding: x", "Transfer-encoding: chunked")}0\r\n\r\n${get}`],
  ["CL.CL", `${post("Content-Length: 8", "Content-Length: 7")}12345\r\na`],
  ["TE.0", `${lines("OPTIONS / HTTP/1.1", "Host: h", "Transfer-Encoding : chunked", "")}0\r\n\r\n${get}`],
  ["TERM.EXT", `${chunkedPost}2;\nxx\r\n0\r\n\r\n${get}`],
  ["EXT.TERM", `${chunkedPost}2;\n\r\nxx\r\n0\r\n\r\n${get}`],
  ["TERM.SPILL", `${chunkedPost}5\r\nAAAAAXX2\r\n45\r\n0\r\n\r\n${get}`],
  ["SPILL.TERM", `${chunkedPost}5\r\nAAAAA\n2\r\n45\r\n0\r\n\r\n${get}`],
  ["a second request in the value of a field", `GET / HTTP/1.1\r\nHost: h\r\nX: a\n\n${get}`],
  ["a field hidden behind a carriage return", `GET / HTTP/1.1\r\nHost: h\r\nX: a\rContent-Length: 5\r\n\r\nhello`],
  ["a length behind a folded line", `GET / HTTP/1.1\r\nHost: h\r\nX:\r\n Content-Length: 5\r\n\r\nhello`],
  ["a length with a space before its colon", `${post("Content-Length : 5")}hello`],
  ["a length behind a NUL", `${post("\0Content-Length: 5")}hello`],
  ["a coding behind an underscore's twin", `${post("Transfer-Encoding\r: chunked")}0\r\n\r\n`],
];

for (const [name, wire] of smuggling) {
  Deno.test(`not smuggled: ${name}`, () => {
    const outcome = request(wire);
    assert.equal(refused(outcome).code, "protocol");
    assert.deepEqual(outcome.messages, []);
  });
}
