/**
 * Says something to a peer that holds back what it sends until all before it is
 * acknowledged (`Channel.peerHoldsBack`).
 *
 * An end with nothing to say acknowledges what it got after some 40 ms, or with
 * the next bytes that it sends. By that would be late: a second reply, each item
 * of a stream, and what goes beyond 16 KiB of a message, the size of a TLS record.
 *
 * @module
 */

import { type DeadlineEntry, deadlinesOf } from "../core/deadline_queue.ts";
import type { MuxLink } from "./mux_link.ts";
import * as wire from "./mux_wire.ts";

/** How long something to send may come by itself, in milliseconds. */
const patienceMs = 1;

/** See the module. */
export class MuxNudge implements DeadlineEntry {
  dueAt = 0;
  position = -1;
  readonly holds = false;
  readonly #link: MuxLink;
  readonly #waiting: { readonly load: number };
  /** What had been sent when something came last. */
  #sentBefore = 0;
  /** There was a nudge since the last whole frame. */
  #nudged = false;

  /** For the session that `link` is of, and the calls that it waits for. */
  constructor(link: MuxLink, waiting: { readonly load: number }) {
    this.#link = link;
    this.#waiting = waiting;
  }

  /** A frame has come. */
  received(): void {
    this.#nudged = false;
    if (this.#waiting.load > 0) this.#soon();
    else this.stop();
  }

  /** A part of a frame has come: the peer surely has more to say. At once for the first part, since most have two. */
  begun(): void {
    if (this.#nudged) return this.#soon();
    this.#nudged = true;
    this.#nudge();
  }

  /** Nothing is waited for, or the connection is gone. */
  stop(): void {
    deadlinesOf(this.#link.settings.clock).remove(this);
  }

  // DeadlineEntry

  expire(): void {
    if (this.#link.sent === this.#sentBefore) this.#nudge();
  }

  #soon(): void {
    this.#sentBefore = this.#link.sent;
    if (this.position >= 0) return;
    const { clock } = this.#link.settings;
    this.dueAt = clock.now() + patienceMs;
    deadlinesOf(clock).add(this);
  }

  #nudge(): void {
    const { channel, peer } = this.#link;
    // What is on its way already will do, and before its hello a peer is to hear of nothing else.
    if (channel.bufferedBytes > 0 || peer === undefined) return;
    try {
      // The answer to no PING means nothing, and is not answered in turn.
      void channel.send(wire.numberFrame(wire.Kind.pong, 0), 0);
    } catch {
      // It is being closed.
    }
  }
}
