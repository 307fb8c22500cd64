/**
 * heartbeat(): finds out that the peer is gone although the connection stands.
 *
 * @module
 */

import { type Channel, type ChannelTransport, formatAddress, type Message } from "../core/channel.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import { type DeadlineEntry, deadlinesOf } from "../core/deadline_queue.ts";
import { named, withFigures } from "../core/describe.ts";
import { counted } from "../core/figures.ts";
import { TransportError } from "../core/errors.ts";
import { duration, given, readOptions } from "../core/options.ts";
import type { Middleware } from "../core/service.ts";
import { AgreedChannel, type Agreement, firstKind } from "./agreed_channel.ts";
import { type MessageCounts, wrapTransport } from "./wrapped_channel.ts";

/**
 * Options of {@linkcode heartbeat}.
 *
 * @example
 * ```ts
 * import { heartbeat, type HeartbeatOptions } from "@wireway/wireway";
 * const options: HeartbeatOptions = { heartbeatMs: 5000, livenessMs: 2000 };
 * heartbeat(options);
 * ```
 */
export interface HeartbeatOptions {
  /** Time without a message from the peer after which it is asked for a sign of life, in milliseconds. @default {30000} */
  heartbeatMs?: number;
  /** Time for the answer to that, in milliseconds, after which the peer counts as gone. @default {10000} */
  livenessMs?: number;
  /** Measures the times. @default {systemClock} */
  clock?: Clock;
}

/**
 * Notices a peer that is gone without a word: a machine that lost its power, a
 * cable that was pulled, a firewall that has forgotten the connection. Such a
 * connection looks open for many minutes, and every call on it waits.
 *
 * A peer that has sent nothing for `heartbeatMs` is asked for a sign of life;
 * anything that it sends is one. Where none comes within `livenessMs`, the
 * connection ends with `connection-lost`. Each end watches by its own times,
 * and any of the two may have `Infinity`: it then only answers. A connection
 * that is in use costs two bytes for nothing, and an idle one 2 bytes each way
 * every `heartbeatMs`. The times are those of WebSocket pings here (30 s and
 * 10 s): shorter than the idle limits of most firewalls and balancers.
 *
 * While a receiver holds the reading back, the peer is not judged: its signs
 * of life could not be seen. A large message that takes longer than both times
 * to come through looks like silence; put {@linkcode heartbeat} below what cuts
 * messages, or give it the time.
 *
 * Both ends need it; the bytes are described in `src/channel/heartbeat.md`.
 * WebSockets have pings of their own and don't need it.
 *
 * Place: directly on the transport, inside of all other middleware for messages.
 *
 * Errors: `connection-lost`; `protocol` and `version-mismatch` for a peer that
 * has no heartbeat(), or another version of it; `invalid-option`.
 *
 * @example
 * ```ts
 * import { chain, heartbeat, mux, tcp } from "@wireway/wireway";
 * const wire = chain(tcp({ port: 9000 }), heartbeat({ heartbeatMs: 15_000, livenessMs: 5000 }), mux());
 * ```
 */
export function heartbeat(options: HeartbeatOptions = {}): Middleware<ChannelTransport> {
  const settings: HeartbeatSettings = readOptions("heartbeat()", options, {
    heartbeatMs: duration(30_000, 1),
    livenessMs: duration(10_000, 1),
    clock: given<Clock>(systemClock, "an object"),
  });
  const { clock: _, ...shown } = settings;
  return named(
    "heartbeat",
    shown,
    (inner: ChannelTransport): ChannelTransport => {
      const probes: ProbeCounts = { sent: 0, answered: 0, lost: 0 };
      const transport = wrapTransport(
        inner,
        (channel, counts) => new HeartbeatChannel(channel, settings, counts, probes).begin(),
      );
      return withFigures(transport, () => [
        counted("probes", probes.sent),
        counted("answered", probes.answered),
        counted("lost", probes.lost),
      ]);
    },
  );
}

