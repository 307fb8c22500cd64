/**
 * A program that has no sockets and no `Deno`, as in a browser and on the edge:
 * which ends of which transports work there. It is told where servers are, and
 * writes an answer for each.
 *
 * @module
 */

import { Socket } from "node:net";
import {
  answerCalls,
  callContext,
  chain,
  type ChannelTransport,
  http,
  httpCalls,
  memory,
  type MethodRequest,
  methods,
  mountedSse,
  mux,
  platformWebSocket,
  serve,
  type SessionTransport,
  sse,
  sseClient,
  stdio,
  tcp,
  TransportError,
  websocket,
} from "../../mod.ts";
import { nats } from "../../adapters/nats.ts";

type Wire = SessionTransport<MethodRequest, unknown>;

const ports: Record<string, number> = JSON.parse(Deno.args[0]);
const exit = Deno.exit;
// @ts-expect-error nobody else's global may be taken away
delete globalThis.Deno;
const noSockets = "This platform has no sockets";
Socket.prototype.connect = () => {
  throw new Error(noSockets);
};

const calls = (transport: ChannelTransport): Wire => chain(transport, mux({ streams: true }), methods());
const port = (name: string): number => ports[name] ?? 1;
const inProcess = memory();
const command = { program: "deno" };
const broker = nats({ subject: "matrix", servers: "127.0.0.1:1", connectTimeoutMs: 5000 });

/** What dials the servers. */
const dialling: Record<string, Wire> = {
  "`tcp()`": calls(tcp({ port: port("`tcp()`") })),
  "`websocket()`": calls(websocket({ port: port("`websocket()`") })),
  "`platformWebSocket()`": calls(platformWebSocket({ url: `ws://127.0.0.1:${port("`platformWebSocket()`")}/` })),
  "`sse()`": calls(sse({ port: port("`sse()`") })),
  "`mountedSse()`, `sseClient()`": calls(
    sseClient({ url: `http://127.0.0.1:${port("`mountedSse()`, `sseClient()`")}/live` }),
  ),
  "`stdio()`": calls(stdio({ command })),
  "`memory()`": calls(inProcess),
  "`http()`": chain(http({ port: port("`http()`") }), httpCalls(), methods()),
  "`nats()`": chain(broker, methods()),
};

/** What listens, and what dials it within this process. */
const listening: Record<string, [Wire, Wire?]> = {
  "`tcp()`": [calls(tcp({ port: 0 }))],
  "`websocket()`": [calls(websocket({ port: 0 }))],
  "`platformWebSocket()`": paired(),
  "`sse()`": [calls(sse({ port: 0 }))],
  "`mountedSse()`, `sseClient()`": mounted(),
  "`stdio()`": [calls(stdio())],
  "`memory()`": [calls(inProcess)],
  "`nats()`": [chain(broker, methods())],
};

/** As workerd has it: two sockets that are joined, one of them for the response. */
function paired(): [Wire, Wire] {
  class End extends EventTarget {
    binaryType = "arraybuffer";
    bufferedAmount = 0;
    protocol = "";
    readyState = 0;
    other!: End;
    readonly #opened = Promise.withResolvers<void>();
    /** Ends when all that was sent to it has come: nothing does before it is open. */
    received = this.#opened.promise;
    open(): void {
      this.readyState = 1;
      this.dispatchEvent(new Event("open"));
      this.#opened.resolve();
    }
    accept(): void {
      this.readyState = 1;
      this.#opened.resolve();
    }
    send(message: string | Uint8Array<ArrayBuffer>): void {
      const data = typeof message === "string" ? message : message.slice().buffer;
      const { other } = this;
      other.received = other.received.then(() => void other.dispatchEvent(new MessageEvent("message", { data })));
    }
    close(code = 1000, reason = ""): void {
      for (const end of [this, this.other]) {
        if (end.readyState === 3) continue;
        end.readyState = 3;
        queueMicrotask(() => end.dispatchEvent(new CloseEvent("close", { code, reason, wasClean: true })));
      }
    }
  }
  let ends: [End, End];
  const Pair = class {
    0 = ends[0];
    1 = ends[1];
  };
  // Deno's Response takes no status of 101.
  const Upgraded = class extends Response {
    constructor(body?: BodyInit | null, init: ResponseInit = {}) {
      super(body, init.status === 101 ? {} : init);
    }
  };
  Object.assign(globalThis, { WebSocketPair: Pair, Response: Upgraded });
  const server = platformWebSocket();
  const createWebSocket = (url: string): WebSocket => {
    const headers = { upgrade: "websocket", connection: "Upgrade", "sec-websocket-version": "13" };
    const key = { "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==" };
    const [theirs, own] = ends = [new End(), new End()];
    [theirs.other, own.other] = [own, theirs];
    const request = new Request(url.replace("ws", "http"), { headers: { ...headers, ...key } });
    void server.fetch(request).then(() => own.readyState === 1 ? theirs.open() : theirs.close());
    return theirs as unknown as WebSocket;
  };
  return [calls(server), calls(platformWebSocket({ url: "ws://edge.test/", createWebSocket }))];
}

function mounted(): [Wire, Wire] {
  const server = mountedSse();
  const { fetch } = globalThis;
  globalThis.fetch = (input, init) => {
    const request = new Request(input, init);
    return request.url.startsWith("http://edge.test/") ? server.fetch(request) : fetch(request);
  };
  return [calls(server), calls(sseClient({ url: "http://edge.test/live" }))];
}

async function answerOf(probe: () => Promise<unknown>): Promise<string> {
  try {
    const reply = await probe();
    return reply === "hello" ? "yes" : `replied ${JSON.stringify(reply)}`;
  } catch (error) {
    if (!(error instanceof TransportError)) return String(error);
    // A package of Node finds no sockets of Node; all of ours says that it needs Deno.
    return error.code === "unsupported" || error.message.includes(noSockets) ? "no" : `${error.code}: ${error.message}`;
  }
}

async function hello(wire: Wire): Promise<unknown> {
  const session = await wire.dial();
  const reply = await session.call({ method: "hello" });
  await session.close();
  return reply;
}

async function heard(wire: Wire, dial = wire): Promise<unknown> {
  const server = await serve(wire, (request) => (request as { method: string }).method);
  const reply = await hello(dial);
  await server.shutdown();
  return reply;
}

/** A handler that any HTTP server can run. */
async function handled(): Promise<string> {
  const handler = answerCalls((request) => request);
  const request = new Request("http://edge.test/call", { method: "POST", body: "hello" });
  return await (await handler(request, callContext())).text();
}

const answers: Record<string, { browser: string; edge: string }> = {};
for (const name of Object.keys(dialling)) {
  const [listens, dials] = listening[name] ?? [];
  const browser = name === "`memory()`" ? () => heard(dialling[name]) : () => hello(dialling[name]);
  const edge = listens === undefined ? handled : () => heard(listens, dials);
  answers[name] = { browser: await answerOf(browser), edge: await answerOf(edge) };
}
console.log(JSON.stringify(answers));
exit(0);
