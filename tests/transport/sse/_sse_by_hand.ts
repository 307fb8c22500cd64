/**
 * A client of sse() that is written out in requests, as sse.md describes them,
 * and the servers that it speaks to.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  type Channel,
  deadlinesOf,
  EventStreamParser,
  type Listener,
  type Message,
  mountedSse,
  type ReceivedEvent,
  sse,
  type SseChannelOptions,
  TransportError,
} from "../../../mod.ts";
import { until, within } from "../../support/channels.ts";

/** A server of channels, which says what happens on them. */
export interface HandServer {
  readonly listener: Listener;
  readonly channels: Channel[];
  readonly messages: Message[];
  readonly ends: (TransportError | undefined)[];
  /** Makes a request. */
  fetch(init?: RequestInit): Promise<Response>;
  end(): Promise<void>;
}

/** What a receiver does with a message, beside noting it. */
export type OnMessage = (message: Message) => void | Promise<void>;

type Fetch = (init: RequestInit) => Promise<Response>;

async function start(
  listen: (accept: (channel: Channel) => void) => Promise<Listener>,
  fetchOf: (listener: Listener) => Fetch,
  onMessage: OnMessage,
  end: () => Promise<void> | void,
): Promise<HandServer> {
  const channels: Channel[] = [];
  const messages: Message[] = [];
  const ends: (TransportError | undefined)[] = [];
  const listener = await listen((channel) => {
    channels.push(channel);
    channel.receive({
      message: (message) => {
        messages.push(message);
        return onMessage(message);
      },
      end: () => {},
      closed: (error) => ends.push(error),
    });
  });
  const fetch = fetchOf(listener);
  return {
    listener,
    channels,
    messages,
    ends,
    fetch: (init = {}) => fetch(init),
    async end() {
      for (const channel of channels) channel.abort(new TransportError("cancelled", "Test over"));
      await Promise.all(channels.map((channel) => channel.close()));
      await listener.close();
      await end();
    },
  };
}

/** A form of the server to test. */
export interface HandForm {
  readonly name: string;
  start(options?: SseChannelOptions, onMessage?: OnMessage): Promise<HandServer>;
}

/** Requests go straight into the handler: there is no network. */
export const mountedForm: HandForm = {
  name: "mountedSse()",
  start(options = {}, onMessage = () => {}) {
    const mounted = mountedSse(options);
    const fetch = (init: RequestInit): Promise<Response> =>
      mounted.fetch(new Request("http://shop.example/live", init));
    return start(mounted.listen, () => fetch, onMessage, () => {});
  },
};

/** Over our own sockets. */
export const socketForm: HandForm = {
  name: "sse()",
  start(options = {}, onMessage = () => {}) {
    const client = Deno.createHttpClient({});
    const fetchOf = ({ addr }: Listener): Fetch => (init) =>
      fetch(`http://127.0.0.1:${addr.port}/live`, { ...init, client } as RequestInit);
    const transport = sse({ port: 0, path: "/live", ...options });
    return start(transport.listen, fetchOf, onMessage, async () => {
      client.close();
      // The server gives each connection a little time to be closed by its client.
      await until(() => deadlinesOf().size === 0, "the end of all connections");
    });
  },
};

/** Both. */
export const forms: readonly HandForm[] = [mountedForm, socketForm];

/** The frame of a message. */
export function frame(kind: "t" | "b" | "e", payload: string | Uint8Array = "", length?: number): Uint8Array {
  const bytes = typeof payload === "string" ? new TextEncoder().encode(payload) : payload;
  const framed = new Uint8Array(5 + bytes.length);
  framed[0] = kind.charCodeAt(0);
  new DataView(framed.buffer).setUint32(1, length ?? bytes.length);
  framed.set(bytes, 5);
  return framed;
}

/** Frames one after the other. */
export function frames(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

/** One channel by hand. */
export class Hand {
  readonly events: ReceivedEvent[] = [];
  /** The channel's id. */
  id = "";
  /** Comments that came. */
  comments = 0;
  readonly #server: HandServer;
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;

  constructor(server: HandServer) {
    this.#server = server;
  }

  /** Asks for the stream, and reads its first event where it gets one. */
  async open(headers: Record<string, string> = { "wireway-version": "1" }): Promise<Response> {
    const response = await this.#server.fetch({ headers });
    if (response.status !== 200) return response;
    this.#reader = response.body!.getReader();
    await this.until(() => this.events.some(({ event }) => event === "open"));
    this.id = JSON.parse(this.events.findLast(({ event }) => event === "open")!.data).channel;
    return response;
  }

  /** Asks again, from behind an event. */
  resume(last: number | string): Promise<Response> {
    return this.open({ "wireway-channel": this.id, "last-event-id": `${last}` });
  }

  /** Sends a POST; without a number one that only acknowledges. */
  post(
    first: number | string | undefined,
    body?: Uint8Array<ArrayBuffer>,
    more: Record<string, string> = {},
  ): Promise<Response> {
    const headers: Record<string, string> = { "wireway-channel": this.id };
    if (first !== undefined) headers["wireway-first"] = `${first}`;
    if (body !== undefined) headers["content-type"] = "application/octet-stream";
    return this.#server.fetch({ method: "POST", headers: { ...headers, ...more }, body });
  }

  /** Reads until something holds; false where the stream ended first, or was cut off. */
  async until(holds: () => boolean): Promise<boolean> {
    const parser = new EventStreamParser({
      event: (event) => void this.events.push(event),
      comment: () => void this.comments++,
    });
    while (!holds()) {
      const cut = { done: true, value: undefined } as const;
      const { done, value } = await within(this.#reader!.read().catch(() => cut), "more of the stream");
      if (done) return false;
      parser.push(value);
    }
    return true;
  }

  /** The data of the messages so far. */
  get data(): string[] {
    return this.events.filter(({ event }) => event === "message").map(({ data }) => data);
  }

  /** Leaves, as a client whose connection is cut. */
  async leave(): Promise<void> {
    await this.#reader?.cancel().catch(() => {});
  }
}

/** The status of an answer, of which the rest is thrown away. */
export async function statusOf(answer: Promise<Response>): Promise<number> {
  const response = await answer;
  await response.body?.cancel();
  return response.status;
}

/** Opens a channel that must open. */
export async function opened(server: HandServer, headers?: Record<string, string>): Promise<Hand> {
  const hand = new Hand(server);
  const response = await hand.open(headers);
  assert.equal(response.status, 200);
  return hand;
}
