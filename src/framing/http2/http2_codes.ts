/**
 * The numbers of HTTP/2: frame types, flags, settings and error codes (RFC 9113
 * sections 6 and 7).
 *
 * @module
 */

/** Types of frames. */
export const frameType = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

/** Flags of frames; what a bit means depends on the type. */
export const frameFlag = { endStream: 0x1, ack: 0x1, endHeaders: 0x4, padded: 0x8, priority: 0x20 } as const;

/** Settings, by their numbers. */
export const settingId = {
  headerTableSize: 1,
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6,
} as const;

/** Error codes of RST_STREAM and GOAWAY. */
export const errorCode = {
  noError: 0,
  protocolError: 1,
  internalError: 2,
  flowControlError: 3,
  settingsTimeout: 4,
  streamClosed: 5,
  frameSizeError: 6,
  refusedStream: 7,
  cancel: 8,
  compressionError: 9,
  connectError: 10,
  enhanceYourCalm: 11,
  inadequateSecurity: 12,
  http11Required: 13,
} as const;

const errorNames = [
  "NO_ERROR",
  "PROTOCOL_ERROR",
  "INTERNAL_ERROR",
  "FLOW_CONTROL_ERROR",
  "SETTINGS_TIMEOUT",
  "STREAM_CLOSED",
  "FRAME_SIZE_ERROR",
  "REFUSED_STREAM",
  "CANCEL",
  "COMPRESSION_ERROR",
  "CONNECT_ERROR",
  "ENHANCE_YOUR_CALM",
  "INADEQUATE_SECURITY",
  "HTTP_1_1_REQUIRED",
];

/** The name of an error code, as the RFC writes it; its number where it has none. */
export function errorName(code: number): string {
  return errorNames[code] ?? `error ${code}`;
}

/** Bytes before the payload of each frame. */
export const frameHeadBytes = 9;

/** The largest payload where nobody has agreed on more, and what is always allowed. */
export const defaultMaxFrameBytes: number = 16 * 1024;

/** The window of a connection and of each stream where nobody has said otherwise, in bytes. */
export const defaultWindowBytes = 65_535;

/** The largest window. */
export const maxWindowBytes = 0x7fff_ffff;

/** What a client sends before all else (RFC 9113 section 3.4). */
export const clientPreface: Uint8Array = Uint8Array.from(
  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  (char) => char.charCodeAt(0),
);
