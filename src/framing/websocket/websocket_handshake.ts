/**
 * The parts of the WebSocket opening handshake that are computed: RFC 6455,
 * sections 1.3, 4.1 and 4.2. Extensions have a module of their own.
 *
 * @module
 */

import { TransportError } from "../../core/errors.ts";

/** The one version there is. */
export const webSocketVersion = "13";

/** What a server appends to the key to show that it speaks WebSocket. */
const acceptSuffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** A key for one handshake of a client: 16 random bytes in Base64. */
export function newKey(): string {
  return base64(crypto.getRandomValues(new Uint8Array(16)));
}

/** Whether a `Sec-WebSocket-Key` is 16 bytes in Base64. */
export function isKey(key: string): boolean {
  return /^[0-9A-Za-z+/]{22}==$/.test(key);
}

/** The `Sec-WebSocket-Accept` that answers a key. */
export function acceptOf(key: string): string {
  return base64(sha1(new TextEncoder().encode(key + acceptSuffix)));
}

/** A token as HTTP has it: RFC 9110, section 5.6.2. */
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/**
 * Reads a `Sec-WebSocket-Protocol` of a client: names separated by commas, none
 * of them twice. Throws `protocol`.
 */
export function parseProtocols(header: string): string[] {
  const protocols = header.split(",").map((name) => name.replace(/^[ \t]+|[ \t]+$/g, ""));
  for (const [i, name] of protocols.entries()) {
    if (!token.test(name)) throw refused(`Sec-WebSocket-Protocol has ${JSON.stringify(name)}, which is not a token`);
    if (protocols.indexOf(name) < i) throw refused(`Sec-WebSocket-Protocol has ${JSON.stringify(name)} twice`);
  }
  return protocols;
}

/**
 * What a server answers to the protocols that a client offers: the first of its
 * own that is among them, and none where no two agree.
 */
export function chooseProtocol(offered: readonly string[], supported: readonly string[]): string | undefined {
  return supported.find((name) => offered.includes(name));
}

/**
 * Checks what a server chose. It must have chosen one of the protocols that were
 * offered, or none. Throws `protocol`.
 */
export function checkProtocol(offered: readonly string[], chosen: string | undefined): void {
  if (chosen === undefined || offered.includes(chosen)) return;
  const wanted = offered.length === 0 ? "none was offered" : `offered were ${offered.join(", ")}`;
  throw refused(`Sec-WebSocket-Protocol is ${JSON.stringify(chosen)}, ${wanted}`);
}

function refused(reason: string): TransportError {
  return new TransportError("protocol", `WebSocket handshake refused: ${reason}`, { processed: "no" });
}

function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

/**
 * SHA-1 of a short text. The platform's is asynchronous and would cost the
 * handshake a turn; nothing here rests on it being safe.
 */
export function sha1(message: Uint8Array): Uint8Array {
  const blocks = new Uint8Array(((message.length + 8 >> 6) + 1) * 64);
  blocks.set(message);
  blocks[message.length] = 0x80;
  const view = new DataView(blocks.buffer);
  view.setUint32(blocks.length - 8, Math.floor(message.length / 0x2000_0000));
  view.setUint32(blocks.length - 4, message.length << 3);
  const words = new Uint32Array(80);
  const hash = Uint32Array.of(0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0);
  for (let block = 0; block < blocks.length; block += 64) {
    for (let i = 0; i < 16; i++) words[i] = view.getUint32(block + 4 * i);
    for (let i = 16; i < 80; i++) words[i] = rotate(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1);
    let [a, b, c, d, e] = hash;
    for (let i = 0; i < 80; i++) {
      const round = i < 20
        ? ((b & c) | (~b & d)) + 0x5a82_7999
        : i < 40
        ? (b ^ c ^ d) + 0x6ed9_eba1
        : i < 60
        ? ((b & c) | (b & d) | (c & d)) + 0x8f1b_bcdc
        : (b ^ c ^ d) + 0xca62_c1d6;
      const next = (rotate(a, 5) + round + e + words[i]) | 0;
      e = d;
      d = c;
      c = rotate(b, 30);
      b = a;
      a = next;
    }
    hash[0] += a;
    hash[1] += b;
    hash[2] += c;
    hash[3] += d;
    hash[4] += e;
  }
  const digest = new Uint8Array(20);
  const out = new DataView(digest.buffer);
  hash.forEach((word, i) => out.setUint32(4 * i, word));
  return digest;
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}
