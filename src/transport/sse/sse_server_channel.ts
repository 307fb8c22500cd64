/**
 * The server's end of an sse() channel: events down a stream that may be cut
 * and resumed, POSTs up.
 *
 * @module
 */

import type { TransportError } from "../../core/errors.ts";
import { formatItem } from "../../framing/event_stream/sse_messages.ts";
import type { PostItems } from "../../framing/event_stream/sse_posts.ts";
import { Alarm } from "./sse_alarm.ts";
import { SseChannel, type SsePlace } from "./sse_channel.ts";
import { type DownSource, SseDown } from "./sse_down.ts";
import type { SseSettings } from "./sse_options.ts";
import { formatAbort, formatOpen, type SseTerms } from "./sse_protocol.ts";

/** Characters of events that go out as one chunk, where there are so many. */
const chunkLength = 64 * 1024;

const encoder = new TextEncoder();

/** A POST whose answer waits until its messages were handed out. */
interface HeldPost {
  readonly upTo: number;
  readonly alarm: Alarm;
  resolve(status: number): void;
}

/** Told of the end of a channel; what it returns is waited for before the channel counts as closed. */
type OnOver = (channel: SseServerChannel, error: TransportError | undefined) => Promise<void> | void;

/** See the module. */
export class SseServerChannel extends SseChannel implements DownSource {
  readonly id: string;
  /** Whether the client neither numbers nor acknowledges: a reader that knows nothing of this protocol. */
  readonly isPlain: boolean;
  readonly identity: unknown;
  readonly #terms: SseTerms;
  readonly #onOver: OnOver;
  #down: SseDown | undefined = undefined;
  /** The number of the last item that went into this stream. */
  #sent = 0;
  /** What goes out before the next item. */
  #notice = "";
  #scheduled = false;
  /** Whether anything was written since the heartbeat looked. */
  #spoke = true;
  #lastHeard: number;
  #endCame = false;
  #held: HeldPost[] = [];
  readonly #heartbeat: Alarm;
  readonly #window: Alarm;

  constructor(
    settings: SseSettings,
    place: SsePlace,
    terms: SseTerms,
    isPlain: boolean,
    identity: unknown,
    onOver: OnOver,
  ) {
    super(settings, place);
    this.id = terms.channel;
    this.isPlain = isPlain;
    this.identity = identity;
    this.#terms = terms;
    this.#onOver = onOver;
    this.#lastHeard = settings.clock.now();
    this.#heartbeat = new Alarm(settings.clock, () => this.#beat());
    this.#window = new Alarm(settings.clock, () => this.#windowOver());
    this.#heartbeat.set(terms.heartbeatMs / 2);
  }

  /** Why it is over, where it is. */
  get end(): TransportError | undefined {
    return this.reason;
  }

  get isOver(): boolean {
    return this.over;
  }

  /** The number up to which the client has sent. */
  get receivedUpTo(): number {
    return this.received;
  }

  /** A new stream, from behind the item that the client saw last. Undefined where that item is not held any more. */
  attach(after: number): SseDown | undefined {
    // Less than what was acknowledged is forgotten, and more was never sent.
    if (after < this.outbox.acked || !this.acknowledge(after)) return undefined;
    // That may have been all that it waited for.
    if (this.over) return undefined;
    const before = this.#down;
    const down = new SseDown(this, this.settings.clock, this.settings.lingerMs);
    this.#down = down;
    before?.drop();
    this.#sent = after;
    this.#notice = formatOpen(this.#terms);
    this.#window.clear();
    this.heard();
    return down;
  }

  /** The client has given a sign of life. */
  heard(): void {
    this.#lastHeard = this.settings.clock.now();
  }

  /** The client has received all up to a number. Returns whether that can be. */
  acked(number: number): boolean {
    return this.acknowledge(number);
  }

