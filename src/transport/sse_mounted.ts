/**
 * The listening end of sse() on somebody else's HTTP server: a handler of
 * requests.
 *
 * @module
 */

import type { Address, Channel, ChannelTransport, Listener } from "../core/channel.ts";
import { named } from "../core/describe.ts";
import { TransportError } from "../core/errors.ts";
import { readOptions } from "../core/options.ts";
import { completeSseSettings, type SseChannelOptions, sseRules, type SseSettings } from "./sse_options.ts";
import { sseFields } from "./sse_protocol.ts";
import { type SseAnswer, type SseExchange, SseServer } from "./sse_server.ts";
import type { SseDown } from "./sse_server_channel.ts";

/**
 * What an HTTP server may tell of a request beside it: `Deno.serve` gives it as
 * the second argument.
 *
 * @example
 * ```ts
 * import { mountedSse, type MountedSseInfo } from "@wireway/wireway";
 * const live = mountedSse();
 * const handler = (request: Request, info: MountedSseInfo) => live.fetch(request, info);
 * ```
 */
export interface MountedSseInfo {
  /** Where the client is. */
  readonly remoteAddr?: { readonly transport: string; readonly hostname?: string; readonly port?: number };
}

/**
 * A transport whose listening end is a handler of requests.
 *
 * @example
 * ```ts
 * import { type MountedSse, mountedSse } from "@wireway/wireway";
 * const live: MountedSse = mountedSse({ resumeWindowMs: 60_000 });
 * ```
 */
export interface MountedSse extends ChannelTransport {
  /** Answers a request of the protocol. Give it those of one path, whatever their method. */
  readonly fetch: (request: Request, info?: MountedSseInfo) => Promise<Response>;
}

/**
 * The listening end of {@linkcode sse} on somebody else's HTTP server: mount
 * its `fetch` in `Deno.serve`, in a route of Hono, or on the edge. `listen()`
 * has it accept channels; before that, and after the listener was closed, new
 * ones are answered 503.
 *
 * All requests of a channel must reach the same process. The origin of a page
 * is compared with that of the request's URL: behind a proxy that takes TLS off,
 * list the public one in `origins`. The server below must not buffer responses.
 *
 * Dialling rejects with `unsupported`: see {@linkcode sseClient}. Errors:
 * `invalid-option`; `address-in-use` where it listens already.
 *
 * @example
 * ```ts
 * import { chain, mountedSse, mux, serve, text } from "@wireway/wireway";
 * const live = mountedSse();
 * await serve(chain(live, mux(), text()), (name) => `hello ${name}`);
 * Deno.serve((request, info) =>
 *   new URL(request.url).pathname === "/live" ? live.fetch(request, info) : new Response("a page")
 * );
 * ```
 */
export function mountedSse(options: SseChannelOptions = {}): MountedSse {
  const owner = "mountedSse()";
  const settings = completeSseSettings(owner, readOptions(owner, options, sseRules));
  const { clock: _, observer: __, authenticate: ___, headers: ____, ...shown } = settings;
  const mount = new Mount(settings);
  return named("mountedSse", shown, {
    fetch: mount.fetch,
    listen: (accept: (channel: Channel) => void): Promise<Listener> => mount.listen(accept),
    dial: (): Promise<Channel> =>
      Promise.reject(new TransportError("unsupported", "Cannot dial with mountedSse(): it only listens")),
  });
}

class Mount {
  readonly #settings: SseSettings;
  readonly #addr: Address = { transport: "sse", path: "mounted" };
  #listening: MountedListener | undefined = undefined;
  /** Those that were closed and have channels that live on. */
  readonly #before = new Set<MountedListener>();

  constructor(settings: SseSettings) {
    this.#settings = settings;
  }

  listen(accept: (channel: Channel) => void): Promise<Listener> {
    if (this.#listening !== undefined) {
      return Promise.reject(new TransportError("address-in-use", "Cannot listen: mountedSse() listens already"));
    }
    const listener: MountedListener = new MountedListener(this.#settings, this.#addr, accept, (isIdle) => {
      if (this.#listening === listener) this.#listening = undefined;
      if (isIdle) this.#before.delete(listener);
      else this.#before.add(listener);
    });
    this.#listening = listener;
    return Promise.resolve(listener);
  }

