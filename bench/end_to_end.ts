/**
 * Compares the framework with hand-written floors and with other runtimes.
 *
 * `deno run -A bench/end_to_end.ts [--only <text>] [--rounds N] [--seconds S]`
 *
 * @module
 */

import { Flags } from "./floor/command.ts";
import { table } from "./floor/table.ts";
import { type Case, type Contender, exists, runCase } from "./harness.ts";
import { undiciFolder } from "./peers/undici.ts";
import { vscodeJsonRpcFolder } from "./peers/vscode_jsonrpc.ts";
import { webSocketCases } from "./websocket_cases.ts";

const BENCH = import.meta.dirname!;

/** A Deno program under `bench/`, with the flags its server gets. */
function deno(name: string, path: string, ...flags: string[]): Contender {
  const command = [Deno.execPath(), "run", "-A", `${BENCH}/${path}`];
  return {
    name,
    server: [...command, "server", ...flags],
    client: [...command, "client"],
  };
}

/** The framework's own program, once it exists. */
function framework(program: string): Contender[] {
  const path = `programs/${program}.ts`;
  return exists(`${BENCH}/${path}`) ? [deno("wireway", path)] : [];
}

/** A program of another runtime, which does what `mode` says. */
function peer(name: string, command: string[], mode: string): Contender {
  return {
    name,
    server: [...command, mode, "server"],
    client: [...command, mode, "client"],
  };
}

function peers(mode: string): Contender[] {
  return [
    peer("node net", ["node", `${BENCH}/peers/node_tcp.mjs`], mode),
    peer(
      "erlang gen_tcp",
      ["escript", `${BENCH}/peers/erlang_tcp.escript`],
      mode,
    ),
  ];
}

/** Every HTTP server is loaded by the same client. */
function http(contender: Contender): Contender {
  return { ...contender, client: deno("", "floor/http_load.ts").client };
}

/** The readers of every event stream server are the same, too. */
function events(label: string, ...flags: string[]): Case {
  const read = (contender: Contender): Contender => ({
    ...contender,
    client: deno("", "floor/event_stream_load.ts").client,
  });
  return {
    name: `event streams, 1 000 readers × 200 events, ${label}`,
    contenders: [
      deno("floor: a ReadableStream each", "floor/event_stream.ts"),
      deno("wireway, mounted", "programs/event_stream_mounted.ts"),
      deno("wireway, own sockets", "programs/event_stream.ts"),
      deno("by hand, own sockets", "floor/event_stream_sockets.ts"),
    ].map(read),
    flags: ["--readers", "1000", "--events", "200", ...flags],
    figures: [
      { key: "eventsPerSecond", label: "events/s" },
      { key: "eventsPerCpuSecond", label: "events per second of the server's processor time" },
    ],
  };
}

/** Every HTTP client calls the same server. */
function httpClients(label: string, inFlight: number, ...flags: string[]): Case {
  const [floor, ours] = [deno("floor", "floor/http_answers.ts"), deno("wireway", "programs/http_client.ts")];
  const { server } = floor;
  return {
    name: `HTTP client, ${label}, ${inFlight} in flight`,
    contenders: [
      floor,
      { ...ours, server },
      { ...ours, name: "wireway, platform's Request", server, client: [...ours.client, "--platform"] },
      { name: "fetch", server, client: [...ours.client, "--fetch"] },
      {
        name: "undici Pool on node",
        server,
        client: ["node", `${BENCH}/peers/node_undici.mjs`, `${undici}`, "client"],
      },
    ],
    flags: ["--in-flight", String(inFlight), ...flags],
    figures: [
      { key: "callsPerSecond", label: "calls/s" },
      { key: "cpuMicros", label: "µs of the client's processor time a call (less is better)" },
      ...(inFlight === 1 ? [{ key: "p50", label: "p50 µs (less is better)" }] : []),
    ],
  };
}

function oneWay(label: string, bytes: number): Case {
  return {
    name: `one way, ${label}`,
    contenders: [
      deno("floor", "floor/one_way.ts"),
      ...framework("one_way"), // The framework's contender.
      deno("floor, buffer reused", "floor/one_way.ts", "--reuse"),
      deno("wireway, messages borrowed", "programs/one_way.ts", "--reuse"),
      ...peers("one-way"),
    ],
    flags: ["--bytes", String(bytes)],
    figures: [{ key: "messagesPerSecond", label: "messages/s" }],
  };
}

