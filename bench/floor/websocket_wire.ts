/**
 * WebSocket by hand, as far as the floor and the load need it: the opening
 * handshake of both ends, and binary frames.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { writeAll } from "./batch_writer.ts";
import { connect, type Flags } from "./command.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const HEAD_BYTES = 4096;

/** A fixed key and a fixed mask: they are costs of the client, which is not measured. */
const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
const MASK = [0x37, 0xfa, 0x21, 0x3d];

/** A connection that has asked for a WebSocket and got one; `path` is what it asked for. */
export async function openSocket(flags: Flags, path = "/"): Promise<Deno.TcpConn> {
  const conn = await connect(flags);
  await askForUpgrade(conn, path);
  return conn;
}

/** Asks for a WebSocket on a connection. */
export async function askForUpgrade(conn: Deno.Conn, path = "/"): Promise<void> {
  const lines = [
    `GET ${path} HTTP/1.1`,
    "Host: 127.0.0.1",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Key: ${KEY}`,
    "Sec-WebSocket-Version: 13",
  ];
  await writeAll(conn, encoder.encode(`${lines.join("\r\n")}\r\n\r\n`));
  const head = await readHead(conn);
  if (!head.startsWith("HTTP/1.1 101 ")) throw new Error(`Server did not upgrade: ${head}`);
}

/** Answers the request of a client. */
export async function answerUpgrade(conn: Deno.Conn): Promise<void> {
  const key = /^sec-websocket-key: *(\S+)/mi.exec(await readHead(conn))![1];
  const accept = createHash("sha1").update(key + GUID).digest("base64");
  const lines = [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${accept}`,
  ];
  await writeAll(conn, encoder.encode(`${lines.join("\r\n")}\r\n\r\n`));
}

/** Nothing follows a head before it is answered: reading to its end reads no more. */
async function readHead(conn: Deno.Conn): Promise<string> {
  const buffer = new Uint8Array(HEAD_BYTES);
  for (let length = 0; length < buffer.length;) {
    const count = await conn.read(buffer.subarray(length));
    if (count === null) break;
    length += count;
    const head = decoder.decode(buffer.subarray(0, length));
    if (head.endsWith("\r\n\r\n")) return head;
  }
  throw new Error("Connection ended in its head");
}

/** How many bytes the head of a frame has, without a mask. */
export function headBytes(length: number): number {
  return length < 126 ? 2 : length < 65_536 ? 4 : 10;
}

/** Writes the head of a binary frame in one piece; `masked` is 0 or 0x80. Returns where it ends. */
export function writeHead(target: Uint8Array, at: number, length: number, masked: number): number {
  target[at] = 0x82;
  if (length < 126) {
    target[at + 1] = masked | length;
    return at + 2;
  }
  if (length < 65_536) {
    target[at + 1] = masked | 126;
    target[at + 2] = length >>> 8;
    target[at + 3] = length;
    return at + 4;
  }
  target[at + 1] = masked | 127;
  for (let i = 0; i < 4; i++) target[at + 2 + i] = 0;
  for (let i = 0; i < 4; i++) target[at + 6 + i] = length >>> (24 - 8 * i);
  return at + 10;
}

/** `count` masked frames of `bytes` bytes each, one after the other. */
export function maskedFrames(bytes: number, count: number): Uint8Array {
  const frame = new Uint8Array(headBytes(bytes) + 4 + bytes);
  let at = writeHead(frame, 0, bytes, 0x80);
  frame.set(MASK, at);
  at += 4;
  for (let i = 0; i < bytes; i++) frame[at + i] = 120 ^ MASK[i & 3];
  const frames = new Uint8Array(frame.length * count);
  for (let i = 0; i < count; i++) frames.set(frame, i * frame.length);
  return frames;
}
