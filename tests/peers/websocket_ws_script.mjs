/**
 * npm's ws on Node, playing scripts: as a client, and as a server that echoes.
 *
 * `node websocket_ws_script.mjs <package> client|server`: the scripts are the
 * first line of its standard input, in JSON, and it ends with that input. A
 * client plays one connection after the other to a port and prints a line of
 * JSON for each; a server prints its port, and a line for each connection when
 * that is over.
 *
 * @module
 */

import { randomFillSync } from "node:crypto";
import { once } from "node:events";
import { createInterface } from "node:readline";

const [location, role] = process.argv.slice(2);
const input = createInterface({ input: process.stdin }).on("close", () => process.exit(0));
const [json] = await once(input, "line");
const { WebSocket, WebSocketServer } = await import(location);
const { port, scripts } = JSON.parse(json);
const say = (line) => console.log(JSON.stringify(line));

/** What was agreed on; ws itself tells only the name of the extension. */
const agreed = (socket) => socket._extensions["permessage-deflate"]?.params ?? null;

/** Some of it is noise, most of it comes again. */
function content({ size, binary }) {
  if (!binary) {
    return Buffer.from("wie gëht es dir, 日本 ".repeat(size / 8 + 1)).subarray(0, size).toString().slice(0, -3);
  }
  const bytes = Buffer.alloc(size, "so it goes ");
  return randomFillSync(bytes, 0, size >> 2);
}

function send(socket, data, binary, cuts, between = () => {}) {
  const bytes = Buffer.from(data);
  const places = [...cuts.map((share) => Math.floor(share * bytes.length)), bytes.length];
  let from = 0;
  for (const [i, to] of places.entries()) {
    socket.send(bytes.subarray(from, to), { binary, fin: i === places.length - 1 });
    if (i < places.length - 1) between();
    from = to;
  }
}

async function play({ deflate, steps, code, reason }) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`, {
    perMessageDeflate: deflate && { threshold: 0, ...deflate },
  });
  const got = [];
  const pongs = [];
  const errors = [];
  let wake = () => {};
  socket.on("message", (data, binary) => wake(got.push({ data, binary })));
  socket.on("pong", (data) => wake(pongs.push(data.toString())));
  socket.on("error", (error) => wake(errors.push(error.message)));
  socket.on("close", () => wake());
  const isOpen = () => socket.readyState === WebSocket.OPEN;
  const closed = new Promise((resolve) => socket.on("close", (code, reason) => resolve({ code, reason: `${reason}` })));
  await new Promise((resolve, reject) => socket.on("open", resolve).on("error", reject));
  const sent = [];
  const pings = [];
  const ping = () => {
    pings.push(`ping ${pings.length}`);
    socket.ping(pings.at(-1));
  };
  for (const step of steps) {
    const data = content(step);
    sent.push({ data: Buffer.from(data), binary: step.binary });
    send(socket, data, step.binary, step.cuts, step.pings ? ping : undefined);
    if (step.waits) {
      while (got.length < sent.length && isOpen()) await new Promise((resolve) => wake = resolve);
    }
  }
  while ((got.length < sent.length || pongs.length < pings.length) && isOpen()) {
    await new Promise((resolve) => wake = resolve);
  }
  const wrong = sent.findIndex(({ data, binary }, i) => got[i]?.binary !== binary || !got[i].data.equals(data));
  if (code === undefined) socket.close();
  else socket.close(code, reason);
  const end = await closed;
  say({ agreed: agreed(socket), wrong, pongs: pongs.join() === pings.join(), errors, ...end });
}

if (role === "client") {
  for (const script of scripts) await play(script);
} else {
  let at = 0;
  for (const { deflate } of scripts) {
    const server = new WebSocketServer({
      host: "127.0.0.1",
      port: 0,
      perMessageDeflate: deflate && { threshold: 0, ...deflate },
    });
    server.on("listening", () => say({ port: server.address().port }));
    await new Promise((resolve) => {
      server.on("connection", (socket) => {
        const errors = [];
        let count = 0;
        const { steps } = scripts[at++];
        socket.on("error", (error) => errors.push(error.message));
        socket.on("message", (data, binary) => send(socket, data, binary, steps[count++].cuts, () => socket.ping("?")));
        socket.on("close", (code, reason) => {
          say({ agreed: agreed(socket), errors, count, code, reason: `${reason}` });
          server.close(resolve);
        });
      });
    });
  }
}

input.close();
