/**
 * websocket() with npm's ws on Node: random messages, whole and in fragments
 * with pings between them, under random parameters of compression.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { fileURLToPath } from "node:url";
// Has the package there, for Node to load from where it is.
import "ws";
import { type TransportError, websocket } from "../../mod.ts";
import { Recorder, until } from "../support/channels.ts";
import { peer, peerTest, type RunningProcess, start } from "../support/peer.ts";
import { Random } from "../support/random.ts";

const node = peer("node", "nodejs");
const program = fileURLToPath(new URL("./websocket_ws_script.mjs", import.meta.url));

/** Where the form of a frame's length changes, and of a window. */
const edges = [0, 1, 125, 126, 127, 255, 256, 511, 512, 4096, 32_767, 32_768, 65_535, 65_536, 65_537, 1 << 20];
const codes = [
  undefined,
  1000,
  1001,
  1002,
  1003,
  1007,
  1008,
  1009,
  1010,
  1011,
  1012,
  1013,
  1014,
  3000,
  3999,
  4000,
  4999,
];

interface Step {
  readonly size: number;
  readonly binary: boolean;
  /** Where it is cut into fragments, as shares of its length. */
  readonly cuts: readonly number[];
  /** There are pings between the fragments. */
  readonly pings: boolean;
  /** The next one waits for its answer. */
  readonly waits: boolean;
}

interface Script {
  /** What ws asks for; false where it has no compression. */
  readonly deflate: false | Record<string, unknown>;
  readonly ours: boolean;
  readonly steps: readonly Step[];
  readonly code: number | undefined;
  readonly reason: string;
}

function script(random: Random, code: number | undefined): Script {
  const deflate: Record<string, unknown> = {};
  if (random.oneIn(2)) deflate.serverNoContextTakeover = true;
  if (random.oneIn(2)) deflate.clientNoContextTakeover = true;
  if (random.oneIn(2)) deflate.serverMaxWindowBits = random.between(9, 15);
  if (random.oneIn(2)) deflate.clientMaxWindowBits = random.between(9, 15);
  const steps = Array.from({ length: random.between(1, 12) }, () => ({
    size: random.oneIn(2) ? random.pick(edges) : random.below(3000),
    binary: random.oneIn(2),
    cuts: random.oneIn(2) ? [] : Array.from({ length: random.below(6) }, () => random.below(1000) / 1000).sort(),
    pings: random.oneIn(2),
    waits: random.oneIn(2),
  }));
  const reason = code === undefined
    ? ""
    : random.pick(["", "x".repeat(123), "é".repeat(61), "x".repeat(random.below(123))]);
  return { deflate: random.oneIn(6) ? false : deflate, ours: !random.oneIn(6), steps, code, reason };
}

function scriptsOf(seed: number): Script[] {
  const random = new Random(seed);
  return [...codes, ...codes].map((code) => script(random, code));
}

/** Starts ws in a role. */
function ws(role: string, settings: Record<string, unknown>): RunningProcess {
  const running = start("node", [program, import.meta.resolve("ws"), role]);
  // Of one that has ended before its output tells more.
  running.write(`${JSON.stringify(settings)}\n`).catch(() => {});
  return running;
}

/** What both must have agreed on: what ws asks for. Our ends ask for nothing more. */
function agreement({ deflate, ours }: Script): Record<string, unknown> | null {
  if (!ours || deflate === false) return null;
  const agreed: Record<string, unknown> = {};
  if (deflate.serverNoContextTakeover) agreed.server_no_context_takeover = true;
  if (deflate.clientNoContextTakeover) agreed.client_no_context_takeover = true;
  if (deflate.serverMaxWindowBits) agreed.server_max_window_bits = deflate.serverMaxWindowBits;
  if (deflate.clientMaxWindowBits) agreed.client_max_window_bits = deflate.clientMaxWindowBits;
  return agreed;
}

for (const seed of [1, 2]) {
  peerTest(`what ws sends our server comes back as it was, whatever they agree on (seed ${seed})`, [node], async () => {
    const all = scriptsOf(seed);
    const ends: (TransportError | undefined)[] = [];
    for (const ours of [true, false]) {
      const scripts = all.filter((each) => each.ours === ours);
      const listener = await websocket({ port: 0, compression: ours, thresholdBytes: 0 }).listen((channel) => {
        channel.receive({
          message: (message) => channel.send(message),
          end: () => void channel.close(),
          closed: (error) => ends.push(error),
        });
      });
      await using client = ws("client", { port: listener.addr.port, scripts });
      const lines = (await Array.fromAsync(client.lines)).map((line) => JSON.parse(line));
      assert.equal(lines.length, scripts.length, client.stderr);
      for (const [i, each] of scripts.entries()) {
        const what = JSON.stringify(each);
        const { agreed, wrong, pongs, errors, code } = lines[i];
        assert.deepEqual({ wrong, pongs, errors }, { wrong: -1, pongs: true, errors: [] }, what);
        assert.deepEqual(agreed, agreement(each), what);
        assert.equal(code, each.code ?? 1005, what);
      }
      await listener.close();
      await until(() => ends.length === scripts.length, "the end of the connections");
      for (const [i, { code, reason }] of scripts.entries()) {
        const fine = code === undefined || code === 1000;
        assert.equal(ends[i]?.details?.closeCode, fine ? undefined : code);
        if (!fine) assert.equal(ends[i]?.details?.reason ?? "", reason);
      }
      ends.length = 0;
    }
  });

  peerTest(`what our client sends ws comes back as it was, whatever they agree on (seed ${seed})`, [node], async () => {
    const random = new Random(seed);
    const scripts = scriptsOf(seed + 100);
    await using server = ws("server", { scripts });
    for (const each of scripts) {
      const what = JSON.stringify(each);
      const [, port] = await server.until(/^\{"port":(\d+)\}$/);
      const channel = await websocket({ port: Number(port), compression: each.ours, thresholdBytes: 0 }).dial();
      const recorder = new Recorder();
      channel.receive(recorder);
      const sent = each.steps.map(({ size, binary }) =>
        binary ? bytesOf(random, size) : "aé日".repeat(size).slice(0, size)
      );
      for (const [i, message] of sent.entries()) {
        await channel.send(message);
        if (each.steps[i].waits) await recorder.count(i + 1);
      }
      await recorder.count(sent.length);
      assert.ok(sent.every((message, i) => same(message, recorder.messages[i])), what);
      await channel.close();
      recorder.checkOver();
      const [, line] = await server.until(/^(\{"agreed".*)$/);
      const { agreed, errors, count, code } = JSON.parse(line);
      assert.deepEqual({ errors, count, code }, { errors: [], count: sent.length, code: 1000 }, what);
      assert.deepEqual(agreed, agreement(each), what);
    }
  });
}

/** Some of it is noise, most of it comes again. */
function bytesOf(random: Random, size: number): Uint8Array {
  const bytes = new Uint8Array(size).map((_, i) => i % 11);
  bytes.set(random.bytes(Math.min(size >> 2, 5000)));
  return bytes;
}

function same(sent: Uint8Array | string, got: unknown): boolean {
  if (typeof sent === "string") return sent === got;
  return got instanceof Uint8Array && got.length === sent.length && sent.every((byte, i) => byte === got[i]);
}
