/**
 * What event streams have in common, whatever they are written to: the queue,
 * the replay, the heartbeat and the end.
 *
 * @module
 */

import { type DeadlineEntry, deadlinesOf } from "../../core/deadline_queue.ts";
import { TransportError } from "../../core/errors.ts";
import type { EventMessage } from "../../framing/event_stream/event_stream_events.ts";
import { formatComment, formatEvent, formatGap } from "../../framing/event_stream/event_stream_writer.ts";
import { reportUncaught } from "../../util/report_uncaught.ts";
import type { EventStream, EventStreamSettings, EventStreamStart } from "./event_stream_options.ts";
import { EventQueue } from "./event_stream_queue.ts";
import type { EventStreamTurns, RoundMember } from "./event_stream_turns.ts";

/** Comments that wait are few: past this many bytes they are ignored. */
const maxNoticeBytes = 64 * 1024;

/** A stream of events; the subclass writes it to where it goes. */
export abstract class EventStreamCore implements EventStream, DeadlineEntry, RoundMember {
  readonly lastEventId: string;
  dueAt = 0;
  position = -1;
  readonly holds = false;
  readonly #settings: EventStreamSettings;
  readonly #queue: EventQueue = new EventQueue();
  readonly #turns: EventStreamTurns;
  #maxBytes: number;
  #state: "open" | "closing" | "over" = "open";
  #error: TransportError | undefined = undefined;
  #scheduled = false;
  /** Whether the reader has yet to take the chunk before; then `resume()` is called. */
  #behind = false;
  /** Whether anything was written since the heartbeat looked. */
  #spoke = true;
  #drained: PromiseWithResolvers<void> | undefined = undefined;
  #closed: PromiseWithResolvers<TransportError | undefined> | undefined = undefined;
  #abort: AbortController | undefined = undefined;
  #cleanup: Disposable | undefined = undefined;

  constructor(settings: EventStreamSettings, lastEventId: string, turns: EventStreamTurns) {
    this.#settings = settings;
    this.#turns = turns;
    this.#maxBytes = settings.maxBufferedBytes;
    this.lastEventId = lastEventId;
  }

