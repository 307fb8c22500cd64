/**
 * A plain reader of HTTP/1.1 messages: the grammar of RFC 9112 as patterns, on
 * the whole stream at once. Slow, and made of nothing that the decoders have.
 *
 * @module
 */

import type { Read } from "./http1_harness.ts";

/** What is in a stream. */
export interface Found {
  /** The messages that are there to their end. */
  messages: Read[];
  /** Whether what follows them can't become a message any more, whatever comes. */
  broken: boolean;
}

const token = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const fieldLines = `((?:${token}:[\\t\\x20-\\x7e\\x80-\\xff]*\\r\\n)*)\\r\\n`;
const requestHead = new RegExp(`(?:\\r\\n)?(${token}) ([!"$-~]+) HTTP/1\\.([0-9])\\r\\n${fieldLines}`, "y");
const responseHead = new RegExp(
  `HTTP/1\\.([0-9]) ([1-9][0-9]{2})(?: ([\\t\\x20-\\x7e\\x80-\\xff]*))?\\r\\n${fieldLines}`,
  "y",
);
const chunkHead = /([0-9a-fA-F]{1,14})(?:;[\t\x20-\x7e\x80-\xff]*)?\r\n/y;
const trailerSection = new RegExp(fieldLines, "y");

const name = "(?:[A-Za-z0-9\\-._~!$&'()*+;=]|%[0-9a-fA-F]{2})+|\\[[0-9a-fA-F:.]{2,}\\]";
const hostField = new RegExp(`^(?:${name})(?::([0-9]{0,5}))?$`);
const hostPort = new RegExp(`^(?:${name}):([0-9]{1,5})$`);
const absolute = /^https?:\/\/([^/?]*)(?:[/?].*)?$/i;

const onceAnywhere = ["content-length", "transfer-encoding", "content-type", "content-range"];
const once = { request: [...onceAnywhere, "host"], response: [...onceAnywhere, "location"] };
const dropped = new Set([
  "accept-none",
  "cookie",
  "via",
  "connection",
  "expect",
  "host",
  "content-length",
  "transfer-encoding",
]);

function match(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

function fieldsOf(section: string): [string, string][] {
  return section.split("\r\n").slice(0, -1).map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).replace(/^[ \t]+/, "").replace(/[ \t]+$/, "")];
  });
}

function isHost(pattern: RegExp, text: string): boolean {
  const found = pattern.exec(text);
  return found !== null && Number(found[1] ?? 0) <= 65_535;
}

function isTarget(method: string, target: string): boolean {
  if (method === "CONNECT") return isHost(hostPort, target);
  if (target.startsWith("/") || (target === "*" && method === "OPTIONS")) return true;
  const found = absolute.exec(target);
  return found !== null && isHost(hostField, found[1]);
}

/** The body that the fields declare; undefined for fields that are not allowed. */
function declared(fields: [string, string][], minor: string): number | "chunked" | "none" | undefined {
  const lengths = fields.filter(([each]) => each === "content-length");
  const codings = fields.filter(([each]) => each === "transfer-encoding");
  if (lengths.length + codings.length === 0) return "none";
  if (lengths.length + codings.length > 1) return undefined;
  if (codings.length > 0) return minor !== "0" && /^chunked$/i.test(codings[0][1]) ? "chunked" : undefined;
  return /^[0-9]+$/.test(lengths[0][1]) && BigInt(lengths[0][1]) < 2n ** 53n ? Number(lengths[0][1]) : undefined;
}

interface Body {
  body: string;
  trailers: [string, string][] | undefined;
  end: number;
}

function readChunks(text: string, from: number): Body | undefined {
  let body = "";
  for (let at = from;;) {
    const head = match(chunkHead, text, at);
    if (head === null) return undefined;
    at += head[0].length;
    const size = parseInt(head[1], 16);
    if (size === 0) {
      const section = match(trailerSection, text, at);
      if (section === null) return undefined;
      const kept = fieldsOf(section[1]).filter(([each]) => !dropped.has(each));
      return { body, trailers: kept.length > 0 ? kept : undefined, end: at + section[0].length };
    }
    if (text.slice(at + size, at + size + 2) !== "\r\n") return undefined;
    body += text.slice(at, at + size);
    at += size + 2;
  }
}

function readBody(text: string, from: number, framing: number | "chunked" | "close"): Body | undefined {
  if (framing === "chunked") return readChunks(text, from);
  const end = framing === "close" ? text.length : from + framing;
  return end > text.length ? undefined : { body: text.slice(from, end), trailers: undefined, end };
}

/** Finds the messages in a stream whose connection ends behind it. `method` is the one of every request. */
export function findMessages(side: "request" | "response", method: string, text: string): Found {
  const messages: Read[] = [];
  for (let at = 0; at < text.length;) {
    const head = match(side === "request" ? requestHead : responseHead, text, at);
    // A head that is over, or a line that has gone wrong: nothing that comes can mend it.
    if (head === null) {
      const rest = text.slice(at).replace(/^\r\n/, "");
      return { messages, broken: /\r\n\r\n|[^\r]\n|^\n|\r[^\n]|\0/.test(rest) };
    }
    const fields = fieldsOf(head[4]);
    const names = fields.map(([each]) => each);
    const minor = side === "request" ? head[3] : head[1];
    const body = declared(fields, minor);
    let good = body !== undefined && once[side].every((each) => names.indexOf(each) === names.lastIndexOf(each));
    if (side === "request") {
      const host = fields.find(([each]) => each === "host");
      good &&= isTarget(head[1], head[2]) && (host === undefined ? minor === "0" : isHost(hostField, host[1]));
      good &&= head[1] !== "CONNECT" || body === "none" || body === 0;
    }
    if (!good) return { messages, broken: true };
    let framing: number | "chunked" | "close" = body === "none" || body === undefined ? 0 : body;
    if (side === "response") {
      const status = Number(head[2]);
      const none = status < 200 || status === 204 || status === 304 || method === "HEAD" ||
        (method === "CONNECT" && status < 300);
      framing = none ? 0 : body === "none" ? "close" : framing;
    }
    const read = readBody(text, at + head[0].length, framing);
    if (read === undefined) return { messages, broken: true };
    const kept = minor === "0" ? 0 : 1;
    const line = side === "request" ? `${head[1]} ${head[2]} ${kept}` : `${kept} ${head[2]} ${head[3] ?? ""}`.trimEnd();
    messages.push({ line, fields, body: read.body, trailers: read.trailers });
    at = read.end;
  }
  return { messages, broken: false };
}
