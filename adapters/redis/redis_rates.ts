/**
 * redisRates(): rate limits that many processes share.
 *
 * @module
 */

import { type RateStore, type RateWindow, systemClock, TransportError } from "../../mod.ts";
import { integer, oneOf, readOptions } from "../../src/core/options.ts";
import { RateTable } from "../../src/call/limits/rate_table.ts";
import { Rates } from "../../src/util/gcra.ts";
import { placeOf, RedisLink, type RedisServerOptions, rulesOfRedis } from "./redis_link.ts";

/**
 * Options of {@linkcode redisRates}.
 *
 * @example
 * ```ts
 * import { redisRates, type RedisRatesOptions } from "@wireway/wireway/redis";
 * const options: RedisRatesOptions = { server: "127.0.0.1:6379", whenAway: "closed" };
 * redisRates(options);
 * ```
 */
export interface RedisRatesOptions extends RedisServerOptions {
  /**
   * What happens to calls while Redis can't be asked: `local` limits them in
   * this process alone, each process giving the whole limit; `open` lets them
   * pass; `closed` refuses them. @default {"local"}
   */
  whenAway?: "local" | "open" | "closed";
  /** How many keys this process keeps where it limits alone. @default {10000} */
  maxKeys?: number;
}

/**
 * A {@linkcode RateStore} with an end.
 *
 * @example
 * ```ts
 * import { redisRates, type RedisRates } from "@wireway/wireway/redis";
 * await using rates: RedisRates = redisRates({ server: "127.0.0.1:6379" });
 * console.log(rates.failures);
 * ```
 */
export interface RedisRates extends RateStore, AsyncDisposable {
  /** Calls for which Redis could not be asked. */
  readonly failures: number;
  /** Ends the connection. */
  close(): Promise<void>;
}

/**
 * The generic cell rate algorithm (ITU-T I.371) for all windows of a key, by the
 * time of the server: each window has one time, at which all that was spent is
 * earned again. Gives the time to wait, in milliseconds, as text.
 */
const takeScript = `
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local cost = tonumber(ARGV[1])
local wait = 0
local earned = {}
for i = 2, #ARGV, 3 do
  local perOne, burst = tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])
  local at = math.max(now, tonumber(redis.call('HGET', KEYS[1], ARGV[i]) or now))
  earned[i] = at + cost * perOne
  wait = math.max(wait, at - now + (cost - burst) * perOne)
end
if wait > 0.0005 then return string.format('%.3f', wait) end
local last = now
for i = 2, #ARGV, 3 do
  redis.call('HSET', KEYS[1], ARGV[i], string.format('%.3f', earned[i]))
  last = math.max(last, earned[i])
end
redis.call('PEXPIRE', KEYS[1], math.ceil(last - now) + 1)
return '0'`;

/**
 * Keeps what was spent of rate limits in Redis: {@linkcode rateLimit} then holds
 * for all processes together. Each call is one command, which looks and spends
 * in one step and goes by the clock of the server, so that the processes' own
 * clocks may differ. Keys are forgotten when all was earned again.
 *
 * Without a `server` the limits hold in this process.
 *
 * Errors, which are the calls' own: `rate-limited` while Redis is away, where
 * `whenAway` is `closed`; `invalid-option`.
 *
 * @example
 * ```ts
 * import { chain, rateLimit } from "@wireway/wireway";
 * import { redisRates } from "@wireway/wireway/redis";
 * const store = redisRates({ server: "127.0.0.1:6379" });
 * const call = chain((name: string) => `hello ${name}`, rateLimit({ windows: [{ calls: 100, perMs: 1000 }], store }));
 * await call("ann");
 * ```
 */
export function redisRates(options: RedisRatesOptions = {}): RedisRates {
  const { server, namespace, whenAway, maxKeys, ...rest } = readOptions("redisRates()", options, {
    ...rulesOfRedis,
    whenAway: oneOf("local", ["local", "open", "closed"]),
    maxKeys: integer(10_000, 1, 0x3fff_ffff),
  });
  const tables = new WeakMap<readonly RateWindow[], RateTable>();
  const alone = (key: string, cost: number, windows: readonly Required<RateWindow>[]): number => {
    let table = tables.get(windows);
    if (table === undefined) tables.set(windows, table = new RateTable(ratesOf(windows), maxKeys, systemClock));
    return table.take(key, cost);
  };
  if (server === undefined) return { take: alone, failures: 0, close: nothing, [Symbol.asyncDispose]: nothing };

  const link = new RedisLink(placeOf("redisRates()", { ...rest, server }));
  let failures = 0;
  return {
    get failures(): number {
      return failures;
    },
    async take(key: string, cost: number, windows: readonly Required<RateWindow>[]): Promise<number> {
      if (windows.some(({ burst }) => cost > burst)) return Infinity;
      const fields = windows.flatMap(({ calls, perMs, burst }) => [`${calls}/${perMs}/${burst}`, perMs / calls, burst]);
      try {
        const place = `{${namespace}:rate:${key}}`;
        return Number(await link.run((client) => client.eval(takeScript, 1, place, cost, ...fields)));
      } catch (error) {
        failures++;
        if (whenAway === "local") return alone(key, cost, windows);
        if (whenAway === "open") return 0;
        const why = "Call refused: Redis, which keeps its rate limit, can't be asked";
        throw new TransportError("rate-limited", why, { processed: "no", cause: error });
      }
    },
    close: () => link.close(),
    [Symbol.asyncDispose]: () => link.close(),
  };
}

function ratesOf(windows: readonly Required<RateWindow>[]): Rates {
  return new Rates(windows.map(({ calls, perMs, burst }) => ({ perOneMs: perMs / calls, burst })));
}

function nothing(): Promise<void> {
  return Promise.resolve();
}
