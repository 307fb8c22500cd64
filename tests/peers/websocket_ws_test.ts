/**
 * websocket() with npm's ws on Node, as a client and as a server.
 *
 * @module
 */

import { strict as assert } from "node:assert";
// Has the package there, for Node to load from where it is.
import "ws";
import { type TransportError, websocket } from "../../mod.ts";
import { Recorder, sameBytes, until } from "../support/channels.ts";
import { peer, peerTest, type RunningProcess, start } from "../support/peer.ts";
import { Random } from "../support/random.ts";

const node = peer("node", "nodejs");
const program = new URL("./websocket_ws.mjs", import.meta.url).pathname;
const MiB = 1024 * 1024;
const sizes = [0, 1, 125, 126, 127, 1000, 65_535, 65_536, 100_000, MiB, 16 * MiB];

/** Starts the program in a role. */
function ws(role: string, settings: Record<string, unknown>): RunningProcess {
  return start("node", [program, import.meta.resolve("ws"), role, JSON.stringify(settings)]);
}

interface Way {
  readonly ours: boolean;
  readonly theirs: false | Record<string, unknown>;
  readonly fragments?: number;
  /** What both agree on. */
  readonly agreed: Record<string, unknown> | null;
}

const ways: Record<string, Way> = {
  "without compression": { ours: false, theirs: {}, agreed: null },
  "in fragments": { ours: false, theirs: false, fragments: 10_000, agreed: null },
  "with compression": { ours: true, theirs: {}, agreed: {} },
  "with compression, in fragments": { ours: true, theirs: {}, fragments: 10_000, agreed: {} },
  "with compression that forgets": {
    ours: true,
    theirs: { serverNoContextTakeover: true, clientNoContextTakeover: true },
    agreed: { server_no_context_takeover: true, client_no_context_takeover: true },
  },
  "with compression and small windows": {
    ours: true,
    theirs: { serverMaxWindowBits: 10, clientMaxWindowBits: 9 },
    agreed: { server_max_window_bits: 10, client_max_window_bits: 9 },
  },
  "with compression that it does not have": { ours: true, theirs: false, agreed: null },
};

for (const [how, { ours, theirs, fragments, agreed }] of Object.entries(ways)) {
  peerTest(`ws as the client gets back what it sends, ${how}`, [node], async () => {
    const ends: (TransportError | undefined)[] = [];
    const listener = await websocket({ port: 0, compression: ours, thresholdBytes: 0 }).listen((channel) => {
      channel.receive({
        message: (message) => channel.send(message),
        end: () => void channel.close(),
        closed: (error) => ends.push(error),
      });
    });
    await using client = ws("client", { port: listener.addr.port, compression: theirs, sizes, fragments, code: 1000 });
    const lines = await Array.fromAsync(client.lines);
    assert.deepEqual(lines.slice(1), ["pongs 10", "closed 1000 "], client.stderr);
    assert.deepEqual(JSON.parse(lines[0].slice("agreed ".length)), agreed);
    await listener.close();
    await until(() => ends.length === 1, "the end of the connection");
    assert.deepEqual(ends, [undefined]);
  });

  peerTest(`ws as the server gives back what it gets, ${how}`, [node], async () => {
    await using server = ws("server", { compression: theirs, fragments });
    const [, port] = await server.until(/^port (\d+)$/);
    const channel = await websocket({ port: Number(port), compression: ours, thresholdBytes: 0 }).dial();
    const recorder = new Recorder();
    channel.receive(recorder);
    const [, parameters] = await server.until(/^agreed (.*)$/);
    assert.deepEqual(JSON.parse(parameters), agreed);
    const random = new Random(7);
    let count = 0;
    for (const size of sizes) {
      const bytes = new Uint8Array(size).fill(random.below(256));
      bytes.set(random.bytes(Math.min(size, 1000)));
      const text = "aé".repeat(size).slice(0, size / 2);
      await channel.send(bytes);
      await channel.send(text);
      await recorder.count(count += 2);
      sameBytes(recorder.messages[count - 2] as Uint8Array, bytes, `${size} bytes`);
      assert.ok(recorder.messages[count - 1] === text, `a text of ${text.length} characters`);
    }
    await channel.close();
    await server.until(/^closed 1000 {2}after 10 pongs$/);
    recorder.checkOver();
    assert.equal(recorder.error, undefined);
  });
}

peerTest("ws and our client tell each other their close codes", [node], async () => {
  await using server = ws("server", {});
  const [, port] = await server.until(/^port (\d+)$/);
  for (const code of [1000, 1001, 1008, 1011, 1012, 3000, 4999]) {
    const channel = await websocket({ port: Number(port) }).dial();
    const recorder = new Recorder();
    channel.receive(recorder);
    channel.send(`close ${code}`);
    await recorder.until(() => recorder.ends === 1, "the goodbye");
    await channel.close();
    await server.until(new RegExp(`^closed ${code} `));
    assert.equal(recorder.error?.details?.closeCode, code === 1000 ? undefined : code);
    if (code !== 1000) assert.equal(recorder.error?.details?.reason, "as you wish");
  }
});

peerTest("ws and our server tell each other their close codes", [node], async () => {
  for (const code of [1000, 1001, 1003, 1008, 3000, 4999]) {
    const recorder = new Recorder();
    const listener = await websocket({ port: 0 }).listen((channel) => {
      channel.receive({
        message: () => {},
        end: () => void channel.close(),
        closed: (error) => recorder.closed(error),
      });
    });
    await using client = ws("client", { port: listener.addr.port, sizes: [], code });
    assert.deepEqual((await Array.fromAsync(client.lines)).at(-1), `closed ${code} `);
    const error = await recorder.over();
    assert.equal(error?.details?.closeCode, code === 1000 ? undefined : code);
    await listener.close();
  }
});

peerTest("ws hears 1009 of a message over our limit, and from us of one over its own", [node], async () => {
  const ends: (TransportError | undefined)[] = [];
  const listener = await websocket({ port: 0, maxMessageBytes: 1000 }).listen((channel) => {
    channel.receive({
      message: (message) => channel.send(message),
      end: () => {},
      closed: (error) => ends.push(error),
    });
  });
  await using client = ws("client", { port: listener.addr.port, sizes: [1000, 1001], code: 1000 });
  assert.match((await Array.fromAsync(client.lines)).at(-1)!, /^closed 1009 Message refused/);
  await until(() => ends.length === 1, "the end");
  assert.equal(ends[0]?.code, "message-too-large");
  await listener.close();

  await using server = ws("server", {});
  const [, port] = await server.until(/^port (\d+)$/);
  const channel = await websocket({ port: Number(port), maxMessageBytes: 20 * MiB }).dial();
  const recorder = new Recorder();
  channel.receive(recorder);
  await channel.send(new Uint8Array(18 * MiB));
  await recorder.until(() => recorder.ends === 1 || recorder.closes === 1, "the refusal");
  await channel.close();
  assert.equal(recorder.error?.code, "message-too-large");
});
