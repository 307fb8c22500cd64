/**
 * The dialling end of sse() over the platform's `fetch`: for browsers, workers
 * and wherever there are no sockets.
 *
 * @module
 */

import type { Channel, ChannelTransport, DialOptions, Listener } from "../../core/channel.ts";
import { named } from "../../core/describe.ts";
import { TransportError } from "../../core/errors.ts";
import { given, invalidOption, oneOf, readOptions } from "../../core/options.ts";
import { TransportCounters } from "../transport_figures.ts";
import { dialSse } from "./sse_dial.ts";
import { FetchCarrier } from "./sse_fetch.ts";
import { adjustableSseChannels, completeSseSettings, type SseChannelOptions, sseRules } from "./sse_options.ts";

/**
 * Options of {@linkcode sseClient}.
 *
 * @example
 * ```ts
 * import { sseClient, type SseClientOptions } from "@wireway/wireway";
 * const options: SseClientOptions = { url: "https://shop.example/live", credentials: "include" };
 * sseClient(options);
 * ```
 */
export interface SseClientOptions extends SseChannelOptions {
  /** Where the server is: an `http:` or `https:` URL; in a page one relative to it will do. */
  url: string | URL;
  /** Whether a page sends its user's cookies to another origin, as `fetch` has it. @default {"same-origin"} */
  credentials?: "omit" | "same-origin" | "include";
  /** What the runtime's `fetch` takes beside it: Deno's `client`, say. @default {{}} */
  fetchOptions?: RequestInit;
}

/**
 * The dialling end of {@linkcode sse} over the platform's `fetch`: the same
 * channels, in a browser, a worker or on the edge. It reads the stream itself
 * and not through the platform's `EventSource`, which can neither send header
 * fields nor be slowed down.
 *
 * `highWaterBytes`, `maxBufferedBytes`, `ackDelayMs`, `maxRetryMs` and `lingerMs` can be changed while it works, for open
 * channels as well ({@linkcode adjustablesOf}); `maxMessageBytes` and `connectTimeoutMs` for the next one. The other times
 * are those that the server tells.
 *
 * Listening rejects with `unsupported`: see {@linkcode mountedSse}. Errors:
 * those of {@linkcode sse}; `invalid-option`.
 *
 * @example
 * ```ts
 * import { chain, mux, reconnect, sseClient, text } from "@wireway/wireway";
 * const call = chain(sseClient({ url: "http://127.0.0.1:8000/live" }), mux(), text(), reconnect());
 * console.log(await call("ann"));
 * ```
 */
export function sseClient(options: SseClientOptions): ChannelTransport {
  const owner = "sseClient()";
  const { url, credentials, fetchOptions, ...rest } = readOptions(owner, options, {
    url: {
      allowed: "an http: or https: URL",
      fallback: undefined as string | URL | undefined,
      accepts: (value) => typeof value === "string" || value instanceof URL,
    },
    credentials: oneOf("same-origin", ["omit", "same-origin", "include"]),
    fetchOptions: given<RequestInit>({}, "an object"),
    ...sseRules,
  });
  const settings = completeSseSettings(owner, rest);
  const address = parse(owner, url);
  const shown = { url: address.href, credentials, maxMessageBytes: settings.maxMessageBytes };
  const counters = new TransportCounters();
  const transport = {
    dial: (dialOptions: DialOptions = {}): Promise<Channel> =>
      dialSse(settings, new FetchCarrier(address, { ...fetchOptions, credentials }), dialOptions, counters.dialled),
    listen: (): Promise<Listener> =>
      Promise.reject(new TransportError("unsupported", "Cannot listen with sseClient(): it only dials")),
  };
  return named("sseClient", shown, transport, counters.figures, adjustableSseChannels(owner, settings));
}

function parse(owner: string, url: string | URL | undefined): URL {
  const base = (globalThis as { location?: { href?: string } }).location?.href;
  let parsed: URL | undefined;
  try {
    parsed = new URL(url!, base);
  } catch {
    // Said below.
  }
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol)) {
    throw invalidOption(owner, "url", String(url), "an http: or https: URL");
  }
  return parsed;
}
