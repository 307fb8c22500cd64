/**
 * What an sse() client sends: batches of messages, one POST at a time, sent
 * again until they are answered; and acknowledgements.
 *
 * @module
 */

import { Cancellation } from "../../core/cancellation.ts";
import { type DeadlineEntry, deadlinesOf } from "../../core/deadline_queue.ts";
import { TransportError } from "../../core/errors.ts";
import { sleep } from "../../core/sleep.ts";
import { encodePost, postHeadBytes, toPostItem } from "../../framing/event_stream/sse_posts.ts";
import { backoffMs } from "../../util/backoff.ts";
import { type Placed, PlacedList } from "../../util/placed_list.ts";
import { Alarm } from "./sse_alarm.ts";
import type { SseCarrier, SseFieldLines, SsePost, SseReply } from "./sse_carrier.ts";
import type { SseSettings } from "./sse_options.ts";
import type { Outbox } from "./sse_outbox.ts";
import { sseFields, ssePostType, type SseTerms } from "./sse_protocol.ts";

/** A POST takes no more messages from here on, in bytes: what the server holds in memory at once. */
const batchBytes = 256 * 1024;

/** The channel whose messages are sent. */
export interface SsePoster {
  /** What is to be sent. */
  readonly outbox: Outbox;
  /** The number up to which messages were handed out. */
  handedUpTo(): number;
  /** The server has all up to a number. */
  sentUpTo(number: number): void;
  /** It can't go on. */
  failed(error: TransportError): void;
  /** The server knows no such channel, or not any more. */
  refused(status: number, text: string): void;
}

/** See the module. */
export class SsePosts {
  /** Whether requests fail for now. */
  failing = false;
  readonly #settings: SseSettings;
  readonly #carrier: SseCarrier;
  readonly #terms: SseTerms;
  readonly #poster: SsePoster;
  readonly #common: SseFieldLines;
  readonly #over: AbortController = new AbortController();
  readonly #inFlight = new PlacedList<RequestInFlight>();
  readonly #ackAlarm: Alarm;
  #posting = false;
  /** The acknowledgement that is in flight. */
  #acknowledging: Promise<SseReply> | undefined = undefined;
  /** The wait before a batch is sent again. */
  #waiting: AbortController | undefined = undefined;
  /** Whether the next one is not to be put off either. */
  #ackAgain = false;
  /** The number that was last told to the server. */
  #told = 0;
  /** Whether the server was sent anything since the heartbeat looked. */
  #spoke = true;
  #failingSince: number | undefined = undefined;

  constructor(settings: SseSettings, carrier: SseCarrier, terms: SseTerms, poster: SsePoster) {
    this.#settings = settings;
    this.#carrier = carrier;
    this.#terms = terms;
    this.#poster = poster;
    this.#common = [...Object.entries(settings.headers), [sseFields.channel, terms.channel]];
    this.#ackAlarm = new Alarm(settings.clock, () => void this.#acknowledge());
  }

