/**
 * Frames and header blocks as a test writes and reads them.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { TransportError } from "../../../mod.ts";
import { HpackDecoder } from "../../../src/framing/http2/hpack_decoder.ts";
import { HeaderField, HeaderList } from "../../../src/framing/http2/hpack_fields.ts";
import { errorName } from "../../../src/framing/http2/http2_codes.ts";
import { http2CodeOf } from "../../../src/framing/http2/http2_errors.ts";
import { joinBytes } from "../../../src/util/join_bytes.ts";

/** Bytes written as hexadecimal digits, with blanks where one likes. */
export function hex(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text.replaceAll(/\s/g, "").match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

/** A frame, whatever is wrong with it. */
export function frame(type: number, flags: number, streamId: number, payload: Iterable<number> = []): Uint8Array {
  const body = [...payload];
  const length = [body.length >> 16, body.length >> 8 & 255, body.length & 255];
  const id = [streamId >>> 24, streamId >>> 16 & 255, streamId >>> 8 & 255, streamId & 255];
  return Uint8Array.from([...length, type, flags, ...id, ...body]);
}

/** One after the other. */
export function bytesOf(...parts: (Uint8Array | readonly number[])[]): Uint8Array {
  return joinBytes(parts.map((part) => part instanceof Uint8Array ? part : Uint8Array.from(part)));
}

/** A text as bytes, a character for each. */
export function latin1(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

/** The fields of a block, as `name: value`. */
export function readBlock(decoder: HpackDecoder, block: Uint8Array): string[] {
  const list = new HeaderList(100_000, 1000);
  decoder.read(block, 0, block.length, list);
  return list.fields.map(({ name, value }) => `${name}: ${value}`);
}

/** The same of a decoder that has read nothing before. */
export function readAlone(block: Uint8Array): string[] {
  return readBlock(new HpackDecoder(), block);
}

/** A list of fields. */
export function listOf(...pairs: [name: string, value: string][]): HeaderList {
  const list = new HeaderList(100_000, 1000);
  for (const [name, value] of pairs) list.add(new HeaderField(name, value));
  return list;
}

/** Checks that it throws `protocol` with this code, naming what is wrong. */
export function refuses(run: () => unknown, code: string, why: RegExp): void {
  assert.throws(run, (error: unknown) => {
    assert.ok(error instanceof TransportError, `${error}`);
    assert.equal(error.code, "protocol");
    assert.match(error.message, why);
    assert.equal(errorName(http2CodeOf(error)), code, error.message);
    return true;
  });
}
