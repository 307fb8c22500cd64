/**
 * The peer in Node: one-way messages and calls over the `net` module.
 *
 * Frames are the ones of `bench/floor`, so either end can meet the other.
 *
 * @module
 */

import net from "node:net";

const [mode, role, ...words] = process.argv.slice(2);
const REQUEST = 1;
const REPLY = 2;

const programs = {
  "one-way": { serve: serveOneWay, client: sendOneWay },
  "calls": { serve: serveCalls, client: makeCalls },
};
const program = programs[mode];
if (role === "server" && program) {
  listen(program.serve);
} else if (role === "client" && program) {
  console.log(JSON.stringify(await program.client(await connect())));
  process.exit(0);
} else {
  console.error("Usage: node_tcp.mjs one-way|calls server|client [flags]");
  process.exit(2);
}

function serveOneWay(socket) {
  let messages = 0;
  let last;
  const onMessage = (message) => {
    messages++;
    last = message;
  };
  readFrames(socket, onMessage);
  socket.on("end", () => {
    const reply = Buffer.alloc(12);
    reply.writeUInt32BE(8);
    reply.writeBigUInt64BE(BigInt(messages), 4);
    if (last) socket.end(reply);
  });
}

async function sendOneWay(socket) {
  const message = Buffer.alloc(number("bytes", 1024), 120);
  const frame = 4 + message.length;
  const size = Math.max(128 * 1024, frame);
  let [batch, other] = [Buffer.alloc(size), Buffer.alloc(size)];
  const started = performance.now();
  const deadline = started + number("seconds", 2) * 1000;
  let sent = 0;
  let writing = Promise.resolve();
  while (performance.now() < deadline) {
    let at = 0;
    while (at + frame <= batch.length) {
      at = batch.writeUInt32BE(message.length, at);
      at += message.copy(batch, at);
      sent++;
    }
    await writing;
    const full = batch.subarray(0, at);
    writing = new Promise((resolve) => socket.write(full, resolve));
    [batch, other] = [other, batch];
  }
  const confirmed = await new Promise((resolve) => {
    readFrames(socket, (reply) => resolve(Number(reply.readBigUInt64BE())));
    socket.end();
  });
  const seconds = (performance.now() - started) / 1000;
  if (confirmed !== sent) throw new Error(`Counted ${confirmed} of ${sent}`);
  return { messages: sent, seconds, messagesPerSecond: sent / seconds };
}

function serveCalls(socket) {
  const send = batchWriter(socket);
  const handler = (payload) => payload;
  readFrames(socket, (frame) => {
    const id = frame.readUInt32BE(1);
    const reply = handler(frame.subarray(5));
    if (reply instanceof Promise) {
      reply.then((payload) => send(REPLY, id, payload));
    } else {
      send(REPLY, id, reply);
    }
  });
}

async function makeCalls(socket) {
  const send = batchWriter(socket);
  const waiting = [];
  const free = [];
  readFrames(socket, (frame) => {
    const id = frame.readUInt32BE(1);
    free.push(id);
    waiting[id](frame.subarray(5));
  });
  const call = (payload) =>
    new Promise((resolve) => {
      const id = free.length > 0 ? free.pop() : waiting.length;
      waiting[id] = resolve;
      send(REQUEST, id, payload);
    });
  const payload = Buffer.alloc(number("bytes", 64), 120);
  const inFlight = number("in-flight", 128);
  const started = performance.now();
  const deadline = started + number("seconds", 2) * 1000;
  const micros = inFlight === 1 ? new Float64Array(1 << 20) : undefined;
  let calls = 0;
  let stopped = false;
  const worker = async () => {
    while (!stopped) {
      const before = micros ? performance.now() : 0;
      await call(payload);
      if (micros) micros[calls] = (performance.now() - before) * 1000;
      if ((++calls & 63) === 0) stopped = performance.now() > deadline;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  const seconds = (performance.now() - started) / 1000;
  const sorted = micros?.subarray(0, calls).sort();
  const at = (share) => sorted[Math.floor(calls * share)];
  const latency = sorted ? { p50: at(0.5), p99: at(0.99) } : {};
  return { calls, ...latency, seconds, callsPerSecond: calls / seconds };
}

/** Call `onFrame` with a view of each frame. */
function readFrames(socket, onFrame) {
  let tail;
  socket.on("data", (chunk) => {
    const bytes = tail ? Buffer.concat([tail, chunk]) : chunk;
    let at = 0;
    while (bytes.length - at >= 4) {
      const next = at + 4 + bytes.readUInt32BE(at);
      if (next > bytes.length) break;
      onFrame(bytes.subarray(at + 4, next));
      at = next;
    }
    tail = at < bytes.length ? bytes.subarray(at) : undefined;
  });
}

/** Gather the frames of a turn into one buffer and write it. */
function batchWriter(socket) {
  const size = 64 * 1024;
  let batch = Buffer.allocUnsafe(size);
  let start = 0;
  let end = 0;
  const flush = () => {
    if (end > start) socket.write(batch.subarray(start, end));
    start = end;
  };
  return (type, id, payload) => {
    const length = 5 + payload.length;
    if (end + 4 + length > batch.length) {
      flush();
      batch = Buffer.allocUnsafe(Math.max(size, 4 + length));
      start = end = 0;
    }
    if (end === start) process.nextTick(flush);
    batch.writeUInt32BE(length, end);
    batch[end + 4] = type;
    batch.writeUInt32BE(id, end + 5);
    payload.copy(batch, end + 9);
    end += 4 + length;
  };
}

function listen(serve) {
  const options = { noDelay: true, allowHalfOpen: mode === "one-way" };
  const server = net.createServer(options, (socket) => {
    socket.on("error", () => socket.destroy());
    serve(socket);
  });
  server.listen(0, "127.0.0.1", () => {
    console.log(JSON.stringify({ port: server.address().port }));
  });
  process.stdin.resume().on("end", () => process.exit(0));
}

function connect() {
  const options = { port: number("port", 0), host: "127.0.0.1", noDelay: true };
  return new Promise((resolve, reject) => {
    const socket = net.connect(options, () => resolve(socket));
    socket.on("error", reject);
  });
}

function number(name, fallback) {
  const at = words.indexOf(`--${name}`);
  return at < 0 ? fallback : Number(words[at + 1]);
}
