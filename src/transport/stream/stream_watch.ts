/**
 * The limits on time of one connection: idle, unfinished frames, silence, and
 * the lingering at its end.
 *
 * @module
 */

import { type Address, formatAddress } from "../../core/channel.ts";
import type { Clock } from "../../core/clock.ts";
import { TransportError } from "../../core/errors.ts";
import { LazyDeadline } from "../../core/lazy_deadline.ts";

/** The limits, in milliseconds; `Infinity` for none. */
export interface WatchSettings {
  /** Time without a byte received after which the connection ends. */
  readonly idleTimeoutMs: number;
  /** Time in which a frame that was begun must be whole. */
  readonly frameTimeoutMs: number;
  /** Time that a peer has to end its side after this one did. */
  readonly lingerMs: number;
  /** Time without a byte received after which the peer is asked for a sign of life. */
  readonly heartbeatMs: number;
  /** Time for the answer to that. */
  readonly livenessMs: number;
  readonly clock: Clock;
}

/** The connection that is watched. */
export interface Watched {
  readonly remote: Address;
  /** Bytes that the peer has not taken yet. */
  readonly bufferedBytes: number;
  /** Asks the peer for a sign of life. */
  probe(): void;
  /** A limit was passed. */
  timedOut(error: TransportError): void;
  /** The peer has taken all and not ended its side in time. */
  lingered(): void;
}

/** See the module. A byte that comes in costs a look at the clock, and the queue is touched only when a limit could be near. */
export class StreamWatch extends LazyDeadline {
  readonly #settings: WatchSettings;
  readonly #watched: Watched;
  /** `Infinity` where nobody asks: then it is not known. */
  #lastByteAt = Infinity;
  // What most connections never have is undefined, which takes less memory than a number.
  /** When the peer was last asked for a sign of life. */
  #probedAt: number | undefined = undefined;
  /** Since when a frame is unfinished. */
  #frameSince: number | undefined = undefined;
  /** How long the peer has to linger, and what was still to be sent when that was last looked at. */
  #linger: { readonly until: number; readonly bytes: number } | undefined = undefined;
  #paused = false;

  constructor(settings: WatchSettings, watched: Watched) {
    super(settings.clock);
    this.#settings = settings;
    this.#watched = watched;
  }

  /** The receiving begins. */
  begin(): void {
    this.noteBytes();
  }

  /** Bytes have come in. */
  noteBytes(): void {
    const { idleTimeoutMs, heartbeatMs } = this.#settings;
    if (idleTimeoutMs === Infinity && heartbeatMs === Infinity) {
      this.#lastByteAt = Infinity;
      return;
    }
    const first = this.#lastByteAt === Infinity;
    this.#lastByteAt = this.clock.now();
    if (first) this.lookAt(this.#lastByteAt + Math.min(idleTimeoutMs, heartbeatMs));
  }

  /** All frames that were begun are whole. */
  noteWhole(): void {
    this.#frameSince = undefined;
  }

  /** A frame is unfinished: another one than before where messages have come since. */
  noteUnfinished(another: boolean): void {
    const { frameTimeoutMs } = this.#settings;
    if (frameTimeoutMs === Infinity || (this.#frameSince !== undefined && !another)) return;
    this.#frameSince = this.clock.now();
    this.lookAt(this.#frameSince + frameTimeoutMs);
  }

  /** Nothing is read for a while: a peer can't finish a frame in it, nor give a sign of life. */
  pause(): void {
    this.#paused = true;
    this.#frameSince = undefined;
  }

  /** Reading goes on. */
  resume(): void {
    this.#paused = false;
    this.noteBytes();
  }

  /** This side has ended, or all of its bytes have gone: from now on the peer has its time to linger. */
  linger(): void {
    const until = this.clock.now() + this.#settings.lingerMs;
    this.#linger = { until, bytes: this.#watched.bufferedBytes };
    this.lookAt(until);
  }

  expire(): void {
    const { idleTimeoutMs, frameTimeoutMs, heartbeatMs, livenessMs } = this.#settings;
    const now = this.clock.now();
    const lingerUntil = this.#linger?.until ?? Infinity;
    const frameUntil = (this.#frameSince ?? Infinity) + frameTimeoutMs;
    if (now >= lingerUntil) return this.#lingered();
    const where = formatAddress(this.#watched.remote);
    if (now >= frameUntil) {
      const why = `Connection closed: ${where} began a frame and did not finish it within ${frameTimeoutMs} ms`;
      return this.#watched.timedOut(new TransportError("protocol", why));
    }
    const since = this.#paused ? now : this.#lastByteAt;
    if (now >= since + idleTimeoutMs) {
      const why = `Connection closed: nothing came from ${where} for ${idleTimeoutMs} ms`;
      return this.#watched.timedOut(new TransportError("connection-lost", why));
    }
    // Bytes that came in the instant of the question are an answer.
    const askedAt = this.#probedAt !== undefined && this.#probedAt > since ? this.#probedAt : undefined;
    if (askedAt !== undefined && now >= askedAt + livenessMs) {
      const why = `Connection lost: ${where} gave no sign of life within ${livenessMs} ms`;
      return this.#watched.timedOut(new TransportError("connection-lost", why));
    }
    let aliveAt = askedAt === undefined ? since + heartbeatMs : askedAt + livenessMs;
    // Never lost unasked, whatever the limits were before. Who lingers was asked by the goodbye.
    if (now >= aliveAt) {
      if (lingerUntil === Infinity) this.#watched.probe();
      this.#probedAt = now;
      aliveAt = now + livenessMs;
    }
    // Bytes came in the meantime; look again when the next limit could be reached.
    this.lookAt(Math.min(since + idleTimeoutMs, aliveAt, frameUntil, lingerUntil));
  }

  /** The peer's time is over: it has ended nothing, and perhaps not even taken what was sent before the end. */
  #lingered(): void {
    const left = this.#watched.bufferedBytes;
    if (left === 0) return this.#watched.lingered();
    if (left < (this.#linger?.bytes ?? 0)) return this.linger();
    const where = formatAddress(this.#watched.remote);
    const why = `Connection lost: ${where} took none of the last ${left} bytes within ${this.#settings.lingerMs} ms`;
    this.#watched.timedOut(new TransportError("connection-lost", why));
  }
}
