/**
 * The conformance suite of sessions over mux() over sse(), on our own sockets
 * and mounted on `Deno.serve`, plain and over TLS.
 *
 * @module
 */

import { type Address, chain, sse, type SseOptions } from "../../../mod.ts";
import { type Capabilities, type MakeSessions, sessionConformance } from "../../conformance/session_suite.ts";
import { streamingMux } from "../../conformance/_session_streams.ts";
import { testCert, testKey } from "../../support/certs.ts";
import { servedSse } from "./_mounted_sse.ts";

const can: Capabilities = {
  callBack: true,
  oneWay: true,
  ping: true,
  errors: true,
  context: true,
  reorder: true,
  concurrent: true,
  goaway: true,
  holdsBack: true,
  halfClose: false,
  connection: true,
  streams: true,
  // A connection that is cut is no end here, so a proxy could end none: see sse_cuts_test.ts.
  port: false,
};

/** Room for the head that mux puts before a payload. */
const headBytes = 5;

/** Comes back quickly. */
const quick = { retryMs: 5, maxRetryMs: 20 };

const tls = { cert: testCert, key: testKey, caCerts: [testCert] };

function onSockets(options: Partial<SseOptions> = {}): MakeSessions {
  return ({ maxInFlight, maxMessageBytes, clock }) => ({
    at: (address?: Address) =>
      chain(
        sse({ port: address?.port ?? 0, maxMessageBytes: maxMessageBytes + headBytes, ...quick, ...options }),
        streamingMux({ maxInFlight, maxMessageBytes, clock }),
      ),
  });
}

function mounted(secured: boolean): MakeSessions {
  return ({ maxInFlight, maxMessageBytes, clock }) => {
    const served = servedSse({ maxMessageBytes: maxMessageBytes + headBytes, ...quick }, { secured });
    return {
      at: () => chain(served.transport, streamingMux({ maxInFlight, maxMessageBytes, clock })),
      cleanup: () => served.end(),
    };
  };
}

sessionConformance("mux() over sse()", can, onSockets());
sessionConformance("mux() over sse() with TLS", can, onSockets({ tls }));
sessionConformance("mux() over mountedSse()", can, mounted(false));
sessionConformance("mux() over mountedSse() with TLS", can, mounted(true));