  readonly fetch = async (request: Request, info?: MountedSseInfo): Promise<Response> => {
    const exchange = new FetchExchange(request, info);
    // What went on here is over, whereas who is new may try again.
    let last: SseAnswer = exchange.header(sseFields.channel) === undefined
      ? { status: 503, fields: [["retry-after", "1"]], text: "Request refused: nobody listens\n" }
      : { status: 404, fields: [], text: "Request refused: nobody listens\n" };
    const servers = this.#listening === undefined ? [...this.#before] : [this.#listening, ...this.#before];
    for (const { server } of servers) {
      const answer = await server.handle(exchange);
      // A channel may live on at an earlier listener.
      if (answer.status !== 404) return toResponse(answer);
      last = answer;
    }
    return toResponse(last);
  };
}

class MountedListener implements Listener {
  readonly addr: Address;
  readonly server: SseServer;
  readonly finished: Promise<void>;
  readonly #closed: PromiseWithResolvers<void> = Promise.withResolvers<void>();
  readonly #leave: (isIdle: boolean) => void;

  constructor(
    settings: SseSettings,
    addr: Address,
    accept: (channel: Channel) => void,
    leave: (isIdle: boolean) => void,
  ) {
    this.addr = addr;
    this.finished = this.#closed.promise;
    this.#leave = leave;
    this.server = new SseServer(settings, addr, accept, () => leave(true));
  }

  get counters(): Listener["counters"] {
    return this.server.counters;
  }

  close(): Promise<void> {
    this.#leave(false);
    this.server.close();
    this.#closed.resolve();
    return this.finished;
  }
}

/** A request of the platform's. */
class FetchExchange implements SseExchange {
  readonly remote: Address;
  readonly #request: Request;
  #url: URL | undefined = undefined;
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined = undefined;
  #cancelled = false;

  constructor(request: Request, info: MountedSseInfo | undefined) {
    this.#request = request;
    this.remote = info?.remoteAddr ?? { transport: "sse", path: "a client" };
  }

  get method(): string {
    return this.#request.method;
  }

  get target(): string {
    const { pathname, search } = this.#parsed();
    return pathname + search;
  }

  get ownOrigin(): string {
    return this.#parsed().origin;
  }

  get hasBody(): boolean {
    return this.#request.body !== null && this.#request.headers.get("content-length") !== "0";
  }

  header(name: string): string | undefined {
    return this.#request.headers.get(name) ?? undefined;
  }

  headers(): Headers {
    return this.#request.headers;
  }

  async body(maxBytes: number): Promise<Uint8Array> {
    const reader = this.#request.body!.getReader();
    this.#reader = reader;
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (this.#cancelled) throw new TransportError("cancelled", "Body not read: it was given up");
      if (done) break;
      bytes += value.length;
      if (bytes > maxBytes) {
        this.cancelBody();
        throw new TransportError("message-too-large", `Body refused: it has more than ${maxBytes} bytes`);
      }
      chunks.push(value);
    }
    if (chunks.length === 1) return chunks[0];
    const whole = new Uint8Array(bytes);
    let at = 0;
    for (const chunk of chunks) {
      whole.set(chunk, at);
      at += chunk.length;
    }
    return whole;
  }

  cancelBody(): void {
    this.#cancelled = true;
    this.#reader?.cancel().catch(() => {});
  }

  #parsed(): URL {
    return this.#url ??= new URL(this.#request.url);
  }
}

function toResponse({ status, fields, text, down }: SseAnswer): Response {
  if (down === undefined) return new Response(text ?? null, { status, headers: fields });
  return new Response(new ReadableStream(new DownBody(down), { highWaterMark: 1 }), { status, headers: fields });
}

/** What the ReadableStream of a response reads from. */
class DownBody implements UnderlyingDefaultSource<Uint8Array> {
  readonly #down: SseDown;
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  #over = false;

  constructor(down: SseDown) {
    this.#down = down;
  }

  start(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.#controller = controller;
    this.#down.ready = () => this.pull();
  }

  pull(): void {
    const controller = this.#controller;
    while (!this.#over && controller.desiredSize! > 0) {
      const chunk = this.#down.take();
      if (chunk !== undefined) {
        controller.enqueue(chunk);
      } else if (this.#down.ending) {
        this.#over = true;
        controller.close();
      } else {
        return;
      }
    }
  }

  cancel(): void {
    this.#over = true;
    this.#down.lost();
  }
}
