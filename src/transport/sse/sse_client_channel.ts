/**
 * The client's end of an sse() channel: reads a stream of events, and has it
 * resumed whenever it is cut.
 *
 * @module
 */

import { TransportError } from "../../core/errors.ts";
import { sleep } from "../../core/sleep.ts";
import type { ReceivedEvent } from "../../framing/event_stream/event_stream_events.ts";
import { readItem, readNumber } from "../../framing/event_stream/sse_messages.ts";
import { backoffMs } from "../../util/backoff.ts";
import { Alarm } from "./sse_alarm.ts";
import type { SseCarrier, SseFieldLines, SseStream } from "./sse_carrier.ts";
import { SseChannel, type SsePlace } from "./sse_channel.ts";
import type { SseEvents } from "./sse_events.ts";
import type { SseSettings } from "./sse_options.ts";
import { isTransient, type SsePoster, SsePosts } from "./sse_poster.ts";
import { readAbort, readOpen, sseFields, type SseTerms } from "./sse_protocol.ts";

/** What there is when a server has opened a channel. */
export interface OpenedStream {
  readonly stream: SseStream;
  /** With the events behind the first one. */
  readonly events: SseEvents;
  readonly terms: SseTerms;
  /** Those that came along with the first. */
  readonly rest: ReceivedEvent[];
}

/** See the module. */
export class SseClientChannel extends SseChannel {
  readonly #carrier: SseCarrier;
  readonly #terms: SseTerms;
  readonly #events: SseEvents;
  readonly #posts: SsePosts;
  readonly #life: AbortController = new AbortController();
  readonly #silence: Alarm;
  readonly #heartbeat: Alarm;
  readonly #running: Promise<void>;
  #stream: SseStream | undefined = undefined;
  #scheduled = false;
  #endCame = false;
  #ackedBytes = 0;
  /** Attempts to reconnect since a stream was last opened, and since when. */
  #attempt = 0;
  #lostAt = 0;

  constructor(settings: SseSettings, place: SsePlace, carrier: SseCarrier, opened: OpenedStream) {
    super(settings, place);
    this.#carrier = carrier;
    this.#terms = opened.terms;
    this.#events = opened.events;
    const poster: SsePoster = {
      outbox: this.outbox,
      handedUpTo: () => this.handed,
      sentUpTo: (number) => void this.acknowledge(number),
      failed: (error) => this.finish(error, false),
      refused: (status, text) => this.#refused(status, text),
    };
    this.#posts = new SsePosts(settings, carrier, opened.terms, poster);
    this.#silence = new Alarm(settings.clock, () => this.#silent());
    this.#heartbeat = new Alarm(settings.clock, () => this.#beat());
    this.#heartbeat.set(opened.terms.heartbeatMs / 2);
    this.#running = this.#run(opened);
  }

  protected override get connected(): boolean {
    return this.#stream !== undefined && !this.#posts.failing;
  }

  protected override wake(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    // What is sent in one turn goes into one POST.
    queueMicrotask(() => {
      this.#scheduled = false;
      void this.#posts.pump();
    });
  }

  protected override noteHanded(): void {
    const due = this.peerEnded || this.handedBytes - this.#ackedBytes >= this.#terms.ackBytes;
    if (due) this.#ackedBytes = this.handedBytes;
    this.#posts.acknowledge(due);
  }

  protected override async release(error: TransportError | undefined, tell: boolean): Promise<void> {
    this.#life.abort();
    this.#silence.clear();
    this.#heartbeat.clear();
    this.#posts.stop();
    this.#stream?.cancel();
    const inOrder = error === undefined && !tell;
    if (inOrder || tell) await this.#posts.farewell(inOrder);
    // A connection that was being opened or read is let go of only now, and not behind whoever waits for the end.
    await Promise.all([this.#posts.abandon(), this.#running]);
    this.#carrier.close();
  }

  async #run({ stream, rest }: OpenedStream): Promise<void> {
    this.#takeOrFail(rest);
    for (let next: SseStream | undefined = stream; next !== undefined;) {
      await this.#read(next);
      next.cancel();
      this.#stream = undefined;
      if (this.over) return;
      if (this.#attempt === 0) this.#lostAt = this.settings.clock.now();
      this.#events.reset();
      next = await this.#resume();
    }
  }

  /** Reads a stream to its end, or to where it is lost. */
  async #read(stream: SseStream): Promise<void> {
    this.#stream = stream;
    const silenceMs = this.#terms.heartbeatMs + this.#terms.livenessMs;
    for (;;) {
      this.deliver();
      // A receiver that pauses stops the reading; what comes meanwhile is the connection's to hold.
      if (!this.idle && !this.over) await this.emptied();
      if (this.over) return;
      this.#silence.set(silenceMs);
      let chunk: Uint8Array | null;
      try {
        chunk = await stream.read();
      } catch {
        return;
      } finally {
        this.#silence.clear();
      }
      if (chunk === null || this.over) return;
      this.#takeOrFail(undefined, chunk);
    }
  }

  #takeOrFail(events: ReceivedEvent[] | undefined, chunk?: Uint8Array): void {
    try {
      if (chunk !== undefined) this.#events.push(chunk);
      this.#take(events ?? this.#events.take());
    } catch (error) {
      this.finish(TransportError.from(error, "protocol"), true);
    }
  }