function calls(label: string, bytes: number, inFlight: number): Case {
  return {
    name: `calls, ${label}, ${inFlight} in flight`,
    contenders: [
      deno("floor", "floor/calls.ts"),
      ...framework("calls"), // The framework's contender.
      ...peers("calls"),
    ],
    flags: ["--bytes", String(bytes), "--in-flight", String(inFlight)],
    figures: inFlight === 1
      ? [
        { key: "p50", label: "p50 µs (less is better)" },
        { key: "p99", label: "p99 µs (less is better)" },
      ]
      : [{ key: "callsPerSecond", label: "calls/s" }],
  };
}

/** The NATS server is the same, and what both ends do with it differs. */
function throughNats(inFlight: number): Case {
  const ours = deno("wireway", "programs/nats.ts");
  return {
    name: `calls through NATS, 100 B, ${inFlight} in flight`,
    contenders: [
      deno("floor: the NATS client alone", "floor/nats.ts"),
      ours,
      { ...ours, name: "wireway, each with a deadline", client: [...ours.client, "--deadline"] },
    ],
    flags: ["--bytes", "100", "--in-flight", String(inFlight)],
    figures: [
      { key: "callsPerSecond", label: "calls/s" },
      ...(inFlight === 1 ? [{ key: "p50", label: "p50 µs (less is better)" }] : []),
    ],
  };
}

const undici = await undiciFolder();
const jsonRpcCalls: Case = {
  name: "JSON-RPC call over TCP, 128 in flight",
  contenders: [
    deno("floor: JSON and the loop by hand", "floor/json_calls.ts"),
    deno("wireway", "programs/json_rpc.ts"),
    withFlag(deno("by hand in lines, decoded by the read", "floor/json_calls.ts"), "--lines"),
    withFlag(deno("wireway in lines", "programs/json_rpc.ts"), "--lines"),
    peer("vscode-jsonrpc on node", ["node", `${BENCH}/peers/node_json_rpc.mjs`], `${await vscodeJsonRpcFolder()}`),
    unlocked(deno("jayson", "peers/jayson.ts")),
  ],
  flags: ["--in-flight", "128"],
  figures: [{ key: "callsPerSecond", label: "calls/s" }],
};

/** A program whose package is not to be written into the lock file. */
function unlocked({ name, server, client }: Contender): Contender {
  const without = ([program, run, ...rest]: string[]): string[] => [program, run, "--no-lock", ...rest];
  return { name, server: without(server), client: without(client) };
}

/** The same program, told the same at both ends. */
function withFlag({ name, server, client }: Contender, flag: string): Contender {
  return { name, server: [...server, flag], client: [...client, flag] };
}

const CASES: Case[] = [
  ...[1, 16, 128].flatMap((inFlight) => [
    httpClients("GET hello", inFlight),
    httpClients("POST 100 B", inFlight, "--post"),
  ]),
  oneWay("1 KB", 1024),
  oneWay("64 B", 64),
  {
    name: "stream of 1 KB items over mux",
    contenders: [
      deno("one-way sends", "programs/one_way.ts"),
      deno("items of a request stream", "programs/stream_items.ts"),
    ],
    flags: ["--bytes", "1024"],
    figures: [{ key: "messagesPerSecond", label: "messages/s" }],
  },
  calls("64 B", 64, 128),
  calls("1 KB", 1024, 128),
  calls("64 B", 64, 1),
  throughNats(1),
  throughNats(64),
  jsonRpcCalls,
  {
    name: "HTTP hello, 32 connections",
    contenders: [
      http(deno("floor", "floor/http.ts")),
      ...framework("http").map(http), // The framework's contender.
    ],
    flags: [],
    figures: [{ key: "requestsPerSecond", label: "requests/s" }],
  },
  events("one a turn"),
  events("in one turn", "--burst"),
  {
    name: "idle TCP connections",
    contenders: [
      deno("floor", "floor/idle_tcp.ts"),
      ...framework("idle"), // The framework's contender.
    ],
    flags: ["--connections", "10000"],
    figures: [{
      key: "bytesPerConnection",
      label: "bytes/connection (less is better)",
    }],
  },
  ...webSocketCases,
];

if (import.meta.main) {
  const flags = new Flags(Deno.args);
  const only = flags.text("only", "");
  const rounds = flags.number("rounds", 5);
  const seconds = flags.number("seconds", 2);
  const cores = navigator.hardwareConcurrency;
  console.log(`Deno ${Deno.version.deno}, ${cores} cores, ${seconds} s a run`);
  for (const each of CASES.filter(({ name }) => name.includes(only))) {
    const timed = { ...each, flags: [...each.flags, "--seconds", `${seconds}`] };
    const options = { rounds, timeoutMs: 1000 * (seconds + 30) };
    const outcomes = await runCase(timed, options);
    console.log(`\n${each.name} (${rounds} rounds)`);
    for (const figure of each.figures) console.log(table(figure, outcomes));
  }
}
