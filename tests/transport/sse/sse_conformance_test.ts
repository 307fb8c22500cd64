/**
 * The conformance suite of channels over sse(), on our own sockets and mounted
 * on `Deno.serve`, plain and over TLS.
 *
 * @module
 */

import { type Address, sse, type SseOptions } from "../../../mod.ts";
import { testCert, testKey } from "../../support/certs.ts";
import { channelConformance, type MakeTransport } from "../../conformance/channel_suite.ts";
import { servedSse } from "./_mounted_sse.ts";

/** On a port that the system chooses when it first listens. */
function onSockets(options: Partial<SseOptions> = {}): MakeTransport {
  return ({ maxConnections, ...limits }) => {
    let where: Address | undefined;
    const transport = () => sse({ ...limits, maxChannels: maxConnections, port: where?.port ?? 0, ...options });
    return {
      transport: {
        dial: (dialOptions) => transport().dial(dialOptions),
        async listen(accept) {
          const listener = await transport().listen(accept);
          where = listener.addr;
          return listener;
        },
      },
    };
  };
}

const tls = { cert: testCert, key: testKey, caCerts: [testCert] };

channelConformance("sse()", onSockets());
channelConformance("sse() with TLS", onSockets({ tls }));
for (const secured of [false, true]) {
  channelConformance(`mountedSse() on Deno.serve${secured ? " with TLS" : ""}`, ({ maxConnections, ...limits }) => {
    const served = servedSse({ ...limits, maxChannels: maxConnections }, { secured });
    return { transport: served.transport, cleanup: () => served.end() };
  });
}
