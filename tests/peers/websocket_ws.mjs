/**
 * npm's ws on Node, as an echo server and as a client that makes demands of one.
 *
 * `node websocket_ws.mjs <package> server|client <json>`: a server prints its
 * port and how each connection closed; a client prints what it found wrong.
 *
 * @module
 */

import { createHash, randomBytes } from "node:crypto";

const [location, role, json] = process.argv.slice(2);
const { WebSocket, WebSocketServer } = await import(location);
const { port, compression, sizes, fragments, code } = JSON.parse(json);
const perMessageDeflate = compression ? { threshold: 0, ...compression } : false;
const maxPayload = 17 * 1024 * 1024;

if (role === "server") {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate, maxPayload });
  server.on("listening", () => console.log(`port ${server.address().port}`));
  server.on("connection", (socket) => {
    console.log(agreed(socket));
    let pongs = 0;
    socket.on("pong", (payload) => pongs += payload.toString() === `ping ${pongs}` ? 1 : 1000);
    for (let i = 0; i < 10; i++) socket.ping(`ping ${i}`);
    socket.on("error", (error) => console.log(`error ${error.message}`));
    socket.on("close", (code, reason) => console.log(`closed ${code} ${reason} after ${pongs} pongs`));
    socket.on("message", (message, isBinary) => {
      if (!isBinary && message.toString().startsWith("close ")) {
        return socket.close(Number(message.toString().slice(6)), "as you wish");
      }
      echo(socket, message, isBinary);
    });
  });
  process.stdin.resume().on("end", () => process.exit(0));
} else {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`, { perMessageDeflate, maxPayload });
  const waiting = [];
  socket.on("message", (message, isBinary) => waiting.shift()?.({ message, isBinary }));
  socket.on("error", (error) => console.log(`error ${error.message}`));
  socket.on("close", (code, reason) => {
    console.log(`closed ${code} ${reason}`);
    process.exit(0);
  });
  await new Promise((resolve) => socket.on("open", resolve));
  console.log(agreed(socket));
  for (const size of sizes) {
    for (const isBinary of [true, false]) {
      const noise = size < 100_000 ? randomBytes(size) : Buffer.alloc(size, randomBytes(1000));
      const sent = isBinary ? noise : Buffer.from(noise.toString("hex").slice(0, size));
      const answer = new Promise((resolve) => waiting.push(resolve));
      echo(socket, sent, isBinary);
      const got = await answer;
      if (got.isBinary !== isBinary || digest(got.message) !== digest(sent)) console.log(`wrong ${size} ${isBinary}`);
    }
  }
  const pongs = [];
  for (let i = 0; i < 10; i++) {
    socket.ping(`ping ${i}`);
    pongs.push((await new Promise((resolve) => socket.once("pong", resolve))).toString());
  }
  console.log(`pongs ${pongs.filter((pong, i) => pong === `ping ${i}`).length}`);
  socket.close(code, "over");
}

/** What was agreed on; ws itself tells only the name of the extension. */
function agreed(socket) {
  return `agreed ${JSON.stringify(socket._extensions["permessage-deflate"]?.params ?? null)}`;
}

/** Sends in fragments where that is asked for. */
function echo(socket, message, binary) {
  if (!fragments || message.length === 0) return socket.send(message, { binary });
  for (let at = 0; at < message.length; at += fragments) {
    socket.send(message.subarray(at, at + fragments), { binary, fin: at + fragments >= message.length });
  }
}

function digest(bytes) {
  return createHash("sha1").update(bytes).digest("hex");
}
