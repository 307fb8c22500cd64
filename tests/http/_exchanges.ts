/**
 * Random HTTP exchanges: what a caller asks for, and the bytes that a server
 * answers with, over redirects, as both ends would see them from any client
 * that follows the Fetch standard.
 *
 * @module
 */

import { brotliCompressSync, gzipSync } from "node:zlib";
import type { Random } from "../support/random.ts";

/** A response as the server sends it: in so many writes, and then perhaps the end of the connection. */
export interface Answer {
  readonly writes: readonly Uint8Array[];
  readonly closes: boolean;
}

/** One exchange. */
export interface Scripted {
  readonly what: string;
  /** A request of its own for each client. */
  request(origin: string): Request;
  /** What the server answers, one request after the other. */
  answers(origin: string, port: number): Answer[];
}

const paths = [
  "",
  "?",
  "?q=1",
  "a%20b",
  "é/ü?é=ü",
  "a|b^c`d",
  "x?\"<>`{}|^'",
  "//b/../c",
  "%2f%zz",
  ";=,:@!$&()*",
  "a?b?c#d#e",
];
const fieldLines = [
  "x-a: 1\r\nX-A: 2\r\n",
  "set-cookie: a=1; Expires=Wed, 1\r\nset-cookie: b=2\r\n",
  "x-e:\r\n",
  "x-w: \t a  b \t \r\n",
  "x-l: caf\xe9\r\n",
  "x-n: \xa0a\xa0\r\n",
  "content-type: text/HTML; Charset=x\r\n",
  "x!#$%&'*+-.^_`|~: v\r\n",
  "__proto__: x\r\n",
  "cache-control: no-store,,private\r\n",
];
/** Lines that no client may take. */
const badLines = [
  "x n: a\r\n",
  "x-n : a\r\n",
  "x-f: a\r\n b\r\n",
  "x-n: a\0b\r\n",
  "x-n: a\rb\r\n",
  "xn\r\n",
  ": v\r\n",
];
const asked: [string, string][] = [
  ["x-l", "caf\xe9"],
  ["x-e", ""],
  ["accept-language", "de"],
  ["authorization", "Bearer x"],
  ["cookie", "a=1"],
  ["content-language", "en"],
  ["content-location", "/x"],
];
const locations = [
  "/end",
  "end?q#f",
  "?again",
  "#frag",
  "//127.0.0.1:PORT/x",
  "HERE/y?z",
  "OTHER/other",
  "http:end",
  "/a b",
  '/"<>`{}|^',
  "/../../e",
];
const nowhere = ["http://", "http://[", "ftp://x/", "data:,x", "about:blank"];

const bodies: Record<string, () => BodyInit> = {
  text: () => "h\xe9llo",
  bytes: () => new Uint8Array([1, 2, 3, 4]).subarray(1, 3),
  buffer: () => new ArrayBuffer(5),
  blob: () => new Blob(["hello"], { type: "text/Blob" }),
  params: () => new URLSearchParams({ a: "b c" }),
  large: () => "y".repeat(100_000),
  stream: () => ReadableStream.from([1, 2, 3].map((byte) => Uint8Array.of(byte + 96))),
  form: () => {
    const form = new FormData();
    form.append("a", "b");
    form.append("f", new File(["x".repeat(5000), "y"], "n.txt"));
    return form;
  },
};

