/**
 * tcp() against another program's idea of the same frames, both ways round:
 * its client against our server, and ours against its server.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { fileURLToPath } from "node:url";
import { lengthPrefix, tcp } from "../../mod.ts";
import { bytesOf, numbered, Recorder, sameBytes, until, within } from "../support/channels.ts";
import { type Peer, peerTest, run, start } from "../support/peer.ts";
import { Random } from "../support/random.ts";

/** A language with a client and a server for frames, in this folder. */
export interface FramingPeer {
  name: string;
  program: Peer;
  client: string;
  server: string;
}

/** The programs end by themselves after this time, and are killed soon after it. */
const timeoutMs = 25_000;

const widths = [
  { bytes: 1, sizes: [0, 1, 2, 127, 128, 254, 255] },
  { bytes: 2, sizes: [0, 1, 255, 256, 257, 16_384, 65_534, 65_535] },
  { bytes: 4, sizes: [0, 1, 255, 256, 65_535, 65_536, 131_072, 1_048_575, 1_048_576] },
] as const;

function path(file: string): string {
  return fileURLToPath(new URL(file, import.meta.url));
}

/** Runs the peer's client against an echo server of ours, once for each list of arguments. */
async function serveClient(peer: FramingPeer, bytes: 1 | 2 | 4, runs: string[][]): Promise<string[]> {
  const recorders: Recorder[] = [];
  const listener = await tcp({ port: 0, framing: lengthPrefix({ bytes }) }).listen((channel) => {
    const recorder = new Recorder((message) => channel.send(message));
    recorder.end = () => void channel.close();
    recorders.push(recorder);
    channel.receive(recorder);
  });
  const printed: string[] = [];
  try {
    for (const args of runs) {
      const { code, stdout, stderr } = await run(
        peer.program.command,
        [path(peer.client), "--port", `${listener.addr.port}`, "--packet", `${bytes}`, "--timeout", "20000", ...args],
        { timeoutMs },
      );
      assert.equal(code, 0, `${args.join(" ")}: ${stdout}${stderr}`);
      printed.push(stdout.trim());
    }
    await until(() => listener.counters.connectionsOpen === 0, "no connection left open");
    assert.deepEqual(recorders.map(({ closes, error }) => [closes, error]), runs.map(() => [1, undefined]));
  } finally {
    await listener.close();
  }
  return printed;
}

/** Sends messages to the peer's echo server, one by one and then all at once, and checks what comes back. */
async function callServer(peer: FramingPeer, bytes: 1 | 2 | 4, messages: Uint8Array[]): Promise<void> {
  await using server = start(
    peer.program.command,
    [path(peer.server), "--packet", `${bytes}`, "--timeout", "20000"],
    { timeoutMs },
  );
  const [, port] = await server.until(/^port (\d+)$/);
  const channel = await tcp({ port: Number(port), framing: lengthPrefix({ bytes }) }).dial();
  const recorder = new Recorder();
  channel.receive(recorder);
  for (const [i, message] of messages.entries()) {
    await channel.send(message);
    await recorder.count(i + 1);
  }
  for (const message of messages) await channel.send(message);
  await recorder.count(2 * messages.length);
  recorder.messages.forEach((message, i) => {
    sameBytes(bytesOf(message), messages[i % messages.length], `message ${i}`);
  });
  await within(channel.close(), "close()");
  assert.equal(recorder.error, undefined);
  recorder.checkOver();
}

/** Registers the tests. */
export function framingTests(peer: FramingPeer): void {
  for (const { bytes, sizes } of widths) {
    const largest = sizes[sizes.length - 1];
    const header = `frames with ${bytes} ${bytes === 1 ? "byte" : "bytes"} of length`;

    peerTest(`a client of ${peer.name} and a tcp() server exchange ${header}`, [peer.program], async () => {
      const burstSize = Math.min(largest, 64);
      const printed = await serveClient(peer, bytes, [
        ["--mode", "echo", "--sizes", sizes.join(","), "--random", "50", "--max", `${Math.min(largest, 100_000)}`],
        ["--mode", "burst", "--count", "5000", "--size", `${burstSize}`],
        ["--mode", "burst", "--count", "100", "--size", `${Math.min(largest, 150_000)}`],
        ["--mode", "drip", "--size", `${Math.min(largest, 300)}`],
      ]);
      assert.deepEqual(printed, [`ok ${sizes.length + 50}`, "ok 5000", "ok 100", "ok 1"]);
    });

    peerTest(`a tcp() client and a server of ${peer.name} exchange ${header}`, [peer.program], async () => {
      const random = new Random(17 + bytes);
      const drawn = Array.from({ length: 100 }, () => random.below(Math.min(largest, random.pick([300, 70_000])) + 1));
      await callServer(peer, bytes, [...sizes, ...drawn].map((size, i) => numbered(i, size)));
    });
  }

  peerTest(`a tcp() client's burst comes back whole from a server of ${peer.name}`, [peer.program], async () => {
    await using server = start(peer.program.command, [path(peer.server), "--timeout", "20000"], { timeoutMs });
    const [, port] = await server.until(/^port (\d+)$/);
    const channel = await tcp({ port: Number(port) }).dial();
    const recorder = new Recorder();
    channel.receive(recorder);
    for (let i = 0; i < 20_000; i++) {
      const room = channel.send(numbered(i, 100));
      if (room !== undefined) await room;
    }
    await recorder.count(20_000);
    recorder.messages.forEach((message, i) => sameBytes(bytesOf(message), numbered(i, 100), `message ${i}`));
    await within(channel.close(), "close()");
    recorder.checkOver();
  });
}
