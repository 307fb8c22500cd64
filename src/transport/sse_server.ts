/**
 * The server of sse() channels: what each request means, and how it is
 * answered. Knows nothing of the HTTP server below it.
 *
 * @module
 */

import { type Address, type ChannelCounters, emptyCounters } from "../core/channel.ts";
import { TransportError } from "../core/errors.ts";
import { notify } from "../core/observer.ts";
import { readNumber } from "../framing/sse_messages.ts";
import { PostItems } from "../framing/sse_posts.ts";
import { Alarm } from "./sse_alarm.ts";
import type { SseSettings } from "./sse_options.ts";
import { isChannelId, newChannelId, sseFields, ssePostType, sseVersion } from "./sse_protocol.ts";
import { type SseDown, SseServerChannel } from "./sse_server_channel.ts";

/** A request as the server of channels sees it. */
export interface SseExchange {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  /** Scheme and authority by which the server was addressed. */
  readonly ownOrigin: string;
  readonly remote: Address;
  /** Whether there is a body, which may be empty all the same. */
  readonly hasBody: boolean;
  header(name: string): string | undefined;
  headers(): Headers;
  /** All of the body. Rejects with `message-too-large` past the limit. */
  body(maxBytes: number): Promise<Uint8Array>;
  /** Gives the reading of the body up: `body()` rejects. */
  cancelBody(): void;
}

/** The answer to a request. */
export interface SseAnswer {
  readonly status: number;
  readonly fields: [string, string][];
  /** A text for people. */
  readonly text?: string;
  /** The body, where it is a stream of events. */
  readonly down?: SseDown;
}

/** What is still known of a channel that is over: enough to answer a client that did not hear the answer before. */
interface Tombstone {
  readonly until: number;
  readonly error: TransportError | undefined;
}

const streamFields: [string, string][] = [
  ["content-type", "text/event-stream"],
  ["cache-control", "no-store, no-transform"],
  // nginx, and what is built on it, would otherwise collect the events.
  ["x-accel-buffering", "no"],
];

const methods = "GET, POST, DELETE, OPTIONS";

/** See the module. */
export class SseServer {
  readonly counters: ChannelCounters = emptyCounters();
  readonly #settings: SseSettings;
  readonly #local: Address;
  readonly #accept: (channel: SseServerChannel) => void;
  readonly #onIdle: () => Promise<void> | void;
  readonly #channels = new Map<string, SseServerChannel>();
  readonly #tombstones = new Map<string, Tombstone>();
  /** The POST whose body is being read, of each channel that has one. */
  readonly #reading = new Map<string, SseExchange>();
  /** Clients that are being decided on. */
  #deciding = 0;
  #closed = false;

  /** `onIdle` is called when it has been closed and the last channel is over. */
  constructor(
    settings: SseSettings,
    local: Address,
    accept: (channel: SseServerChannel) => void,
    onIdle: () => Promise<void> | void = () => {},
  ) {
    this.#settings = settings;
    this.#local = local;
    this.#accept = accept;
    this.#onIdle = onIdle;
  }

