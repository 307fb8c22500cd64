/**
 * The example server: one service on framed TCP, on lines of text, on
 * `{packet, 4}` frames and on HTTP; a chat over WebSocket and a ticker over
 * server-sent events, each with a page; and a dashboard of it all.
 *
 * `deno task start [--hostname H] [--load N] [--tcp-port N] [--line-port N] …`
 *
 * Each place has a flag for its port, and a variable of the environment:
 * `--http-port`, `WIREWAY_HTTP_PORT`, and so on; 0 lets the system choose.
 * `--load 20` has the program make 20 calls a second to itself.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { Hono } from "hono";
import { type CallEnv, calls } from "@wireway/wireway/hono";
import {
  type Address,
  type CallCounters,
  chain,
  deadline,
  formatAddress,
  type Handler,
  http,
  type KnownCounters,
  type Metric,
  mux,
  newline,
  pipeline,
  serve,
  serverMetrics,
  type ShutdownOptions,
  tcp,
  text,
  TransportError,
} from "@wireway/wireway";
import type { Dashboard } from "@wireway/wireway/dashboard";
import { serveChat } from "./chat.ts";
import { Measurements } from "./dashboard.ts";
import { pages } from "./pages.ts";
import { answer, help } from "./service.ts";
import { serveTicker } from "./ticker.ts";

/** A place to listen: what it is called, its usual port, and what to type to reach it. */
interface Place {
  readonly name: "tcp" | "line" | "frame" | "http" | "chat" | "ticker";
  readonly port: number;
  readonly what: string;
  hint(host: string, port: number): string;
  listen(hostname: string, port: number): Promise<Running>;
}

/** What chooses the port of a place. */
type PortFlag = `${Place["name"]}-port`;

/** What ends in order. */
interface Running {
  readonly addr: Address;
  readonly calls?: CallCounters;
  readonly channels?: KnownCounters;
  shutdown(options: ShutdownOptions): Promise<void>;
}

const encoder = new TextEncoder();
const measured = new Measurements();
const service = chain(answer, deadline({ defaultMs: 60_000 }), ...measured.around);
/** Protocols without errors of their own say them in the reply. */
const errorReply = (error: TransportError): Uint8Array => encoder.encode(`error ${error.code}: ${error.message}`);

/** Where the pages are, once that is known, and where they find what they show. */
const site = {
  port: 0,
  origins: [] as string[],
  ports: { chat: 0, ticker: 0 },
  cut: (): void => {},
  tcp: { transport: {}, port: 0 },
};

const places: Place[] = [
  {
    name: "tcp",
    port: 9000,
    what: "calls over framed TCP, both ways",
    hint: (host, port) => `deno task call${port === 9000 ? "" : ` --to tcp://${host}:${port}`} hello world`,
    listen: async (hostname, port) => {
      const transport = chain(tcp({ hostname, port, observer: measured.observer }), mux(), text());
      const server = await serve(transport, service);
      site.tcp = { transport, port: server.addr.port! };
      return server;
    },
  },
  {
    name: "line",
    port: 9001,
    what: "a line in, a line out",
    hint: (host, port) => `printf 'sum 1 2 3\\n' | nc -q1 ${host} ${port}`,
    listen: (hostname, port) => {
      const lines = tcp({ hostname, port, framing: newline({ stripCarriageReturn: true }) });
      const oneLine: Handler<string, string> = async (request, context) =>
        (await service(request, context)).replaceAll("\n", " · ");
      return serve(chain(lines, pipeline({ errorReply }), text()), oneLine);
    },
  },
  {
    name: "frame",
    port: 9002,
    what: "a frame in, a frame out: 4 bytes of length, as Erlang's {packet, 4}",
    hint: (host, port) =>
      `erl -noshell -eval '{ok,S}=gen_tcp:connect("${host}",${port},[binary,{packet,4},{active,false}]),` +
      `gen_tcp:send(S,"hello erlang"),{ok,R}=gen_tcp:recv(S,0),io:format("~s~n",[R]),halt().'`,
    listen: (hostname, port) => serve(chain(tcp({ hostname, port }), pipeline({ errorReply }), text()), service),
  },
  {
    name: "http",
    port: 8000,
    what: "HTTP/1.1 and HTTP/2",
    hint: (host, port) => `curl http://${host}:${port}/call -d 'hello world'`,
    listen: async (hostname, port) => {
      const server = await serve(http({ hostname, port }), app().fetch);
      site.port = server.addr.port!;
      site.origins = [hostname, "127.0.0.1", "localhost"].map((name) => `http://${name}:${site.port}`);
      return server;
    },
  },
  {
    name: "chat",
    port: 9003,
    what: "a chat over WebSocket; its page:",
    hint: (host) => `http://${host}:${site.port}/chat`,
    listen: async (hostname, port) => {
      const listener = await serveChat({ hostname, port, origins: site.origins });
      site.ports.chat = listener.addr.port!;
      return { addr: listener.addr, shutdown: () => listener.close() };
    },
  },
  {
    name: "ticker",
    port: 9004,
    what: "server-sent events that resume; their page:",
    hint: (host) => `http://${host}:${site.port}/ticker`,
    listen: async (hostname, port) => {
      const ticker = await serveTicker({ hostname, port, origins: site.origins });
      const { addr } = ticker.listener;
      site.ports.ticker = addr.port!;
      site.cut = () => ticker.cut();
      return { addr, shutdown: () => ticker.shutdown() };
    },
  },
];