/** Makes one exchange. */
export function exchange(random: Random): Scripted {
  const method = random.pick(["GET", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CHICKEN"]);
  const mayCarry = method !== "GET" && method !== "HEAD";
  const body = method === "PATCH" || (mayCarry && random.oneIn(2)) ? random.pick(Object.keys(bodies)) : undefined;
  const redirect = random.pick<RequestRedirect>(["follow", "follow", "follow", "follow", "manual", "error"]);
  const headers = asked.filter(() => random.oneIn(4));
  const path = random.pick(paths);
  const hops = redirect === "follow" ? random.pick([0, 0, 1, 2, 3, 20, 21]) : random.below(2);
  const heads = Array.from({ length: hops }, (_, i) => redirection(random, i === hops - 1));
  const last = final(random);
  return {
    what: `${method} /${path} ${body} ${redirect} ${JSON.stringify(heads)} ${JSON.stringify(last.what)}`,
    request(origin) {
      const given = body === undefined ? undefined : bodies[body]();
      return new Request(
        `${origin}/${path}`,
        { method, headers, redirect, body: given, duplex: "half" } as RequestInit,
      );
    },
    answers(origin, port) {
      const other = `http://localhost:${port}`;
      const moved = heads.map((head) => {
        const text = head.replaceAll("HERE", origin).replaceAll("OTHER", other).replaceAll("PORT", `${port}`);
        return { writes: [latin(text)], closes: false };
      });
      return [...moved, last.answer(method)];
    },
  };
}

function redirection(random: Random, isLast: boolean): string {
  const status = random.pick([301, 302, 303, 307, 308]);
  const location = isLast && random.oneIn(8) ? random.pick(nowhere) : random.pick(locations);
  return `HTTP/1.1 ${status} Elsewhere\r\nlocation: ${location}\r\ncontent-length: 0\r\n\r\n`;
}

function final(random: Random): { what: string; answer(method: string): Answer } {
  const status = random.pick([200, 200, 200, 201, 204, 205, 206, 299, 300, 304, 404, 500, 599]);
  const interim = random.pick([
    "",
    "",
    "",
    "HTTP/1.1 100 Continue\r\n\r\n",
    "HTTP/1.1 103 Early\r\nlink: </a>\r\n\r\n".repeat(3),
  ]);
  let lines = fieldLines.filter(() => random.oneIn(4)).join("");
  if (random.oneIn(10)) lines += random.pick(badLines);
  const text = random.pick(["", "hello", "\xef\xbb\xbf{}", "a\xffb", "so it goes ".repeat(random.below(1000))]);
  const coding = random.pick([undefined, undefined, undefined, "gzip", "GZIP", "br", "foo", "identity"]);
  const plain = latin(text);
  const coded = new Uint8Array(
    coding === "br" ? brotliCompressSync(plain) : /^gzip$/i.test(`${coding}`) ? gzipSync(plain) : plain,
  );
  if (coding !== undefined) lines += `content-encoding: ${coding}\r\n`;
  const whole = ["fixed", "chunked", "close"];
  // fetch does not look behind the end of what is compressed: a body that is torn there is whole for it.
  const framing = random.pick(coding === undefined ? [...whole, ...whole, "torn", "torn chunk", "bad chunk"] : whole);
  const chunk = 1 + random.below(Math.max(1, coded.length));
  const extension = random.pick(["", "", ';a=b;c="d"']);
  const trailers = random.pick(["", "", "x-t: 1\r\n"]);
  const cuts = Array.from({ length: random.below(4) }, () => random.below(1000) / 1000);
  return {
    what: `${status} ${interim} ${lines} ${framing} ${coding} ${text.length} ${chunk} ${cuts}`,
    answer(method) {
      const bodiless = method === "HEAD" || status === 204 || status === 304;
      const parts: Uint8Array[] = [];
      let length = "";
      let closes = false;
      if (status === 205 || status === 204) {
        if (status === 205) length = "content-length: 0\r\n";
      } else if (framing === "fixed" || framing === "torn") {
        const more = framing === "torn" && !bodiless ? 1 : 0;
        length = `content-length: ${coded.length + more}\r\n`;
        closes = more > 0;
        parts.push(coded);
      } else if (framing === "close") {
        closes = !bodiless;
        parts.push(coded);
      } else {
        length = "transfer-encoding: chunked\r\n";
        for (let at = 0; at < coded.length; at += chunk) {
          const data = coded.subarray(at, at + chunk);
          parts.push(latin(`${data.length.toString(16)}${extension}\r\n`), data, latin("\r\n"));
        }
        if (framing === "chunked") parts.push(latin(`0\r\n${trailers}\r\n`));
        else if (framing === "bad chunk") parts.push(latin("xyz\r\n"));
        closes = framing !== "chunked" && !bodiless;
      }
      const head = latin(`${interim}HTTP/1.1 ${status} Some Words\r\n${lines}${length}\r\n`);
      return { writes: cut(joined(bodiless ? [head] : [head, ...parts]), cuts), closes };
    },
  };
}

/** The bytes in pieces; where they are cut is given as shares of their length. */
function cut(bytes: Uint8Array, shares: readonly number[]): Uint8Array[] {
  const places = [0, ...shares.map((share) => Math.floor(share * bytes.length)).sort((a, b) => a - b), bytes.length];
  return places.slice(1).map((to, i) => bytes.subarray(places[i], to)).filter(({ length }) => length > 0);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** A byte for each character. */
export function latin(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}
