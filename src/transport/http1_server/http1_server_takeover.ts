/**
 * A connection of the HTTP/1.1 server that a long-lived answer has for itself.
 *
 * @module
 */

import { type Address, type ChannelCounters, formatAddress } from "../../core/channel.ts";
import { TransportError } from "../../core/errors.ts";

/** Who has taken a connection over. */
export interface TakeoverOwner {
  /** It is over: the client has left, or `error` says what else. Not called after `finish()` and `abort()`. */
  ended(error: TransportError | undefined): void;
}

/** What is left to the connection of one that was taken over. */
export interface TakeoverHost {
  readonly conn: Deno.Conn;
  readonly remote: Address;
  readonly counters: ChannelCounters;
  /** The client has so much time to take the rest. */
  readonly writeTimeoutMs: number;
  /** Closes the connection after that time, unless it has ended by then. */
  endWithin(ms: number): void;
  /** Ends our side, and gives the client a little time to end its own. */
  endWrite(): Promise<void>;
  /** Closes the connection, for good. */
  close(error: TransportError | undefined): void;
}

/**
 * Nothing that a client sends now is of any use: all connections read into the
 * same few bytes.
 */
export const discarded: Uint8Array = new Uint8Array(1024);

/** A client that goes on sending is up to no good past so many bytes. */
const maxDiscardedBytes = 64 * 1024;

/**
 * Writes as they are asked for, one at a time; a pending read tells when the
 * client leaves. Keeps no buffer.
 */
export class Takeover {
  readonly #host: TakeoverHost;
  readonly #owner: TakeoverOwner;
  readonly #onRead = (count: number | null): void => this.#read(count);
  readonly #onLost = (error: unknown): void => this.lost(error);
  #discardedBytes = 0;
  #state: "open" | "ending" | "ended" | "over" = "open";

  constructor(host: TakeoverHost, owner: TakeoverOwner) {
    this.#host = host;
    this.#owner = owner;
    this.#readMore();
  }

  /** Who reads. */
  get remote(): Address {
    return this.#host.remote;
  }

  /** Writes some of the bytes and resolves with how many. One write at a time. */
  write(bytes: Uint8Array): Promise<number> {
    return this.#host.conn.write(bytes);
  }

  /** So many bytes went out. */
  wrote(byteLength: number): void {
    this.#host.counters.bytesOut += byteLength;
  }

  /** The last bytes are being written: there is a limit on their time. */
  ending(): void {
    if (this.#state !== "open") return;
    this.#state = "ending";
    this.#host.endWithin(this.#host.writeTimeoutMs);
  }

  /** All that there was has been written: ends our side, and waits a little for the client's. */
  finish(): void {
    if (this.#state === "over") return;
    this.#state = "ended";
    this.#host.endWrite().catch(this.#onLost);
  }

  /** Ends at once. */
  abort(error: TransportError | undefined): void {
    if (this.#state === "over") return;
    this.#state = "over";
    this.#host.close(error);
  }

  /** Reading or writing has failed: the client has gone. */
  lost(error: unknown): void {
    this.end(this.#state === "ended" ? undefined : TransportError.from(error, "connection-lost"));
  }

  /** The client has had its time to take the rest, or to end its side. */
  late(): void {
    if (this.#state === "ended") return this.end(undefined);
    const ms = this.#host.writeTimeoutMs;
    const why = `Connection closed: ${formatAddress(this.remote)} did not take the rest of its answer within ${ms} ms`;
    this.end(new TransportError("connection-lost", why));
  }

  /** It is over, by no doing of its owner. */
  end(error: TransportError | undefined): void {
    if (this.#state === "over") return;
    this.abort(error);
    this.#owner.ended(error);
  }

  #readMore(): void {
    this.#host.conn.read(discarded).then(this.#onRead, this.#onLost);
  }

  #read(count: number | null): void {
    if (this.#state === "over") return;
    if (count === null) return this.end(undefined);
    this.#host.counters.bytesIn += count;
    this.#discardedBytes += count;
    if (this.#discardedBytes <= maxDiscardedBytes) return this.#readMore();
    const why = `Connection closed: the client sent more than ${maxDiscardedBytes} bytes into a long-lived answer`;
    this.end(new TransportError("protocol", why));
  }
}