  /**
   * Takes in what is new in a POST, and returns the status of its answer: at
   * once, or when all of it was handed out.
   */
  post(first: number, items: PostItems | undefined): number | Promise<number> {
    const count = items?.count ?? 0;
    const upTo = first + count - 1;
    if (first > this.received + 1) return 409;
    const known = this.received - first + 1;
    if (count > known) {
      // One POST at a time: the next may come when this one was answered.
      if (!this.idle) return 429;
      if (this.#endCame) return 409;
      for (let i = 0; i < count; i++) {
        const item = items!.next();
        if (i < known) continue;
        if (typeof item === "symbol") this.#endCame = true;
        this.take(item);
      }
      this.deliver();
    }
    if (this.handed >= upTo) return 204;
    return this.over ? 410 : this.#hold(upTo);
  }

  /** The client gives the channel up. */
  goodbye(): void {
    this.finish(this.lost("the client has closed it", { reason: "peer" }), false);
  }

  streamLost(down: SseDown): void {
    if (down !== this.#down) return;
    this.#down = undefined;
    if (this.isPlain) return this.finish(this.lost("the reader has gone", { reason: "peer" }), false);
    this.#window.set(this.#terms.resumeWindowMs);
  }

  takeChunk(): Uint8Array<ArrayBuffer> | undefined {
    let text = this.#notice;
    this.#notice = "";
    const { outbox } = this;
    while (this.#sent < outbox.last && text.length < chunkLength) {
      const number = ++this.#sent;
      text += formatItem(number, outbox.at(number));
    }
    if (text === "") return undefined;
    this.#spoke = true;
    // There is nobody to acknowledge it: what was written is gone.
    if (this.isPlain) this.acknowledge(this.#sent);
    return encoder.encode(text);
  }

  protected override get connected(): boolean {
    return this.#down !== undefined;
  }

  protected override wake(): void {
    if (this.#scheduled || this.#down === undefined) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#down?.ready();
    });
  }

  protected override noteHanded(): void {
    if (this.#held.length > 0) this.#answerHeld((post) => post.upTo <= this.handed, 204);
  }

  protected override release(error: TransportError | undefined, tell: boolean): Promise<void> | void {
    this.#window.clear();
    this.#heartbeat.clear();
    this.#answerHeld((post) => post.upTo <= this.handed, 204);
    this.#answerHeld(() => true, 410);
    const down = this.#down;
    this.#down = undefined;
    down?.end(error !== undefined && tell ? formatAbort(error.message) : "");
    return this.#onOver(this, error);
  }

  #hold(upTo: number): Promise<number> {
    return new Promise((resolve) => {
      const post: HeldPost = {
        upTo,
        resolve,
        // Before the client, or a proxy between, takes the connection for dead.
        alarm: new Alarm(this.settings.clock, () => this.#answerHeld((other) => other === post, 202)),
      };
      // A client has one POST in flight: an earlier one was given up.
      this.#answerHeld(() => true, 202);
      this.#held.push(post);
      post.alarm.set(this.#terms.livenessMs / 2);
    });
  }

  #answerHeld(which: (post: HeldPost) => boolean, status: number): void {
    const posts = this.#held;
    this.#held = posts.filter((post) => !which(post));
    for (const post of posts) {
      if (this.#held.includes(post)) continue;
      post.alarm.clear();
      post.resolve(status);
    }
  }

  /** Looks twice in the time of a heartbeat, so that no silence is longer than that. */
  #beat(): void {
    const { clock } = this.settings;
    // The terms that the client knows, whatever holds for new channels by now.
    const { heartbeatMs, livenessMs } = this.#terms;
    const down = this.#down;
    if (down !== undefined) {
      if (!this.isPlain && clock.now() - this.#lastHeard > heartbeatMs + livenessMs) {
        this.streamLost(down);
        down.drop();
      } else if (!this.#spoke && this.#notice === "") {
        this.#notice = ":\n\n";
        this.wake();
      }
    }
    this.#spoke = false;
    if (!this.over) this.#heartbeat.set(heartbeatMs / 2);
  }

  #windowOver(): void {
    const { resumeWindowMs } = this.#terms;
    this.finish(this.lost(`it did not come back in ${resumeWindowMs} ms`, { reason: "resume-window" }), true);
  }
}
