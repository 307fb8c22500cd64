/**
 * The settings that a peer announces (RFC 9113 section 6.5.2).
 *
 * @module
 */

import { defaultMaxFrameBytes, defaultWindowBytes, errorCode, maxWindowBytes, settingId } from "./http2_codes.ts";
import { http2Error } from "./http2_errors.ts";
import { readUint32 } from "./http2_frame_reader.ts";

/** What holds for what is sent to the peer. */
export class Http2Settings {
  /** The largest table that header blocks may be compressed with, in bytes. */
  headerTableBytes = 4096;
  /** The smallest that this was since it was last looked at: a table must shrink that far in between. */
  leastHeaderTableBytes = 4096;
  /** How many streams may be open at once. */
  maxConcurrentStreams = Infinity;
  /** The window of a new stream, in bytes. */
  initialWindowBytes: number = defaultWindowBytes;
  /** The largest payload of a frame, in bytes. */
  maxFrameBytes: number = defaultMaxFrameBytes;
  /** The largest header list that the peer wants, in bytes. */
  maxHeaderListBytes = Infinity;

  /** Takes in a SETTINGS frame. Settings that are not known mean nothing. Throws `protocol`, for the connection. */
  read(bytes: Uint8Array, start: number, end: number): void {
    for (let at = start; at < end; at += 6) {
      const id = bytes[at] << 8 | bytes[at + 1];
      this.#set(id, readUint32(bytes, at + 2));
    }
  }

  #set(id: number, value: number): void {
    switch (id) {
      case settingId.headerTableSize:
        this.headerTableBytes = value;
        if (value < this.leastHeaderTableBytes) this.leastHeaderTableBytes = value;
        break;
      case settingId.enablePush:
        // A server that says it may be pushed to has not understood what it is (RFC 9113 section 6.5.2).
        if (value !== 0) throw http2Error(errorCode.protocolError, `an ENABLE_PUSH of ${value}`);
        break;
      case settingId.maxConcurrentStreams:
        this.maxConcurrentStreams = value;
        break;
      case settingId.initialWindowSize:
        if (value > maxWindowBytes) {
          throw http2Error(errorCode.flowControlError, `an INITIAL_WINDOW_SIZE of ${value}`);
        }
        this.initialWindowBytes = value;
        break;
      case settingId.maxFrameSize:
        if (value < defaultMaxFrameBytes || value > 0xff_ffff) {
          throw http2Error(errorCode.protocolError, `a MAX_FRAME_SIZE of ${value}`);
        }
        this.maxFrameBytes = value;
        break;
      case settingId.maxHeaderListSize:
        this.maxHeaderListBytes = value;
        break;
    }
  }
}
