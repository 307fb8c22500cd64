/**
 * Messages within one process: for tests, and for parts of one program that
 * talk as if they were far apart.
 *
 * @module
 */

import { TransportCounters } from "../transport_figures.ts";
import {
  type Address,
  type Channel,
  type ChannelCounters,
  type ChannelTransport,
  type DialOptions,
  emptyCounters,
  type Listener,
} from "../../core/channel.ts";
import { type Clock, systemClock } from "../../core/clock.ts";
import { named } from "../../core/describe.ts";
import { TransportError } from "../../core/errors.ts";
import { notify, type Observer } from "../../core/observer.ts";
import { duration, given, integer, invalidOption, label, readOptions } from "../../core/options.ts";
import { MemoryChannel, type MemorySettings } from "./memory_channel.ts";

/**
 * Options of {@linkcode memory}.
 *
 * @example
 * ```ts
 * import { memory, type MemoryOptions } from "@wireway/wireway";
 * const options: MemoryOptions = { name: "orders", highWaterBytes: 4096 };
 * memory(options);
 * ```
 */
export interface MemoryOptions {
  /** What its addresses are called. @default {"memory"} */
  name?: string;
  /** The largest message, in bytes. @default {16777216} 16 MiB */
  maxMessageBytes?: number;
  /** Bytes on their way past which `send()` returns a promise. @default {262144} 256 KiB */
  highWaterBytes?: number;
  /** Bytes on their way past which `send()` refuses. @default {16777216} 16 MiB */
  maxBufferedBytes?: number;
  /** Connections open at once. @default {65536} */
  maxConnections?: number;
  /** Time that the peer has to end its side after this end closed, in milliseconds. @default {2000} */
  lingerMs?: number;
  /** Measures the timeouts. @default {systemClock} */
  clock?: Clock;
  /** Hears of connections. */
  observer?: Observer;
}

/**
 * A transport within the process. What listens on the returned value is what
 * dialling the same value reaches. Messages are handed over as they are,
 * uncopied, in a later turn of the microtask queue, with the same bounds and
 * the same ways to end as on a socket.
 *
 * Errors: `connect-failed` where nothing listens; `address-in-use`;
 * `message-too-large`, `overloaded`, `closed` from a channel; `invalid-option`.
 *
 * @example
 * ```ts
 * import { chain, memory, mux, reconnect, serve, text } from "@wireway/wireway";
 * const wire = chain(memory(), mux(), text());
 * await using server = await serve(wire, (request) => `hello ${request}`);
 * await using call = chain(wire, reconnect());
 * console.log(await call("world")); // "hello world"
 * ```
 */
export function memory(options: MemoryOptions = {}): ChannelTransport {
  const settings: MemorySettings = readOptions("memory()", options, {
    name: label("memory"),
    maxMessageBytes: integer(16 * 1024 * 1024, 1, 0x7fff_ffff),
    highWaterBytes: integer(256 * 1024, 0, 0x7fff_ffff),
    maxBufferedBytes: integer(16 * 1024 * 1024, 1, 0x7fff_ffff),
    maxConnections: integer(65_536, 1, 10_000_000),
    lingerMs: duration(2000),
    clock: given<Clock>(systemClock, "an object"),
    observer: given<Observer | undefined>(undefined, "a function"),
  });
  if (settings.maxBufferedBytes < settings.highWaterBytes) {
    const allowed = `highWaterBytes (${settings.highWaterBytes}) or more`;
    throw invalidOption("memory()", "maxBufferedBytes", settings.maxBufferedBytes, allowed);
  }
  const counted = new TransportCounters();
  const address: Address = { transport: "memory", path: settings.name };
  let listening: { accept: (channel: Channel) => void; counters: ChannelCounters } | undefined;

  const transport: ChannelTransport = {
    dial({ signal }: DialOptions = {}): Promise<Channel> {
      if (signal?.aborted) return Promise.reject(TransportError.from(signal.reason, "cancelled", { processed: "no" }));
      if (listening === undefined) {
        return Promise.reject(
          new TransportError("connect-failed", `Cannot connect to ${settings.name}: nothing listens there`),
        );
      }
      const { accept, counters } = listening;
      if (counters.connectionsOpen >= settings.maxConnections) {
        counters.connectionsRefused++;
        const why =
          `Cannot connect to ${settings.name}: ${counters.connectionsOpen} connections are open, ${settings.maxConnections} are allowed`;
        const error = new TransportError("connect-failed", why);
        const { observer } = settings;
        if (observer !== undefined) notify(observer, { type: "connection-refused", remote: address, error });
        return Promise.reject(error);
      }
      counters.connectionsAccepted++;
      const near = new MemoryChannel(address, settings, counted.dialled, "client");
      const far = new MemoryChannel(address, settings, counters, "server");
      near.join(far);
      far.join(near);
      try {
        accept(far);
      } catch (error) {
        far.abort(TransportError.from(error, "protocol"));
      }
      return Promise.resolve(near);
    },

    listen(accept: (channel: Channel) => void): Promise<Listener> {
      if (listening !== undefined) {
        return Promise.reject(
          new TransportError("address-in-use", `Cannot listen on ${settings.name}: it is listened on already`),
        );
      }
      const place = { accept, counters: emptyCounters() };
      listening = place;
      const { promise: finished, resolve } = Promise.withResolvers<void>();
      return Promise.resolve(counted.listens({
        addr: address,
        counters: place.counters,
        finished,
        close(): Promise<void> {
          if (listening === place) listening = undefined;
          resolve();
          return finished;
        },
      }));
    },
  };
  const { clock: _, observer: __, ...shown } = settings;
  return named("memory", shown, transport, counted.figures);
}
