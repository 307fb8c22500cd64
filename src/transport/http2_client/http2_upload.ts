/**
 * The body of a request on its way out on a stream, as fast as the windows of
 * the peer allow.
 *
 * @module
 */

import { TransportError } from "../../core/errors.ts";
import { Upload, type UploadLine } from "../http/http_upload.ts";
import { type Http2Outbox, type SendingStream, widened } from "./http2_outbox.ts";

/** The stream that a body goes out on. */
export interface UploadingStream {
  /** Some of it goes out. */
  uploading(): void;
  /** All of it is out. */
  uploaded(): void;
  /** It can't be sent. */
  uploadFailed(error: TransportError): void;
}

const nothing = new Uint8Array(0);

/** See the module. */
export class Http2Upload implements UploadLine, SendingStream {
  /** How much the window of the stream has left, in bytes; below 0 where the peer has made it smaller since. */
  windowBytes: number;
  readonly #streamId: number;
  readonly #outbox: Http2Outbox;
  readonly #stream: UploadingStream;
  readonly #body: Uint8Array | Upload;
  #data: Uint8Array = nothing;
  #at = 0;
  /** What is being sent is the end. */
  #ends = false;
  #sent: (() => void) | undefined = undefined;
  #begun = false;
  #over = false;

  /** A body that goes out when it is begun. */
  constructor(
    streamId: number,
    body: Uint8Array | Upload,
    windowBytes: number,
    outbox: Http2Outbox,
    stream: UploadingStream,
  ) {
    this.#streamId = streamId;
    this.#body = body;
    this.windowBytes = windowBytes;
    this.#outbox = outbox;
    this.#stream = stream;
  }

  /** Begins. */
  begin(): void {
    if (this.#begun || this.#over) return;
    this.#begun = true;
    const body = this.#body;
    if (body instanceof Upload) return body.begin(this, true);
    this.#ends = true;
    this.#give(body);
  }

  /** The peer has room for so much more on the stream, or less. Throws `protocol`. */
  widen(increment: number): void {
    this.windowBytes = widened(this.windowBytes, increment);
    if (this.#data.length > 0 && this.windowBytes > 0) this.#go();
  }

  /** Sends no more. */
  stop(why: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#data = nothing;
    this.#outbox.forget(this);
    if (this.#body instanceof Upload) {
      this.#body.stop(new TransportError("cancelled", `Request body stopped: ${why}`));
    }
  }

  // UploadLine

  send(bytes: Uint8Array, sent: () => void): void {
    if (this.#over) return;
    this.#sent = sent;
    this.#ends = (this.#body as Upload).handedOver;
    this.#give(bytes);
  }

  uploaded(): void {
    if (this.#over) return;
    this.#over = true;
    // The last frame of a body of known length has said so already.
    if (!this.#ends) this.#outbox.data(this.#streamId, nothing, true);
    this.#stream.uploaded();
  }

  uploadFailed(error: TransportError): void {
    if (this.#over) return;
    this.#over = true;
    this.#outbox.forget(this);
    this.#stream.uploadFailed(error);
  }

  // SendingStream

  sendNext(): boolean {
    const outbox = this.#outbox;
    const left = this.#data.length - this.#at;
    const count = Math.min(left, this.windowBytes, outbox.room);
    if (this.#over || count <= 0) return false;
    const at = this.#at;
    const last = count === left;
    this.#at += count;
    this.windowBytes -= count;
    const whole = at === 0 && last;
    outbox.data(this.#streamId, whole ? this.#data : this.#data.subarray(at, at + count), last && this.#ends);
    this.#stream.uploading();
    if (!last) return this.windowBytes > 0;
    this.#data = nothing;
    const sent = this.#sent;
    this.#sent = undefined;
    if (sent !== undefined) {
      sent();
    } else {
      this.#over = true;
      this.#stream.uploaded();
    }
    return false;
  }

  #give(data: Uint8Array): void {
    this.#data = data;
    this.#at = 0;
    this.#go();
  }

  #go(): void {
    const outbox = this.#outbox;
    if (outbox.crowded || outbox.room === 0) return outbox.wait(this);
    if (this.sendNext()) {
      outbox.wait(this);
      outbox.sendWaiting();
    }
  }
}
