/**
 * The frames of mux() as a test writes them: by hand, so that a slip in the
 * code under test is not repeated here.
 *
 * @module
 */

/** A 32-bit number, the high byte first. */
export function u32(value: number): number[] {
  return [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
}

/** A 16-bit number, the high byte first. */
export function u16(value: number): number[] {
  return [(value >>> 8) & 255, value & 255];
}

/** ASCII as bytes. */
export function ascii(text: string): number[] {
  return Array.from(text, (letter) => letter.charCodeAt(0));
}

/** A frame of bytes and lists of bytes. */
export function frame(...parts: (number | number[])[]): Uint8Array {
  return new Uint8Array(parts.flat());
}

/** The first frame of a peer. */
export function helloFrame(
  {
    version = 1,
    oldest = 1,
    maxMessageBytes = 1_000_000,
    maxInFlight = 1024,
    windowBytes = 1_000_000,
    needsCredits = false,
    streamWindowBytes = 0,
    allStreamsBytes = 1_000_000,
  } = {},
): Uint8Array {
  const limits = [...u32(maxMessageBytes), ...u32(maxInFlight)];
  const credits = version < 2 ? [] : [...u32(windowBytes), needsCredits ? 1 : 0];
  const streams = version < 3 ? [] : [...u32(streamWindowBytes), ...u32(allStreamsBytes)];
  return frame(0, ascii("wire"), version, oldest, limits, credits, streams);
}

/** More credit. */
export function creditFrame(bytes: number): Uint8Array {
  return frame(9, u32(bytes));
}

/** A call. */
export function callFrame(id: number, payload: number[] = []): Uint8Array {
  return frame(1, u32(id), payload);
}

/** A call with all that it can carry. */
export function fullCallFrame(id: number, timeLeftMs: number, priority: number, metadata: number[]): Uint8Array {
  return frame(0x71, u32(id), u32(timeLeftMs), priority, u16(metadata.length), metadata, 9, 9);
}

/** One field of metadata. */
export function field(key: string, value: string): number[] {
  return [key.length, ...ascii(key), ...u16(value.length), ...ascii(value)];
}

/** A one-way send. */
export function sendFrame(payload: number[] = []): Uint8Array {
  return frame(2, payload);
}

/** A reply. */
export function replyFrame(id: number, payload: number[] = []): Uint8Array {
  return frame(3, u32(id), payload);
}

/** A call's end with an error. */
export function errorFrame(id: number, code: number, processed: number, message: string, details = ""): Uint8Array {
  return frame(4, u32(id), code, processed, u32(0), u16(message.length), ascii(message), ascii(details));
}

/** The caller of a call has given up. */
export function cancelFrame(id: number): Uint8Array {
  return frame(5, u32(id));
}

/** A ping. */
export function pingFrame(number: number): Uint8Array {
  return frame(6, u32(number));
}

/** The answer to a ping. */
export function pongFrame(number: number): Uint8Array {
  return frame(7, u32(number));
}

/** The peer makes no new calls and wants none. */
export function goawayFrame(reason = "bye"): Uint8Array {
  return frame(8, ascii(reason));
}

/** A call that a request stream follows. */
export function callStreamFrame(id: number, payload: number[] = []): Uint8Array {
  return frame(0x81, u32(id), payload);
}

/** A reply that a stream follows. */
export function replyStreamFrame(id: number, payload: number[] = []): Uint8Array {
  return frame(0x83, u32(id), payload);
}

/** Whose stream: of the request, from the caller, or of the reply, from the end that answers. */
export type Side = "caller" | "answerer";

function kindOf(kind: number, side: Side): number {
  return side === "caller" ? kind : kind | 0x10;
}

/** An item. */
export function itemFrame(side: Side, id: number, payload: number[] = []): Uint8Array {
  return frame(kindOf(10, side), u32(id), payload);
}

/** The end of a stream, in order or with what follows the number in an error. */
export function endFrame(side: Side, id: number, code?: number, message = ""): Uint8Array {
  const error = code === undefined ? [] : [code, 1, ...u32(0), ...u16(message.length), ...ascii(message)];
  return frame(kindOf(11, side), u32(id), error);
}

/** The answering end reads no more of a request. */
export function stopFrame(id: number): Uint8Array {
  return frame(0x1c, u32(id));
}

/** Credit for a stream that comes to `side`, or for all of them with the number 0xffffffff from the caller. */
export function windowFrame(side: Side, id: number, bytes: number): Uint8Array {
  return frame(kindOf(13, side), u32(id), u32(bytes));
}

/** The answering end has done with a call that had a request stream. */
export function doneFrame(id: number): Uint8Array {
  return frame(0x1e, u32(id));
}
