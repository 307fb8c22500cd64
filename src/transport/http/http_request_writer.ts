/**
 * Writing requests to a connection: one write at a time, and the body behind
 * its head.
 *
 * @module
 */

import { TransportError } from "../../core/errors.ts";
import type { Upload, UploadLine } from "./http_upload.ts";
import type { ByteStream } from "../stream/byte_stream.ts";

/** The connection that is written to. */
export interface WritingConnection {
  /** All that was to be written is. */
  written(): void;
  /** Some of a body goes out. */
  uploading(): void;
  /** The peer takes no more, or the system has lost it. */
  writeFailed(error: unknown): void;
  /** The body can't be sent. */
  uploadFailed(error: TransportError): void;
}

const nothing = new Uint8Array(0);

/** See the module. */
export class RequestWriter implements UploadLine {
  /** A write is under way. */
  writing = false;
  /** Whether the system has taken any of the request. */
  took = false;
  /** Why nothing can be written any more. */
  error: unknown = undefined;
  /** The body was stopped before its end. */
  stopped = false;
  readonly #stream: ByteStream;
  readonly #connection: WritingConnection;
  readonly #counts: { bytesOut: number };
  #unwritten: Uint8Array = nothing;
  #sent: (() => void) | undefined = undefined;
  #upload: Upload | undefined = undefined;
  #over = false;
  readonly #beginUpload = (): void => this.#upload?.begin(this);
  readonly #onWrote = (count: number): void => this.#wrote(count);
  readonly #onFailed = (error: unknown): void => this.#failed(error);

  /** Writes to `stream`, and counts what has gone. */
  constructor(stream: ByteStream, connection: WritingConnection, counts: { bytesOut: number }) {
    this.#counts = counts;
    this.#stream = stream;
    this.#connection = connection;
  }

  /** Whether a body is still to be sent, or being sent. */
  get uploads(): boolean {
    return this.#upload !== undefined;
  }

  /** Writes a request; the body follows at once unless it waits to be asked for. */
  begin(bytes: Uint8Array, upload: Upload | undefined, waits: boolean): void {
    this.took = false;
    this.#upload = upload;
    this.#write(bytes, upload === undefined || waits ? undefined : this.#beginUpload);
  }

  /** The body has waited long enough. */
  proceed(): void {
    if (this.writing) this.#sent = this.#beginUpload;
    else this.#beginUpload();
  }

  /** Sends no more of the body. */
  stopUpload(why: string): void {
    const upload = this.#upload;
    if (upload === undefined) return;
    this.#upload = undefined;
    this.stopped = true;
    upload.stop(new TransportError("cancelled", `Request body stopped: ${why}`));
  }

  /** Sends no more of a body whose response is there, unless all of it is with the system as good as. */
  endUpload(): void {
    if (this.#upload?.handedOver === false) this.stopUpload("the server has answered");
  }

  /** The connection is over. */
  stop(): void {
    this.#over = true;
    this.stopUpload("its connection is over");
  }

  // UploadLine

  send(bytes: Uint8Array, sent: () => void): void {
    if (this.#over || this.error !== undefined) return;
    this.#connection.uploading();
    this.#write(bytes, sent);
  }

  uploaded(): void {
    this.#upload = undefined;
    this.#connection.written();
  }

  uploadFailed(error: TransportError): void {
    this.#upload = undefined;
    this.#connection.uploadFailed(error);
  }

  #write(bytes: Uint8Array, sent: (() => void) | undefined): void {
    this.writing = true;
    this.#unwritten = bytes;
    this.#sent = sent;
    this.#stream.write(bytes).then(this.#onWrote, this.#onFailed);
  }

  #wrote(count: number): void {
    if (this.#over) return;
    this.took = true;
    this.#counts.bytesOut += count;
    if (count < this.#unwritten.length) {
      this.#unwritten = this.#unwritten.subarray(count);
      this.#stream.write(this.#unwritten).then(this.#onWrote, this.#onFailed);
      return;
    }
    this.writing = false;
    this.#unwritten = nothing;
    const sent = this.#sent;
    this.#sent = undefined;
    if (sent !== undefined) sent();
    else this.#connection.written();
  }

  #failed(error: unknown): void {
    if (this.#over) return;
    this.writing = false;
    this.error = error;
    this.stopUpload("the peer takes no more of it");
    this.#connection.writeFailed(error);
  }
}
