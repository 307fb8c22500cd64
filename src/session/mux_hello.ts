/**
 * The first frame of each end of mux(): see `mux.md` beside this file.
 *
 * @module
 */

import { TransportError } from "../core/errors.ts";
import type { MuxSettings } from "./mux_settings.ts";
import { Kind, readU32, writeU32 } from "./mux_wire.ts";

/** The version that this end speaks, and the oldest one that it can. */
export const version = 3;
export const oldestVersion = 1;

/** The version since which there are credits. */
export const creditVersion = 2;

/** The version since which there are streams. */
export const streamVersion = 3;

const magic = [0x77, 0x69, 0x72, 0x65]; // "wire"
const helloBytes = 15;
const creditHelloBytes = 20;
const streamHelloBytes = 28;

/** What one end tells the other first. */
export interface Hello {
  readonly version: number;
  readonly oldestVersion: number;
  /** The largest payload that this end takes, in bytes. */
  readonly maxMessageBytes: number;
  /** How many calls this end answers at once. */
  readonly maxInFlight: number;
  /** How much may be on its way to this end, where credits are in force; undefined in a version that has none. */
  readonly windowBytes: number | undefined;
  /** Whether this end needs credits, since its channel can't stop the peer. */
  readonly needsCredits: boolean;
  /** How much of one stream may be on its way to this end; 0 where it knows no streams. */
  readonly streamWindowBytes: number;
  /** How much of all streams together. */
  readonly allStreamsBytes: number;
}

/** What this end says of itself. */
export function ownHello(
  { maxInFlight, streams }: MuxSettings,
  maxMessageBytes: number,
  windowBytes: number,
  needsCredits: boolean,
): Hello {
  const { windowBytes: streamWindowBytes, allBytes: allStreamsBytes } = streams ?? { windowBytes: 0, allBytes: 0 };
  return {
    version,
    oldestVersion,
    maxMessageBytes,
    maxInFlight,
    windowBytes,
    needsCredits,
    streamWindowBytes,
    allStreamsBytes,
  };
}

/** The first frame of each end. */
export function encodeHello(hello: Hello): Uint8Array {
  const { windowBytes } = hello;
  const length = hello.version < creditVersion
    ? helloBytes
    : hello.version < streamVersion
    ? creditHelloBytes
    : streamHelloBytes;
  const frame = new Uint8Array(length);
  frame[0] = Kind.hello;
  frame.set(magic, 1);
  frame[5] = hello.version;
  frame[6] = hello.oldestVersion;
  writeU32(frame, 7, hello.maxMessageBytes);
  writeU32(frame, 11, hello.maxInFlight);
  if (windowBytes !== undefined) {
    writeU32(frame, 15, windowBytes);
    frame[19] = hello.needsCredits ? 1 : 0;
  }
  if (hello.version >= streamVersion) {
    writeU32(frame, 20, hello.streamWindowBytes);
    writeU32(frame, 24, hello.allStreamsBytes);
  }
  return frame;
}

/**
 * What the last hello said. Most peers of a server say the same: their sessions
 * share it, which is a hundred bytes less for each.
 */
let last: { readonly frame: Uint8Array; readonly hello: Hello } | undefined = undefined;

/** Reads a hello. Throws `protocol` for anything else, and `version-mismatch` where the ends share no version. */
export function decodeHello(frame: Uint8Array): Hello {
  const known = last;
  if (known?.frame.length === frame.length && frame.every((byte, i) => byte === known.frame[i])) return known.hello;
  const hello = readHello(frame);
  // A longer one would be kept for as long as no other comes.
  if (frame.length <= streamHelloBytes) last = { frame: frame.slice(), hello };
  return hello;
}

function readHello(frame: Uint8Array): Hello {
  if (frame.length < 7 || frame[0] !== Kind.hello || magic.some((byte, index) => frame[index + 1] !== byte)) {
    throw refused(`its first message is no hello but ${preview(frame)}`);
  }
  const [theirs, theirOldest] = [frame[5], frame[6]];
  if (theirs < oldestVersion || theirOldest > version) {
    throw new TransportError(
      "version-mismatch",
      `Cannot speak mux with the peer: it speaks versions ${theirOldest} to ${theirs}, this end ${oldestVersion} to ${version}`,
      { details: { theirs, theirOldest, ours: version, oursOldest: oldestVersion } },
    );
  }
  // A later version may have a longer hello; what is understood is read.
  const credits = theirs >= creditVersion;
  const streams = theirs >= streamVersion;
  const length = streams ? streamHelloBytes : credits ? creditHelloBytes : helloBytes;
  if (frame.length < length) throw refused("its hello is cut short");
  const windowBytes = credits ? readU32(frame, 15) : undefined;
  if (windowBytes === 0) throw refused("its window is 0 bytes, no call could be made");
  const streamWindowBytes = streams ? readU32(frame, 20) : 0;
  const allStreamsBytes = streams ? readU32(frame, 24) : 0;
  if (streamWindowBytes > 0 && allStreamsBytes === 0) throw refused("its window for all streams is 0 bytes");
  return {
    version: theirs,
    oldestVersion: theirOldest,
    maxMessageBytes: readU32(frame, 7),
    maxInFlight: readU32(frame, 11),
    windowBytes,
    needsCredits: credits && (frame[19] & 1) !== 0,
    streamWindowBytes,
    allStreamsBytes,
  };
}

function refused(why: string): TransportError {
  return new TransportError("protocol", `Cannot speak mux with the peer: ${why}`, { processed: "no" });
}

/** The start of a message, for an error text. */
function preview(frame: Uint8Array): string {
  if (frame.length === 0) return "empty";
  const bytes = frame.subarray(0, 12);
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
  return `${frame.length} bytes: ${hex}${frame.length > bytes.length ? " …" : ""}`;
}
