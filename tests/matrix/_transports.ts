/**
 * Each transport with the service of the probes at its far end.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import {
  type Address,
  chain,
  type ChannelTransport,
  lengthPrefix,
  memory,
  methods,
  mux,
  serve,
  sse,
  type SseChannelOptions,
  stdio,
  tcp,
  websocket,
} from "../../mod.ts";
import { nats } from "../../adapters/nats.ts";
import { faultProxy } from "../support/fault_proxy.ts";
import { mountedServer, platformDialler } from "../support/mounted.ts";
import { servedSse } from "../transport/sse/_mounted_sse.ts";
import type { Opened } from "./_probes.ts";
import { service, type Wire } from "./_service.ts";

/** How each is opened, by the name of its row. */
export const transports: Readonly<Record<string, () => Promise<Opened>>> = {
  "`tcp()`": () => onPort(tcp({ port: 0 }), (port) => tcp({ port })),
  "`websocket()`": () => onPort(websocket({ port: 0 }), (port) => websocket({ port })),
  "`platformWebSocket()`": async () => {
    const [server, dialler] = [mountedServer(), platformDialler()];
    const dial = (port: number): ChannelTransport => dialler.dialTo(`ws://127.0.0.1:${port}/`);
    return await onPort(server.onPort, dial, () => dialler.end(), () => server.end());
  },
  "`sse()`": () => onPort(sse({ port: 0, ...quick }), (port) => sse({ port, ...quick })),
  "`mountedSse()`, `sseClient()`": async () => {
    const served = servedSse(quick);
    const listening = served.transport;
    return await onPort(listening, (port) => served.through(port), () => served.end());
  },
  "`stdio()`": () => {
    const program = fileURLToPath(new URL("./_service.ts", import.meta.url));
    const command = { program: Deno.execPath(), args: ["run", "--no-check", "--allow-all", program] };
    const cut: Opened["cut"] = async (session) => {
      Deno.kill(await session.call({ method: "pid" }) as number, "SIGKILL");
    };
    return Promise.resolve({
      wire: calls(stdio({ command, framing: lengthPrefix() })),
      named: false,
      cut,
      end: () => Promise.resolve(),
    });
  },
  "`memory()`": async () => {
    const wire = calls(memory());
    const server = await serve(wire, service());
    return { wire, named: isNamed(server.addr), end: () => server.shutdown() };
  },
  "`nats()`": async () => {
    const wire = chain(nats({ subject: "matrix" }), methods());
    const server = await serve(wire, service());
    const far = await nats({ subject: "matrix", servers: "127.0.0.1:1" }).dial().then(() => "", String);
    return { wire, named: far.includes("127.0.0.1:1"), end: () => server.shutdown() };
  },
};

/** Connects again at once. */
const quick: SseChannelOptions = { retryMs: 2, maxRetryMs: 5, ackDelayMs: 1 };

function calls(transport: ChannelTransport): Wire {
  return chain(transport, mux({ streams: true }), methods());
}

function isNamed({ hostname, port }: Address): boolean {
  return hostname !== undefined && port !== undefined;
}

/** What listens on a port, dialled by way of a proxy that can cut. */
async function onPort(
  listening: ChannelTransport,
  dialling: (port: number) => ChannelTransport,
  ...ends: (() => Promise<void>)[]
): Promise<Opened> {
  const server = await serve(calls(listening), service());
  const proxy = await faultProxy({ upstreamPort: server.addr.port! });
  return {
    wire: calls(dialling(proxy.port)),
    named: isNamed(server.addr),
    port: server.addr.port,
    cut: () => proxy.cutAll("reset"),
    async end() {
      await server.shutdown({ graceMs: 0 });
      await proxy[Symbol.asyncDispose]();
      for (const end of ends) await end();
    },
  };
}