/** The same service behind a Hono app. */
function app(): Hono<CallEnv> {
  const routes = new Hono<CallEnv>();
  const decoder = new TextDecoder();
  routes.get("/", (c) => c.text(`POST a call to /call. It understands:\n\n${help}\n`));
  routes.post(
    "/call",
    calls(async (request, context) => encoder.encode(await service(decoder.decode(request), context))),
  );
  routes.route("/dashboard", board().app);
  routes.route("/", pages(site.ports, () => site.cut()));
  return routes;
}

// deno-lint-ignore explicit-function-return-type -- what there is stands within
function readFlags() {
  const text = { type: "string" } as const;
  const ports = Object.fromEntries(places.map(({ name }) => [`${name}-port`, text])) as Record<PortFlag, typeof text>;
  const usage = `Usage: deno task start [--hostname H] [--load N] ${
    places.map(({ name }) => `[--${name}-port N]`).join(" ")
  }`;
  try {
    const { values } = parseArgs({
      options: {
        ...ports,
        hostname: { ...text, default: "127.0.0.1" },
        load: { ...text, default: "0" },
        help: { type: "boolean" },
      },
    });
    if (!values.help) return values;
    console.log(usage);
    Deno.exit(0);
  } catch (error) {
    return fail(`Cannot read the command line: ${(error as Error).message.split(/[.\n]/)[0]}\n${usage}`);
  }
}

const flags = readFlags();
const load = Number(flags.load);
if (!(load >= 0 && load <= 1000)) fail(`Cannot make a load of ${flags.load}: --load takes 0 to 1000 calls a second`);

/** The dashboard: it shows the servers that listen by then. */
function board(): Dashboard {
  const sources = (): Metric[] =>
    servers.flatMap(({ name, channels, calls }) =>
      channels === undefined || calls === undefined ? [] : serverMetrics({ channels, calls }, { listener: name })()
    );
  return shown = measured.board({ ...site.tcp, handler: service, servers: sources, load });
}

/** The port of a place: by flag, by environment, or its usual one. */
function portOf({ name, port }: Place): number {
  const variable = `WIREWAY_${name.toUpperCase()}_PORT`;
  const given = flags[`${name}-port`] ?? Deno.env.get(variable);
  if (given === undefined) return port;
  if (/^\d+$/.test(given) && Number(given) <= 65_535) return Number(given);
  return fail(`Cannot use port ${given}: --${name}-port and ${variable} take a number from 0 to 65535`);
}

function fail(message: string): never {
  console.error(message);
  Deno.exit(1);
}

const servers: (Running & { readonly name: string })[] = [];
let shown: Dashboard | undefined;
for (const place of places) {
  const port = portOf(place);
  try {
    const server = await place.listen(flags.hostname, port);
    const { name, what } = place;
    servers.push(Object.assign(server, { name }));
    console.log(`${name.padEnd(7)}${formatAddress(server.addr).padEnd(22)}${what}`);
    console.log(`       ${place.hint(flags.hostname, server.addr.port!)}`);
  } catch (error) {
    if (!(error instanceof TransportError)) throw error;
    const other = `--${place.name}-port or WIREWAY_${place.name.toUpperCase()}_PORT chooses another`;
    fail(error.code === "address-in-use" ? `${error.message}; ${other}` : error.message);
  }
}
console.log(`dashboard     http://${flags.hostname}:${site.port}/dashboard`);
console.log("Ctrl-C ends it.");

/** Ends in order at the first signal, and at once at the second. */
let ending = false;
async function end(): Promise<void> {
  if (ending) Deno.exit(130);
  ending = true;
  console.log("\nEnding: calls in flight have 5 seconds.");
  shown?.close();
  await measured.close();
  await Promise.all(servers.map((server) => server.shutdown({ graceMs: 5000 })));
  console.log(`Ended after ${servers.reduce((calls, server) => calls + (server.calls?.started ?? 0), 0)} calls.`);
  Deno.exit(0);
}
Deno.addSignalListener("SIGINT", end);
if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", end);