/** Probes of all connections, their answers, and the connections that gave no sign of life. */
interface ProbeCounts {
  sent: number;
  answered: number;
  lost: number;
}

interface HeartbeatSettings {
  readonly heartbeatMs: number;
  readonly livenessMs: number;
  readonly clock: Clock;
}

const agreement: Agreement = { name: "heartbeat", marker: 0xff, version: 1, oldestVersion: 1 };

const Kind = { probe: firstKind, answer: firstKind + 1 } as const;
const probe = Uint8Array.of(agreement.marker, Kind.probe);
const answer = Uint8Array.of(agreement.marker, Kind.answer);

/** With more than this on its way to the peer a probe is not answered: what is on its way is a sign of life itself. */
const unansweredBytes = 64 * 1024;

/**
 * One entry of the deadline queue, moved lazily: a message that comes costs a
 * look at the clock, and the queue is touched only when the peer was silent.
 */
class HeartbeatChannel extends AgreedChannel implements DeadlineEntry {
  dueAt = Infinity;
  position = -1;
  readonly holds = false;
  readonly #settings: HeartbeatSettings;
  readonly #probes: ProbeCounts;
  #heardAt = 0;
  /** The receiver holds the reading back. */
  #paused = false;
  #stopped = false;

  constructor(inner: Channel, settings: HeartbeatSettings, counts: MessageCounts, probes: ProbeCounts) {
    super(inner, agreement, counts);
    this.#probes = probes;
    this.#settings = settings;
  }

  override begin(): this {
    this.#heardAt = this.#settings.clock.now();
    this.#lookAt(this.#heardAt + this.#settings.heartbeatMs);
    return super.begin();
  }

  override message(message: Message): void | Promise<void> {
    const { heartbeatMs, clock } = this.#settings;
    if (heartbeatMs !== Infinity) this.#heardAt = clock.now();
    const pause = super.message(message);
    if (pause !== undefined) this.#pause(pause);
    return pause;
  }

  override end(): void {
    // Nothing more can come from it.
    this.#stop();
    super.end();
  }

  expire(): void {
    const { heartbeatMs, livenessMs, clock } = this.#settings;
    const now = clock.now();
    const since = this.#paused ? now : this.#heardAt;
    const probeAt = since + heartbeatMs;
    if (now < probeAt) return this.#lookAt(probeAt);
    if (now >= probeAt + livenessMs) {
      this.#probes.lost++;
      const why = `Connection lost: ${formatAddress(this.remote)} gave no sign of life within ${livenessMs} ms`;
      return this.inner.abort(new TransportError("connection-lost", why));
    }
    this.#probes.sent++;
    this.control(probe);
    if (!this.over) this.#lookAt(Math.min(probeAt + livenessMs, now + heartbeatMs));
  }

  protected override own(kind: number): void {
    if (kind === Kind.answer) {
      this.#probes.answered++;
      return;
    }
    if (kind !== Kind.probe) {
      throw new TransportError("protocol", `Message of heartbeat() refused: its kind is ${kind}`);
    }
    if (this.closing === undefined && this.inner.bufferedBytes <= unansweredBytes) this.control(answer);
  }

  protected override finish(): void {
    // The peer has its time to linger from now on, which the channel within measures.
    this.#stop();
    super.finish();
  }

  protected override lost(): void {
    this.#stop();
    deadlinesOf(this.#settings.clock).trim();
  }

  #pause(pause: Promise<void>): void {
    this.#paused = true;
    const resume = (): void => {
      this.#paused = false;
      this.#heardAt = this.#settings.clock.now();
    };
    pause.then(resume, resume);
  }

  #stop(): void {
    this.#stopped = true;
    deadlinesOf(this.#settings.clock).remove(this);
  }

  #lookAt(at: number): void {
    if (this.#stopped || at === Infinity) return;
    this.dueAt = at;
    deadlinesOf(this.#settings.clock).add(this);
  }
}
