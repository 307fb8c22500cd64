/**
 * Calls and topics over NATS: the same service on one machine or on many.
 *
 * ```ts
 * import { chain, pool, retry, serve, text, timeout } from "@wireway/wireway";
 * import { nats } from "@wireway/wireway/nats";
 *
 * // wire.ts: without servers it all happens in this process, and needs no broker.
 * const wire = chain(nats({ servers: Deno.env.get("NATS")?.split(","), subject: "orders" }), text());
 *
 * // Run this as often as you like: each call goes to one of them.
 * await serve(wire, (order) => `sold ${order}`);
 *
 * const sell = chain(wire, pool({ max: 2 }), retry(), timeout({ ms: 500 }));
 * console.log(await sell("apples"));
 * ```
 *
 * @module
 */

import { named, type SessionTransport } from "../mod.ts";
import { SessionFigures } from "../src/core/session_figures.ts";
import { type BrokerLink, lostAtOnce } from "./nats/broker_link.ts";
import { localBroker } from "./nats/local_broker.ts";
import { NatsListener } from "./nats/listener.ts";
import { type NatsOptions, readNatsOptions } from "./nats/nats_options.ts";
import { dialServer } from "./nats/server_link.ts";
import { NatsSession } from "./nats/session.ts";

export type { SharedTopic, TopicCodec } from "./bridge/shared_topic.ts";
export { type DurableOptions, natsTopic, type NatsTopicOptions } from "./nats/nats_topic.ts";
export type { BrokerOptions, NatsConnectionOptions, NatsOptions, NatsTlsOptions } from "./nats/nats_options.ts";

/**
 * Carries calls in bytes through a NATS subject: whoever listens on it in the
 * same queue group shares the calls, whoever dials calls one of them. Servers
 * come and go without anybody being told an address. Deadlines, priority,
 * metadata and trace context travel in headers, errors with their code and
 * `processed`, cancelling as a message of its own. A handler may call back
 * through `context.peer`; one-way sends go to one of the servers.
 *
 * Without `servers` a broker in this process stands in: the same calls, queue
 * groups and errors, for tests and programs that need no second machine.
 *
 * Place: the base of a chain. A session is one connection to the broker, and
 * ends with it: put {@linkcode reconnect} or {@linkcode pool} around. A server's
 * connection is made again by itself.
 *
 * No call is lost when a server ends in order. Where one is killed, its callers
 * hear of it by its silence, after three to four `heartbeatMs`, as
 * `connection-lost` that says `maybe`; {@linkcode retry} then repeats what is
 * idempotent. Any NATS program can call and serve without knowing of this, but
 * says nothing while it works: whoever calls such servers for longer than that
 * sets `heartbeatMs` to `Infinity`. A message lies with the broker only while it is passed on: see
 * {@linkcode natsTopic} for what must outlive everybody.
 *
 * There are no connections between the two ends: a listener counts messages and
 * bytes but no connections, and `onSession` is not called. A broker ends the
 * connection of a client that does not read more than its `max_pending` (64 MiB).
 *
 * Errors: `connect-failed` (no broker; or nobody listens: not processed);
 * `version-mismatch` for a broker without headers; `message-too-large`,
 * `too-many-calls`, `overloaded` past `maxQueuedBytes`, `deadline-exceeded`,
 * `connection-lost`, and what the handler throws; `invalid-option`.
 *
 * @example
 * ```ts
 * import { chain, json, reconnect, serve } from "@wireway/wireway";
 * import { nats } from "@wireway/wireway/nats";
 * const wire = chain(nats({ servers: "127.0.0.1:4222", subject: "sums" }), json<number[], number>());
 * await serve(wire, (numbers) => numbers.reduce((sum, one) => sum + one, 0));
 * const sum = chain(wire, reconnect());
 * await sum([1, 2, 3]);
 * ```
 */
export function nats(options: NatsOptions): SessionTransport<Uint8Array, Uint8Array> {
  const settings = readNatsOptions(options);
  const { servers, subject, queue, maxInFlight, maxMessageBytes, heartbeatMs } = settings;
  const destination = { subject, control: `_wireway.${subject}` };
  const connect = (lasting: boolean, signal?: AbortSignal): Promise<BrokerLink> => {
    if (servers.length > 0) return dialServer(settings, lasting, signal);
    signal?.throwIfAborted();
    return Promise.resolve(localBroker().connect(settings.maxQueuedBytes));
  };
  const sessions = new SessionFigures();
  return named(
    "nats",
    { servers, subject, queue, maxInFlight, maxMessageBytes, heartbeatMs },
    {
      async dial({ handler, signal } = {}) {
        return sessions.dialled(
          new NatsSession(await connect(false, signal), destination, settings, handler, sessions.sent),
        );
      },
      async listen(handler) {
        const link = await connect(true);
        const listener = new NatsListener(link, destination, queue, settings, handler);
        try {
          // Whoever is told that this listens may call at once.
          await link.flush();
          return sessions.serves(listener);
        } catch (error) {
          await link.close();
          throw lostAtOnce(error);
        }
      },
    } satisfies SessionTransport<Uint8Array, Uint8Array>,
    sessions.figures,
  );
}
