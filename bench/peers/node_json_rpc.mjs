/**
 * The peer in Node: vscode-jsonrpc on one connection, as an editor has with its
 * language server, under the load of `floor/json_call_load.ts`.
 *
 * `node node_json_rpc.mjs FOLDER server|client --port N …`, where FOLDER is the
 * package.
 *
 * @module
 */

import { once } from "node:events";
import { createRequire } from "node:module";
import { connect, createServer } from "node:net";
import { join } from "node:path";

const [folder, role, ...words] = process.argv.slice(2);
const require = createRequire(import.meta.url);
const { createMessageConnection, StreamMessageReader, StreamMessageWriter } = require(
  join(folder, "lib/node/main.js"),
);
const text = "x".repeat(64);

function over(socket) {
  socket.setNoDelay(true);
  socket.on("error", () => {});
  return createMessageConnection(new StreamMessageReader(socket), new StreamMessageWriter(socket));
}

if (role === "server") {
  const server = createServer((socket) => {
    const connection = over(socket);
    connection.onRequest("echo", (params) => params);
    connection.listen();
  });
  server.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: server.address().port })));
  process.stdin.on("end", () => process.exit(0)).resume();
} else {
  const socket = connect(number("port", 0), "127.0.0.1");
  await once(socket, "connect");
  const connection = over(socket);
  connection.listen();
  console.log(JSON.stringify(await load((params) => connection.sendRequest("echo", params))));
  process.exit(0);
}

async function load(call) {
  const started = performance.now();
  const deadline = started + number("seconds", 2) * 1000;
  let calls = 0;
  let stopped = false;
  const worker = async () => {
    while (!stopped) {
      const sent = calls++;
      const reply = await call({ number: sent, text });
      if (reply.number !== sent) throw new Error("Wrong reply");
      if (performance.now() > deadline) stopped = true;
    }
  };
  await Promise.all(Array.from({ length: number("in-flight", 128) }, worker));
  const seconds = (performance.now() - started) / 1000;
  return { calls, seconds, callsPerSecond: calls / seconds };
}

function number(flag, fallback) {
  const at = words.indexOf(`--${flag}`);
  return at < 0 ? fallback : Number(words[at + 1]);
}
