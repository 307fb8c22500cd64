/**
 * The server of sse() channels: what each request means, and how it is
 * answered. Knows nothing of the HTTP server below it.
 *
 * @module
 */

import { type Admittance, identityOf } from "../../core/admittance.ts";
import { type Address, type ChannelCounters, emptyCounters } from "../../core/channel.ts";
import { TransportError } from "../../core/errors.ts";
import { notify } from "../../core/observer.ts";
import { readNumber } from "../../framing/event_stream/sse_messages.ts";
import type { PostItems } from "../../framing/event_stream/sse_posts.ts";
import { inTime } from "../in_time.ts";
import type { SseSettings } from "./sse_options.ts";
import { originFields, sseMethods } from "./sse_origin.ts";
import { isChannelId, newChannelId, sseFields, sseVersion } from "./sse_protocol.ts";
import { SseReading } from "./sse_reading.ts";
import { refused, type SseAnswer, type SseExchange } from "./sse_request.ts";
import { SseServerChannel } from "./sse_server_channel.ts";
import { Tombstones } from "./sse_tombstones.ts";

const streamFields: [string, string][] = [
  ["content-type", "text/event-stream"],
  ["cache-control", "no-store, no-transform"],
  // nginx, and what is built on it, would otherwise collect the events.
  ["x-accel-buffering", "no"],
];

/** See the module. */
export class SseServer {
  readonly counters: ChannelCounters = emptyCounters();
  readonly #settings: SseSettings;
  readonly #local: Address;
  readonly #accept: (channel: SseServerChannel) => void;
  readonly #onIdle: () => Promise<void> | void;
  readonly #channels = new Map<string, SseServerChannel>();
  readonly #tombstones: Tombstones;
  readonly #reading: SseReading;
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
    this.#tombstones = new Tombstones(settings);
    this.#reading = new SseReading(settings);
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
      shared = originFields(exchange, this.#settings.origins);
      const answer = this.#route(exchange);
      const { status, fields, text, down } = answer instanceof Promise ? await answer : answer;
      return { status, fields: shared.length === 0 ? fields : [...fields, ...shared], text, down };
    } catch (error) {
      const known = TransportError.from(error, "remote");
      const status = known.details?.status;
      const fields: [string, string][] = [["cache-control", "no-store"], ...shared];
      if (status === 405) fields.push(["allow", sseMethods]);
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
        return { status: 204, fields: [["allow", sseMethods]] };
      default:
        throw refused(405, `its method is ${exchange.method}, not one of ${sseMethods}`);
    }
  }

  async #stream(exchange: SseExchange): Promise<SseAnswer> {
    const id = exchange.header(sseFields.channel);
    try {
      this.#checkRoom(id);
      this.#deciding++;
      let admittance: Admittance;
      try {
        admittance = await this.#authenticate(exchange);
      } finally {
        this.#deciding--;
      }
      if (id === undefined) return this.#open(exchange, identityOf(admittance));
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
    if (down === undefined && channel.isOver) return { status: 204, fields: [] };
    if (down === undefined) throw refused(410, `it can not go on after event ${last}`);
    return { status: 200, fields: streamFields, down };
  }

  #open(exchange: SseExchange, identity: unknown): SseAnswer {
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
    const channel = new SseServerChannel(settings, place, terms, version === undefined, identity, this.#over);
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

  #post(exchange: SseExchange): SseAnswer | Promise<SseAnswer> {
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
      const nothing: SseAnswer = { status: 204, fields: [] };
      return exchange.hasBody ? this.#reading.nothing(exchange).then(() => nothing) : nothing;
    }
    const items = exchange.hasBody ? this.#reading.read(found, exchange) : undefined;
    if (items instanceof Promise) return items.then((items) => this.#take(found, first, items));
    return this.#take(found, first, items);
  }

  #take(channel: SseServerChannel, first: number, items: PostItems | undefined): SseAnswer | Promise<SseAnswer> {
    channel.heard();
    const status = channel.post(first, items);
    if (typeof status === "number") return answerOf(channel, status);
    return status.then((status) => answerOf(channel, status));
  }

  /** The channel that a request names, or that it was over in order. */
  #channelOf(exchange: SseExchange): SseServerChannel | "over" {
    const id = exchange.header(sseFields.channel);
    if (id === undefined || !isChannelId(id)) throw refused(400, `it names no channel in ${sseFields.channel}`);
    const channel = this.#channels.get(id);
    if (channel !== undefined) return channel;
    const tombstone = this.#tombstones.get(id);
    if (tombstone === undefined) throw refused(404, "there is no such channel");
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

  async #authenticate(exchange: SseExchange): Promise<Admittance> {
    const { authenticate, clock, connectTimeoutMs } = this.#settings;
    if (authenticate === undefined) return true;
    const asked = authenticate({ target: exchange.target, headers: exchange.headers() });
    const letIn = await inTime(asked, connectTimeoutMs, clock, () => {
      return refused(503, `it was not let in after ${connectTimeoutMs} ms`);
    });
    if (!letIn) throw refused(401, "it was not let in");
    return letIn;
  }

  #countRefused(exchange: SseExchange, error: TransportError): void {
    this.counters.connectionsRefused++;
    const { observer } = this.#settings;
    if (observer !== undefined) notify(observer, { type: "connection-refused", remote: exchange.remote, error });
  }

  readonly #over = (channel: SseServerChannel, error: TransportError | undefined): Promise<void> | void => {
    this.#reading.cancel(channel.id);
    this.#channels.delete(channel.id);
    this.#tombstones.add(channel.id, error);
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
