/**
 * The listening end of sse() on somebody else's HTTP server: a handler of
 * requests.
 *
 * @module
 */

import type { Address, Channel, ChannelTransport, Listener } from "../../core/channel.ts";
import { named } from "../../core/describe.ts";
import { TransportError } from "../../core/errors.ts";
import { readOptions } from "../../core/options.ts";
import { TransportCounters } from "../transport_figures.ts";
import {
  adjustableSseChannels,
  completeSseSettings,
  type SseChannelOptions,
  sseRules,
  type SseSettings,
} from "./sse_options.ts";
import { sseFields } from "./sse_protocol.ts";
import { FetchExchange, toResponse } from "./sse_fetch_exchange.ts";
import type { SseAnswer } from "./sse_request.ts";
import { SseServer } from "./sse_server.ts";

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
 * Its limits and times, but for those of POSTs, can be changed while it works ({@linkcode adjustablesOf}), as those of
 * {@linkcode sse} can: open channels keep the terms that their clients were told of.
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
  const counters = new TransportCounters();
  const transport = {
    fetch: mount.fetch,
    listen: (accept: (channel: Channel) => void): Promise<Listener> =>
      mount.listen(accept).then((listener) => counters.listens(listener)),
    dial: (): Promise<Channel> =>
      Promise.reject(new TransportError("unsupported", "Cannot dial with mountedSse(): it only listens")),
  };
  return named("mountedSse", shown, transport, counters.figures, adjustableSseChannels(owner, settings));
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
    const exchange = new FetchExchange(request, info?.remoteAddr);
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
  #left = false;

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
    if (this.#left) return this.finished;
    this.#left = true;
    this.#leave(false);
    this.server.close();
    this.#closed.resolve();
    return this.finished;
  }
}