  #take(events: ReceivedEvent[]): void {
    for (const event of events) {
      if (this.over) return;
      if (event.event === "open") this.#reopened(event.data);
      else if (event.event === "abort") {
        this.finish(this.lost(`the server has closed it: ${readAbort(event.data)}`, { reason: "peer" }), false);
      } else this.#item(event);
    }
  }

  #reopened(data: string): void {
    const { channel } = readOpen(data);
    if (channel !== this.#terms.channel) {
      throw new TransportError("protocol", "Stream refused: it is that of another channel");
    }
    this.#attempt = 0;
    this.#posts.retry();
  }

  #item(event: ReceivedEvent): void {
    const item = readItem(event);
    // Other events are for later versions to give a meaning.
    if (item === undefined) return;
    const number = readNumber(event.id);
    if (number === undefined || number === 0) {
      throw new TransportError(
        "protocol",
        `Event refused: its id ${JSON.stringify(event.id.slice(0, 60))} is no number`,
      );
    }
    if (number <= this.received) return;
    const expected = this.received + 1;
    if (number > expected) {
      const why = `message ${expected} is missing, ${number} came`;
      return this.finish(this.lost(why, { reason: "gap", expected, came: number }), true);
    }
    if (this.#endCame) throw new TransportError("protocol", "Event refused: it comes after the end");
    if (typeof item === "symbol") this.#endCame = true;
    this.take(item);
  }

  /** Asks for the stream again, until there is one. Undefined where there will be none. */
  async #resume(): Promise<SseStream | undefined> {
    const { clock, maxRetryMs, headers } = this.settings;
    const { resumeWindowMs, retryMs, channel } = this.#terms;
    const { signal } = this.#life;
    for (;;) {
      const leftMs = resumeWindowMs - (clock.now() - this.#lostAt);
      if (leftMs <= 0) {
        const why = `it could not be reached for ${resumeWindowMs} ms`;
        this.finish(this.lost(why, { reason: "resume-window" }), false);
        return undefined;
      }
      const waitMs = backoffMs(++this.#attempt, { initialMs: retryMs, maxMs: maxRetryMs });
      await sleep(clock, Math.min(waitMs, leftMs), signal);
      if (this.over) return undefined;
      const fields: SseFieldLines = [
        ...Object.entries(headers),
        [sseFields.channel, channel],
        [sseFields.lastEventId, `${this.received}`],
      ];
      const stream = await this.#open(fields);
      if (this.over) {
        stream?.cancel();
        return undefined;
      }
      if (stream === undefined) continue;
      const { status, type } = stream;
      if (status === 200 && type === "text/event-stream") return stream;
      stream.cancel();
      if (isTransient(status)) continue;
      // All has come down; what is left goes up, and is answered there.
      if (!this.peerEnded) this.#refused(status, status === 200 ? `it answered with ${type}` : "");
      return undefined;
    }
  }

  async #open(fields: SseFieldLines): Promise<SseStream | undefined> {
    const { clock, connectTimeoutMs } = this.settings;
    const attempt = new AbortController();
    const giveUp = (): void => attempt.abort();
    const alarm = new Alarm(clock, giveUp, true);
    alarm.set(connectTimeoutMs);
    this.#life.signal.addEventListener("abort", giveUp, { once: true });
    try {
      return await this.#carrier.open(fields, attempt.signal);
    } catch {
      return undefined;
    } finally {
      alarm.clear();
      this.#life.signal.removeEventListener("abort", giveUp);
    }
  }

  #refused(status: number, text: string): void {
    if (this.over) return;
    const { outbox } = this;
    const gone = status === 404 || status === 410 || status === 204;
    // The server was over before it could answer the end; it has taken all else.
    if (gone && this.peerEnded && this.ending && outbox.last - outbox.acked <= 1) {
      return void this.acknowledge(outbox.last);
    }
    const what = gone ? "the server does not know the channel any more" : `the server answered ${status}`;
    const why = text === "" ? what : `${what}: ${text.trimEnd()}`;
    this.finish(this.lost(why, { reason: gone ? "gap" : "refused", status }), !gone);
  }

  #silent(): void {
    this.#stream?.cancel();
    // The other connections may have gone the same way.
    this.#posts.restart();
  }

  #beat(): void {
    this.#posts.beat();
    if (!this.over) this.#heartbeat.set(this.#terms.heartbeatMs / 2);
  }
}