  /** Sends what there is, unless it does so already. */
  async pump(): Promise<void> {
    if (this.#posting) return;
    this.#posting = true;
    const { outbox } = this.#poster;
    while (!this.#over.signal.aborted && !outbox.isEmpty) {
      const first = outbox.acked + 1;
      const last = this.#batchEnd(first);
      const items = [];
      for (let number = first; number <= last; number++) items.push(toPostItem(outbox.at(number)));
      if (await this.#deliver(first, last, encodePost(items))) this.#poster.sentUpTo(last);
    }
    this.#posting = false;
  }

  /** Acknowledges at once, or soon. */
  acknowledge(atOnce: boolean): void {
    if (atOnce) void this.#acknowledge();
    else if (!this.#ackAlarm.isSet) this.#ackAlarm.set(this.#settings.ackDelayMs);
  }

  /** The heartbeat: says something where nothing was said since the last time. */
  beat(): void {
    const silent = !this.#spoke;
    this.#spoke = false;
    if (silent) void this.#acknowledge(true);
  }

  /** The connections are dead, as it seems: gives up the requests in flight and makes them again. */
  restart(): void {
    for (const request of this.#inFlight.all()) request.expire();
  }

  /** The server can be reached again, as it seems: whoever waits to try again need not. */
  retry(): void {
    this.#waiting?.abort();
  }

  /** Sends nothing more, but for a farewell. */
  stop(): void {
    this.#over.abort();
    this.retry();
    this.#ackAlarm.clear();
  }

  /**
   * The last request, after `stop()`: for an end in order what was not
   * acknowledged yet, until it is answered; otherwise the channel is given up.
   */
  async farewell(inOrder: boolean): Promise<void> {
    const { clock, lingerMs } = this.#settings;
    const time = new AbortController();
    const alarm = new Alarm(clock, () => {
      time.abort();
      this.restart();
    }, true);
    alarm.set(lingerMs);
    if (inOrder) await this.#acknowledging;
    else this.restart();
    // What was in flight may have told it all; the microtask that notes so comes right behind.
    await undefined;
    if (inOrder && this.#told === this.#poster.handedUpTo()) return alarm.clear();
    const post: SsePost = inOrder
      ? { method: "POST", fields: this.#fields(), body: undefined }
      : { method: "DELETE", fields: this.#common, body: undefined };
    for (let attempt = 1; !time.signal.aborted; attempt++) {
      const { status } = await this.#request(post);
      if (!inOrder || !isTransient(status)) break;
      await sleep(clock, backoffMs(attempt, this.#backoff()), time.signal);
    }
    alarm.clear();
  }

  /** Gives up what is in flight, and waits until it has let go of its connections. */
  async abandon(): Promise<void> {
    this.restart();
    await Promise.allSettled(this.#inFlight.all().map(({ reply }) => reply));
  }

  #batchEnd(first: number): number {
    const { outbox } = this.#poster;
    const limit = Math.min(batchBytes, this.#terms.maxPostBytes);
    let last = first;
    let bytes = postHeadBytes + outbox.sizeOf(first);
    while (last < outbox.last) {
      bytes += postHeadBytes + outbox.sizeOf(last + 1);
      if (bytes > limit) break;
      last++;
    }
    return last;
  }

  /** Sends a batch until the server has handed it out. False where that can't be. */
  async #deliver(first: number, last: number, body: Uint8Array<ArrayBuffer>): Promise<boolean> {
    const { clock } = this.#settings;
    let at = first;
    let left: Uint8Array<ArrayBuffer> | undefined = body;
    for (let attempt = 1; !this.#over.signal.aborted; attempt++) {
      const fields = this.#fields([sseFields.first, `${at}`], ["content-type", ssePostType]);
      const told = this.#poster.handedUpTo();
      const { status, text } = await this.#request({ method: "POST", fields, body: left });
      if (this.#over.signal.aborted) return false;
      if (status === 204 || status === 202) {
        this.#answered(told);
        if (status === 204) return true;
        // The server has it, and its receiver takes its time: ask again.
        at = last + 1;
        left = undefined;
        attempt = 0;
        continue;
      }
      if (!isTransient(status)) {
        this.#poster.refused(status, text);
        return false;
      }
      if (this.#failedTooLong()) return false;
      this.#waiting = new AbortController();
      await sleep(clock, backoffMs(attempt, this.#backoff()), this.#waiting.signal);
      this.#waiting = undefined;
    }
    return false;
  }

  async #acknowledge(anyway = false): Promise<void> {
    this.#ackAlarm.clear();
    const told = this.#poster.handedUpTo();
    if (this.#over.signal.aborted || (told === this.#told && !anyway)) return;
    if (this.#acknowledging !== undefined) {
      this.#ackAgain = true;
      return;
    }
    const post: SsePost = { method: "POST", fields: this.#fields(), body: undefined };
    this.#acknowledging = this.#request(post);
    const { status, text } = await this.#acknowledging;
    this.#acknowledging = undefined;
    const again = this.#ackAgain && status === 204;
    this.#ackAgain = false;
    if (status === 204) this.#answered(told);
    if (status === 204 && told === this.#poster.handedUpTo() || this.#over.signal.aborted) return;
    if (status !== 204 && !isTransient(status)) return this.#poster.refused(status, text);
    // More was handed out meanwhile; what failed is told later.
    this.acknowledge(again);
  }

  #answered(told: number): void {
    this.#told = Math.max(told, this.#told);
    this.failing = false;
    this.#failingSince = undefined;
    this.retry();
  }

  #fields(...more: SseFieldLines): SseFieldLines {
    return [...this.#common, [sseFields.ack, `${this.#poster.handedUpTo()}`], ...more];
  }

  /** Makes a request; status 0 where there was no answer in time. */
  async #request(post: SsePost): Promise<SseReply> {
    this.#spoke = true;
    const { clock } = this.#settings;
    const { postTimeoutMs, livenessMs } = this.#terms;
    const request = new RequestInFlight(clock.now() + postTimeoutMs + livenessMs);
    const deadlines = deadlinesOf(clock);
    deadlines.add(request);
    this.#inFlight.add(request);
    request.reply = this.#carrier.send(post, request.giveUp);
    try {
      return await request.reply;
    } catch {
      return { status: 0, text: "" };
    } finally {
      deadlines.remove(request);
      deadlines.trim();
      this.#inFlight.remove(request);
    }
  }

  #failedTooLong(): boolean {
    const { clock } = this.#settings;
    const { resumeWindowMs } = this.#terms;
    this.failing = true;
    this.#failingSince ??= clock.now();
    if (clock.now() - this.#failingSince < resumeWindowMs) return false;
    this.#poster.failed(
      new TransportError("connection-lost", `Connection lost: no POST was answered for ${resumeWindowMs} ms`, {
        details: { reason: "resume-window" },
      }),
    );
    return true;
  }

  #backoff(): { initialMs: number; maxMs: number } {
    return { initialMs: this.#terms.retryMs, maxMs: this.#settings.maxRetryMs };
  }
}

/** A request that is given up when its time is over, or before. */
class RequestInFlight implements DeadlineEntry, Placed {
  place = -1;
  position = -1;
  readonly holds = false;
  readonly dueAt: number;
  readonly giveUp: Cancellation = new Cancellation();
  reply: Promise<SseReply> | undefined = undefined;

  constructor(dueAt: number) {
    this.dueAt = dueAt;
  }

  expire(): void {
    this.giveUp.cancel(new TransportError("cancelled", "Request given up: its connection is dead, as it seems"));
  }
}

/** Whether it may be otherwise the next time: no answer, too slow, too many, or the server's own trouble. */
export function isTransient(status: number): boolean {
  return status === 0 || status === 408 || status === 429 || status >= 500;
}