  readonly send = (event: EventMessage | Uint8Array): void | Promise<void> => {
    if (this.#state !== "open") throw new TransportError("closed", "Cannot send event: the event stream is closed");
    const item = event instanceof Uint8Array ? event : formatEvent(event);
    const { length } = item;
    if (length === 0) return;
    const { maxBufferedBytes, highWaterBytes, overflow } = this.#settings;
    if (length > maxBufferedBytes) throw tooLarge(length, maxBufferedBytes);
    const queue = this.#queue;
    const turns = this.#turns;
    // What waits for the end of a rest does not wait for the reader.
    if (queue.bytes + length > this.#maxBytes && turns.isResting) this.#writeNow();
    if (queue.bytes + length > this.#maxBytes) {
      if (overflow === "close") return this.fail(tooSlow(queue.bytes, this.#maxBytes));
      queue.shrink(this.#maxBytes - length);
    }
    queue.add(item);
    if (queue.bytes > highWaterBytes && turns.isResting) this.#writeNow();
    else this.#schedule();
    if (queue.bytes > highWaterBytes) return (this.#drained ??= Promise.withResolvers<void>()).promise;
  };

  readonly comment = (text = ""): void => {
    // A comment says that the stream is alive. So does what waits for its reader.
    if (this.#state !== "open" || this.#behind || this.#queue.notice.length > maxNoticeBytes) return;
    this.#queue.notice += formatComment(text);
    this.#schedule();
  };

  readonly close = (): void => {
    if (this.#state !== "open") return;
    this.#state = "closing";
    if (this.#turns.isResting) this.#writeNow();
    else this.#schedule();
  };

  get bufferedBytes(): number {
    return this.#queue.bytes;
  }

  get dropped(): number {
    return this.#queue.dropped;
  }

  get closed(): Promise<TransportError | undefined> {
    if (this.#closed === undefined) {
      this.#closed = Promise.withResolvers();
      if (this.#state === "over") this.#closed.resolve(this.#error);
    }
    return this.#closed.promise;
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.#state === "over") this.#abort.abort(endOf(this.#error));
    }
    return this.#abort.signal;
  }

  /** Whether what it is written to takes a chunk now. */
  protected abstract ready(): boolean;

  /** Writes a chunk. */
  protected abstract put(chunk: Uint8Array): void;

  /** Ends in order, behind what was written. */
  protected abstract finish(): void;

  /** Ends at once, in the middle: the reader sees that, and comes back. */
  protected abstract cut(error: TransportError): void;

  /** What stands in the way of writing: asked where the heartbeat looks. */
  protected stalled(_now: number): TransportError | undefined {
    return undefined;
  }

  /** Whether chunks wait for `resume()`. */
  protected get isBehind(): boolean {
    return this.#behind;
  }

  /** Calls what makes the events, and lives as long as that says. Throws what it throws. */
  run(start: EventStreamStart): void {
    let lifetime: ReturnType<EventStreamStart>;
    try {
      lifetime = start(this);
    } catch (error) {
      this.fail(TransportError.from(error, "remote"));
      throw error;
    }
    if (lifetime === undefined) return;
    if ("then" in lifetime) lifetime.then(this.close, (error) => this.fail(TransportError.from(error, "remote")));
    else if (this.#state === "over") dispose(lifetime);
    else this.#cleanup = lifetime;
  }

  /** Fails: the reader sees a cut, and comes back. */
  fail(error: TransportError): void {
    if (this.#state === "over") return;
    this.cut(error);
    this.over(error);
  }

  /** Ends in order, because of `error`: what waits for the end of a turn or of a rest still goes out. */
  protected endWith(error: TransportError): void {
    this.#writeNow();
    if (this.#state === "over") return;
    this.finish();
    this.over(error);
  }

  /** Begins: `put()` is called from now on. */
  protected begin(): void {
    this.#turns.join();
    const { retryMs, replay, heartbeatMs, clock } = this.#settings;
    // Something at once: there are proxies that pass on the head with the first bytes of the body.
    this.#queue.notice = retryMs === undefined ? formatComment() : formatEvent({ retry: retryMs });
    if (replay !== undefined && this.lastEventId !== "") {
      const { complete, events } = replay.after(this.lastEventId);
      if (!complete) this.#queue.notice += formatGap(undefined);
      for (const event of events) this.#queue.add(event);
      // What is replayed must not push itself out: the reader would come back for it again and again.
      this.#maxBytes += this.#queue.bytes;
    }
    this.#schedule();
    this.dueAt = clock.now() + heartbeatMs / 2;
    deadlinesOf(clock).add(this);
  }

  /** There is room again for what waits. */
  protected resume(): void {
    if (!this.#behind) return;
    this.#behind = false;
    this.write();
  }

  /** The heartbeat. It looks twice in its time, so that no silence is longer than that. */
  expire(): void {
    const { heartbeatMs, clock } = this.#settings;
    const now = clock.now();
    const error = this.stalled(now);
    if (error !== undefined) return this.fail(error);
    if (!this.#spoke) this.comment();
    this.#spoke = false;
    this.dueAt = now + heartbeatMs / 2;
    deadlinesOf(clock).add(this);
  }

  /** Writes what waits, as far as the reader takes it. */
  write(): void {
    this.#scheduled = false;
    if (this.#state === "over") return;
    const queue = this.#queue;
    while (!queue.isEmpty) {
      if (!this.ready()) {
        this.#behind = true;
        return;
      }
      this.put(queue.take());
      this.#spoke = true;
      if (this.#drained !== undefined && queue.bytes <= this.#settings.highWaterBytes >> 1) {
        this.#drained.resolve();
        this.#drained = undefined;
      }
    }
    if (this.#state === "closing") {
      this.finish();
      this.over(undefined);
    }
  }

  /** Writes before the end of the turn, or of the rest. */
  #writeNow(): void {
    if (this.#behind) return;
    const scheduled = this.#scheduled;
    this.write();
    // Its place in the next round, if it has one, it keeps: it shall have no second.
    this.#scheduled = scheduled;
  }

  #schedule(): void {
    // A reader that is behind asks for more itself.
    if (this.#scheduled || this.#behind) return;
    this.#scheduled = true;
    this.#turns.add(this);
  }

  /** It is over, in whatever way. */
  protected over(error: TransportError | undefined): void {
    if (this.#state === "over") return;
    this.#state = "over";
    this.#error = error;
    this.#queue.clear();
    this.#turns.leave();
    const deadlines = deadlinesOf(this.#settings.clock);
    deadlines.remove(this);
    deadlines.trim();
    // Whoever waits for room must not wait forever; the next send says what happened.
    this.#drained?.resolve();
    this.#drained = undefined;
    this.#closed?.resolve(error);
    this.#abort?.abort(endOf(error));
    const cleanup = this.#cleanup;
    this.#cleanup = undefined;
    if (cleanup !== undefined) dispose(cleanup);
  }
}

/** What a program throws here must not keep other streams from being written. */
function dispose(lifetime: Disposable): void {
  try {
    lifetime[Symbol.dispose]();
  } catch (error) {
    reportUncaught(error);
  }
}

function endOf(error: TransportError | undefined): TransportError {
  return error ?? new TransportError("closed", "Event stream ended");
}

function tooLarge(bytes: number, maxBytes: number): TransportError {
  return new TransportError("message-too-large", `Cannot send event: it has ${bytes} bytes, ${maxBytes} are allowed`);
}

function tooSlow(bytes: number, maxBytes: number): TransportError {
  return new TransportError(
    "overloaded",
    `Event stream ended: ${bytes} bytes wait for a reader that does not read, ${maxBytes} are allowed`,
  );
}
