/**
 * dnsEndpoints(): the addresses behind a name, as they come and go.
 *
 * @module
 */

import type { Address } from "../core/channel.ts";
import { type Clock, systemClock, type Timer } from "../core/clock.ts";
import { TransportError } from "../core/errors.ts";
import { notify, type Observer } from "../core/observer.ts";
import { duration, given, integer, invalidOption, label, readOptions } from "../core/options.ts";

/**
 * Looks up a name. Gives the addresses, each with a port where the records name
 * one.
 *
 * @example
 * ```ts
 * import type { Resolve } from "@wireway/wireway";
 * const fixed: Resolve = () => Promise.resolve([{ hostname: "10.0.0.1" }, { hostname: "10.0.0.2", port: 9001 }]);
 * ```
 */
export type Resolve = (hostname: string, signal: AbortSignal) => Promise<{ hostname: string; port?: number }[]>;

/**
 * Options of {@linkcode dnsEndpoints}.
 *
 * @example
 * ```ts
 * import { dnsEndpoints, type DnsEndpointsOptions } from "@wireway/wireway";
 * const options: DnsEndpointsOptions = { hostname: "orders.internal", port: 9000, intervalMs: 10_000 };
 * dnsEndpoints(options);
 * ```
 */
export interface DnsEndpointsOptions {
  /** The name to look up. */
  hostname: string;
  /** The port of the endpoints, where the records do not name one. */
  port?: number;
  /** Time from one lookup to the next, in milliseconds. @default {30000} */
  intervalMs?: number;
  /** Time from a lookup that failed to the next, in milliseconds. @default {2000} */
  retryMs?: number;
  /** Looks the name up. Default: the platform's A and AAAA records; {@linkcode resolveSrv} for SRV records. */
  resolve?: Resolve;
  /** Times the lookups. @default {systemClock} */
  clock?: Clock;
  /** Hears of lookups that failed. */
  observer?: Observer;
}

/**
 * Looks a name up again and again, and gives the addresses behind it whenever
 * they have changed, for {@linkcode balance}. A lookup that fails, or finds
 * nothing, changes nothing: endpoints that worked are better than none.
 *
 * Errors: `invalid-option`; failed lookups go to the observer.
 *
 * @example
 * ```ts
 * import { balance, chain, dnsEndpoints, mux, pool, tcp } from "@wireway/wireway";
 * const call = balance({
 *   endpoints: dnsEndpoints({ hostname: "orders.internal", port: 9000 }),
 *   connect: ({ hostname, port }) => chain(tcp({ hostname, port }), mux(), pool({ max: 4 })),
 * });
 * await call.close();
 * ```
 */
export function dnsEndpoints(options: DnsEndpointsOptions): AsyncIterable<readonly Address[]> {
  const { hostname, ...settings } = readOptions("dnsEndpoints()", options, {
    hostname: label(undefined),
    port: integer(undefined, 1, 65_535),
    intervalMs: duration(30_000, 1),
    retryMs: duration(2000, 1),
    resolve: given<Resolve>(resolveAddresses, "a function"),
    clock: given<Clock>(systemClock, "an object"),
    observer: given<Observer | undefined>(undefined, "a function"),
  });
  if (hostname === undefined) throw invalidOption("dnsEndpoints()", "hostname", hostname, "a name to look up");
  return { [Symbol.asyncIterator]: () => new Lookups({ hostname, ...settings }) };
}

/**
 * Looks up the SRV records of a name, which name a port for each host.
 *
 * @example
 * ```ts
 * import { dnsEndpoints, resolveSrv } from "@wireway/wireway";
 * dnsEndpoints({ hostname: "_calls._tcp.orders.internal", resolve: resolveSrv });
 * ```
 */
export async function resolveSrv(
  hostname: string,
  signal: AbortSignal,
): Promise<{ hostname: string; port?: number }[]> {
  const records = await Deno.resolveDns(hostname, "SRV", { signal });
  return records.map(({ target, port }) => ({ hostname: target.replace(/\.$/, ""), port }));
}

/** The addresses of both families; one of them may be missing. */
const resolveAddresses: Resolve = async (hostname, signal) => {
  const lookups = [Deno.resolveDns(hostname, "A", { signal }), Deno.resolveDns(hostname, "AAAA", { signal })];
  const found = await Promise.allSettled(lookups);
  const addresses = found.flatMap((lookup) => lookup.status === "fulfilled" ? lookup.value : []);
  if (addresses.length === 0 && found[0].status === "rejected") throw found[0].reason;
  return addresses.map((hostname) => ({ hostname }));
};

interface LookupSettings {
  readonly hostname: string;
  readonly port: number | undefined;
  readonly intervalMs: number;
  readonly retryMs: number;
  readonly resolve: Resolve;
  readonly clock: Clock;
  readonly observer: Observer | undefined;
}

/** Lookups one after the other, until nobody wants more. */
class Lookups implements AsyncIterator<readonly Address[]> {
  readonly #settings: LookupSettings;
  readonly #ending = new AbortController();
  #timer: Timer | undefined;
  #wake: (() => void) | undefined;
  #waitMs = 0;
  #last = "";
  #failures = 0;

  constructor(settings: LookupSettings) {
    this.#settings = settings;
  }

  async next(): Promise<IteratorResult<readonly Address[]>> {
    while (!this.#ending.signal.aborted) {
      await this.#pause();
      const addresses = await this.#lookUp();
      const text = JSON.stringify(addresses);
      if (addresses.length === 0 || text === this.#last || this.#ending.signal.aborted) continue;
      this.#last = text;
      return { done: false, value: addresses };
    }
    return { done: true, value: undefined };
  }

  return(): Promise<IteratorResult<readonly Address[]>> {
    this.#ending.abort();
    this.#timer?.cancel();
    this.#wake?.();
    return Promise.resolve({ done: true, value: undefined });
  }

  #pause(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (this.#waitMs === 0) return Promise.resolve();
    this.#wake = resolve;
    this.#timer = this.#settings.clock.schedule(resolve, this.#waitMs);
    // Whoever waits for an endpoint keeps the process alive by waiting.
    this.#timer.hold(false);
    return promise;
  }

  /** The addresses, always in the same order; none where the lookup fails. */
  async #lookUp(): Promise<Address[]> {
    const { hostname, port, resolve, intervalMs, retryMs, observer } = this.#settings;
    if (this.#ending.signal.aborted) return [];
    try {
      const found = await resolve(hostname, this.#ending.signal);
      this.#waitMs = intervalMs;
      this.#failures = 0;
      const addresses = found.map((each) => ({ transport: "tcp", hostname: each.hostname, port: each.port ?? port }));
      return addresses.sort((a, b) =>
        a.hostname < b.hostname || (a.hostname === b.hostname && a.port! < b.port!) ? -1 : 1
      );
    } catch (cause) {
      this.#waitMs = retryMs;
      this.#failures++;
      if (observer !== undefined && !this.#ending.signal.aborted) {
        const why = `Cannot look up ${hostname}: ${cause instanceof Error ? cause.message : String(cause)}`;
        const error = new TransportError("connect-failed", why, { cause });
        notify(observer, { type: "dial-failed", error, attempt: this.#failures, retryInMs: retryMs });
      }
      return [];
    }
  }
}
