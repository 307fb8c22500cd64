/**
 * The comparisons of WebSocket servers and clients.
 *
 * Servers meet one client, which masks its frames once and counts the bytes of
 * the answers; clients meet one server, the loop by hand.
 *
 * @module
 */

import type { Case, Contender } from "./harness.ts";

const BENCH = import.meta.dirname!;
const deno = (path: string, role: string): string[] => [Deno.execPath(), "run", "-A", `${BENCH}/${path}`, role];
const node = (role: string): string[] => [
  "node",
  `${BENCH}/peers/websocket_node.mjs`,
  role,
  "--package",
  import.meta.resolve("ws"),
];
const bun = ["npx", "-y", "bun@1", `${BENCH}/peers/websocket_bun.mjs`];

const floor = deno("floor/websocket.ts", "server");

const servers: Record<string, string[]> = {
  "floor": floor,
  "wireway": deno("programs/websocket.ts", "server"),
  "wireway, messages borrowed": [...deno("programs/websocket.ts", "server"), "--reuse"],
  "Deno.upgradeWebSocket": deno("peers/websocket_deno.ts", "server"),
  "npm ws on node": node("server"),
  "bun": bun,
};

const clients: Record<string, string[]> = {
  "floor": deno("floor/websocket.ts", "client"),
  "wireway": deno("programs/websocket.ts", "client"),
  "Deno's WebSocket": deno("peers/websocket_deno.ts", "client"),
  "npm ws on node": node("client"),
};

function loaded(by: string): Contender[] {
  return Object.entries(servers).map(([name, server]) => ({ name, server, client: deno(by, "client") }));
}

function echo(label: string, bytes: number, connections: number, inFlight: number): Case {
  const many = connections === 1 ? "one connection" : `${connections} connections`;
  return {
    name: `websocket echo, ${label}, ${many}, ${inFlight} in flight`,
    contenders: loaded("floor/websocket_load.ts"),
    flags: ["--bytes", `${bytes}`, "--connections", `${connections}`, "--in-flight", `${inFlight}`],
    figures: [{ key: "messagesPerSecond", label: "messages/s" }],
  };
}

/** All of them. */
export const webSocketCases: Case[] = [
  echo("64 B", 64, 1, 64),
  echo("1 KB", 1024, 1, 64),
  echo("64 B", 64, 64, 1),
  echo("16 KB", 16 * 1024, 64, 1),
  {
    name: "websocket client, 4 KB there and back",
    contenders: Object.entries(clients).map(([name, client]) => ({ name, server: floor, client })),
    flags: ["--bytes", "4096"],
    figures: [
      { key: "p50", label: "p50 µs (less is better)" },
      { key: "p99", label: "p99 µs (less is better)" },
    ],
  },
  {
    name: "idle websocket connections",
    contenders: loaded("floor/websocket_idle.ts"),
    flags: ["--connections", "10000"],
    figures: [{ key: "bytesPerConnection", label: "bytes/connection (less is better)" }],
  },
];
