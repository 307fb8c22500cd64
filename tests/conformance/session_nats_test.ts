/**
 * The conformance suite of sessions, over nats(): by a broker in this process,
 * and by a NATS server.
 *
 * @module
 */

import type { SessionTransport } from "../../mod.ts";
import { nats } from "../../adapters/nats.ts";
import { type Broker, natsServer, startNats } from "../support/brokers.ts";
import { type Capabilities, type MakeSessions, sessionConformance } from "./session_suite.ts";

const natsCan: Capabilities = {
  callBack: true,
  oneWay: true,
  ping: true,
  errors: true,
  context: true,
  reorder: true,
  goaway: true,
  holdsBack: false,
  halfClose: false,
  connection: false,
  concurrent: true,
  streams: false,
  shared: true,
  port: true,
};

/**
 * So that a caller who is gone is noticed soon, in the tests that cut so many
 * calls off. On a busy machine all others would seem to be gone, too.
 */
const heartbeatMs = 200;
const callsCutOff = 100;

/** As much as the broker of the tests holds for a slow reader. */
const maxQueuedBytes = 268_435_456;

let subjects = 0;

const inProcess: MakeSessions = (limits) => {
  const transport = nats({ subject: `conformance.${++subjects}`, ...limits });
  return { at: () => transport };
};

/** Each test has a broker of its own, from its first dial or listen on. */
const byServer: MakeSessions = (limits) => {
  let starting: Promise<Broker> | undefined;
  const quick = limits.clock === undefined && limits.maxInFlight === callsCutOff;
  const heartbeat = quick ? { heartbeatMs } : {};
  return {
    at(address): SessionTransport<Uint8Array, Uint8Array> {
      const made = async () => {
        const { port } = await (starting ??= startNats());
        const servers = `127.0.0.1:${address?.port ?? port}`;
        return nats({ servers, subject: "conformance", maxQueuedBytes, ...heartbeat, ...limits });
      };
      return {
        dial: async (options) => await (await made()).dial(options),
        listen: async (handler, options) => await (await made()).listen(handler, options),
      };
    },
    cleanup: async () => await (await starting)?.[Symbol.asyncDispose](),
  };
};

sessionConformance("nats() without servers", { ...natsCan, port: false }, inProcess);
sessionConformance("nats() by a NATS server", natsCan, byServer, [natsServer]);
