/**
 * The pings of a mux() session.
 *
 * @module
 */

import { type DeadlineEntry, deadlinesOf } from "../core/deadline_queue.ts";
import { TransportError } from "../core/errors.ts";
import type { MuxLink } from "./mux_link.ts";
import * as wire from "./mux_wire.ts";

const { Kind } = wire;

/** A ping that waits for its answer. */
class Ping implements DeadlineEntry {
  readonly sentAt: number;
  readonly dueAt: number;
  position = -1;
  readonly holds = true;
  readonly answer = Promise.withResolvers<number>();
  readonly expire: () => void;

  constructor(sentAt: number, timeoutMs: number, expire: () => void) {
    this.sentAt = sentAt;
    this.dueAt = sentAt + timeoutMs;
    this.expire = expire;
  }
}

/** See the module. */
export class MuxPings {
  readonly #link: MuxLink;
  #waiting: Map<number, Ping> | undefined = undefined;
  #next = 1;

  constructor(link: MuxLink) {
    this.#link = link;
  }

  /** Asks the peer for a sign of life; resolves with the round trip in milliseconds. */
  ping(): Promise<number> {
    const { settings: { clock, pingTimeoutMs }, where } = this.#link;
    const number = this.#next++ >>> 0;
    const ping = new Ping(clock.now(), pingTimeoutMs, () => {
      const why = `Ping lost: ${where} did not answer within ${pingTimeoutMs} ms`;
      this.#fail(number, new TransportError("deadline-exceeded", why));
    });
    (this.#waiting ??= new Map()).set(number, ping);
    deadlinesOf(clock).add(ping);
    this.#link.sendUrgent(wire.numberFrame(Kind.ping, number));
    return ping.answer.promise;
  }

  /** The peer asks. */
  answer(frame: Uint8Array): void {
    if (frame.length !== 5) {
      throw new TransportError("protocol", `Frame refused: a ping of ${frame.length} bytes, not 5`);
    }
    this.#link.sendUrgent(wire.numberFrame(Kind.pong, wire.readU32(frame, 1)));
  }

  /** The peer has answered; an answer that comes too late is none. */
  answered(frame: Uint8Array): void {
    if (frame.length !== 5) {
      throw new TransportError("protocol", `Frame refused: a pong of ${frame.length} bytes, not 5`);
    }
    const ping = this.#taken(wire.readU32(frame, 1));
    ping?.answer.resolve(this.#link.settings.clock.now() - ping.sentAt);
  }

  /** The connection is gone. */
  failAll(error: TransportError): void {
    for (const number of [...this.#waiting?.keys() ?? []]) this.#fail(number, error);
  }

  #fail(number: number, error: TransportError): void {
    this.#taken(number)?.answer.reject(error);
  }

  #taken(number: number): Ping | undefined {
    const ping = this.#waiting?.get(number);
    if (ping === undefined) return undefined;
    this.#waiting!.delete(number);
    deadlinesOf(this.#link.settings.clock).remove(ping);
    return ping;
  }
}