  /** Takes no new channels. Those there are live on. */
  close(): Promise<void> | void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#channels.size === 0) return this.#onIdle();
  }

  /** Answers a request. Never rejects. */
  async handle(exchange: SseExchange): Promise<SseAnswer> {
    let shared: [string, string][] = [];
    try {
      shared = this.#originFields(exchange);
      const answer = this.#route(exchange);
      const { status, fields, text, down } = answer instanceof Promise ? await answer : answer;
      return { status, fields: [...fields, ...shared], text, down };
    } catch (error) {
      const known = TransportError.from(error, "remote");
      const status = known.details?.status;
      const fields: [string, string][] = [["cache-control", "no-store"], ...shared];
      if (status === 405) fields.push(["allow", methods]);
      if (status === 503) fields.push(["retry-after", "1"]);
      // What the program itself threw is not the client's to read.
      const text = typeof status === "number" ? `${known.message}\n` : "Request failed\n";
      return { status: typeof status === "number" ? status : 500, fields, text };
    }
  }

  #route(exchange: SseExchange): SseAnswer | Promise<SseAnswer> {
    switch (exchange.method) {
      case "GET":
        return this.#stream(exchange);
      case "POST":
        return this.#post(exchange);
      case "DELETE": {
        const channel = this.#channelOf(exchange);
        if (channel instanceof SseServerChannel) channel.goodbye();
        return { status: 204, fields: [] };
      }
      case "OPTIONS":
        return { status: 204, fields: [["allow", methods]] };
      default:
        throw refused(405, `its method is ${exchange.method}, not one of ${methods}`);
    }
  }

  async #stream(exchange: SseExchange): Promise<SseAnswer> {
    const id = exchange.header(sseFields.channel);
    try {
      this.#checkRoom(id);
      this.#deciding++;
      try {
        await this.#authenticate(exchange);
      } finally {
        this.#deciding--;
      }
      if (id === undefined) return this.#open(exchange);
    } catch (error) {
      this.#countRefused(exchange, TransportError.from(error, "remote"));
      throw error;
    }
    const channel = this.#channelOf(exchange);
    // The end of a channel was heard already: there is nothing more.
    if (!(channel instanceof SseServerChannel)) return { status: 204, fields: [] };
    const last = readNumber(exchange.header(sseFields.lastEventId) ?? "0");
    if (last === undefined) throw refused(400, "its Last-Event-ID is not a number");
    const down = channel.attach(last);
    if (down === undefined) throw refused(410, `it can not go on after event ${last}`);
    return { status: 200, fields: streamFields, down };
  }

  #open(exchange: SseExchange): SseAnswer {
    const version = exchange.header(sseFields.version);
    if (version !== undefined && version !== sseVersion) {
      throw refused(400, `its version is ${version}, not ${sseVersion}`);
    }
    this.#checkRoom(undefined);
    const id = newChannelId();
    const settings = this.#settings;
    const { maxMessageBytes } = settings;
    const place = {
      side: "server",
      local: this.#local,
      remote: exchange.remote,
      counters: this.counters,
      maxMessageBytes,
    } as const;
    const terms = {
      channel: id,
      heartbeatMs: settings.heartbeatMs,
      livenessMs: settings.livenessMs,
      resumeWindowMs: settings.resumeWindowMs,
      postTimeoutMs: settings.postTimeoutMs,
      retryMs: settings.retryMs,
      maxMessageBytes,
      maxPostBytes: settings.maxPostBytes,
      ackBytes: settings.highWaterBytes >> 2,
    };
    const channel = new SseServerChannel(settings, place, terms, version === undefined, this.#over);
    this.#channels.set(id, channel);
    const down = channel.attach(0)!;
    this.counters.connectionsAccepted++;
    try {
      this.#accept(channel);
    } catch (error) {
      channel.abort(TransportError.from(error, "protocol"));
    }
    return { status: 200, fields: streamFields, down };
  }

  async #post(exchange: SseExchange): Promise<SseAnswer> {
    const found = this.#channelOf(exchange);
    const named = exchange.header(sseFields.first);
    const first = named === undefined ? undefined : readNumber(named);
    if (named !== undefined && (first === undefined || first === 0)) {
      throw refused(400, `its ${sseFields.first} is not a number from 1`);
    }
    const acked = exchange.header(sseFields.ack);
    const ack = acked === undefined ? undefined : readNumber(acked);
    if (acked !== undefined && ack === undefined) throw refused(400, `its ${sseFields.ack} is not a number`);
    // Over in order: the client did not hear the answer before this one.
    if (!(found instanceof SseServerChannel)) return { status: 204, fields: [] };
    found.heard();
    if (ack !== undefined && !found.acked(ack)) {
      throw refused(409, `it acknowledges event ${ack}, which was not sent`);
    }
    if (first === undefined) {
      if (exchange.hasBody) throw refused(400, `it has a body and no ${sseFields.first}`);
      return { status: 204, fields: [] };
    }
    const items = exchange.hasBody ? await this.#items(found, exchange) : undefined;
    found.heard();
    const status = found.post(first, items);
    return answerOf(found, typeof status === "number" ? status : await status);
  }

  /** Reads the body of a POST and what is in it. */
  async #items(channel: SseServerChannel, exchange: SseExchange): Promise<PostItems> {
    const type = exchange.header("content-type")?.split(";", 1)[0].trim().toLowerCase();
    if (type !== ssePostType) throw refused(415, `its type is ${type ?? "not said"}, not ${ssePostType}`);
    const { clock, postTimeoutMs, maxPostBytes, maxMessageBytes } = this.#settings;
    const length = Number(exchange.header("content-length") ?? 0);
    if (length > maxPostBytes) throw tooLarge(maxPostBytes);
    // One POST at a time: an earlier one that is still coming was given up by its client.
    this.#reading.get(channel.id)?.cancelBody();
    this.#reading.set(channel.id, exchange);
    let late = false;
    const alarm = new Alarm(clock, () => {
      late = true;
      exchange.cancelBody();
    });
    alarm.set(postTimeoutMs);
    try {
      return new PostItems(await exchange.body(maxPostBytes), maxMessageBytes);
    } catch (error) {
      if (late) throw refused(408, `its body was not whole after ${postTimeoutMs} ms`);
      if (error instanceof TransportError) {
        if (error.details?.status !== undefined) throw error;
        if (error.code === "message-too-large") throw tooLarge(maxPostBytes);
      }
      // Most often there is nobody left to read this.
      throw refused(408, "its body did not come whole");
    } finally {
      alarm.clear();
      if (this.#reading.get(channel.id) === exchange) this.#reading.delete(channel.id);
    }
  }

  /** The channel that a request names, or that it was over in order. */
  #channelOf(exchange: SseExchange): SseServerChannel | "over" {
    const id = exchange.header(sseFields.channel);
    if (id === undefined || !isChannelId(id)) throw refused(400, `it names no channel in ${sseFields.channel}`);
    const channel = this.#channels.get(id);
    if (channel !== undefined) return channel;
    const tombstone = this.#tombstones.get(id);
    if (tombstone === undefined || tombstone.until < this.#settings.clock.now()) {
      throw refused(404, "there is no such channel");
    }
    if (tombstone.error !== undefined) throw refused(410, `the channel is over: ${tombstone.error.message}`);
    return "over";
  }

  #checkRoom(id: string | undefined): void {
    if (id !== undefined) return;
    if (this.#closed) throw refused(503, "no new channels are taken");
    const { maxChannels } = this.#settings;
    const open = this.#channels.size + this.#deciding;
    if (open >= maxChannels) {
      throw refused(503, `${open} channels are open, ${maxChannels} are allowed`, "overloaded");
    }
  }

  async #authenticate(exchange: SseExchange): Promise<void> {
    const { authenticate } = this.#settings;
    if (authenticate === undefined) return;
    if (!await authenticate({ target: exchange.target, headers: exchange.headers() })) {
      throw refused(401, "it was not let in");
    }
  }

  /** A browser says where a page is from: one from elsewhere acts with its user's cookies, and must be let in by name. */
  #originFields(exchange: SseExchange): [string, string][] {
    const origin = exchange.header("origin");
    if (origin === undefined || origin.toLowerCase() === exchange.ownOrigin.toLowerCase()) return [];
    const { origins } = this.#settings;
    const listed = origins.includes(origin);
    if (!listed && !origins.includes("*")) throw refused(403, `its origin, ${origin}, is not allowed`);
    const fields: [string, string][] = [
      ["access-control-allow-origin", listed ? origin : "*"],
      ["vary", "origin"],
    ];
    // With its user's cookies only where it is known by name.
    if (listed) fields.push(["access-control-allow-credentials", "true"]);
    if (exchange.method === "OPTIONS") {
      fields.push(
        ["access-control-allow-methods", methods],
        ["access-control-allow-headers", [...Object.values(sseFields), "content-type", "authorization"].join(", ")],
        ["access-control-max-age", "600"],
      );
    }
    return fields;
  }

  #countRefused(exchange: SseExchange, error: TransportError): void {
    this.counters.connectionsRefused++;
    const { observer } = this.#settings;
    if (observer !== undefined) notify(observer, { type: "connection-refused", remote: exchange.remote, error });
  }

  readonly #over = (channel: SseServerChannel, error: TransportError | undefined): Promise<void> | void => {
    this.#reading.get(channel.id)?.cancelBody();
    this.#channels.delete(channel.id);
    const { clock, resumeWindowMs, maxChannels } = this.#settings;
    this.#tombstones.set(channel.id, {
      until: clock.now() + resumeWindowMs,
      error,
    });
    for (const [id, { until }] of this.#tombstones) {
      if (until >= clock.now() && this.#tombstones.size <= maxChannels) break;
      this.#tombstones.delete(id);
    }
    if (this.#closed && this.#channels.size === 0) return this.#onIdle();
  };
}

function answerOf(channel: SseServerChannel, status: number): SseAnswer {
  switch (status) {
    case 409:
      throw refused(409, `message ${channel.receivedUpTo + 1} is the next to be sent, and none after the end`);
    case 410:
      throw refused(410, `the channel is over: ${channel.end?.message ?? "closed"}`);
    case 429:
      throw refused(429, "an earlier POST was not answered yet");
    default:
      return { status, fields: [] };
  }
}

function tooLarge(maxPostBytes: number): TransportError {
  return refused(413, `its body has more than the ${maxPostBytes} bytes that are allowed`, "message-too-large");
}

function refused(status: number, why: string, code: "protocol" | "overloaded" | "message-too-large" = "protocol") {
  return new TransportError(code, `Request refused: ${why}`, { details: { status }, processed: "no" });
}
