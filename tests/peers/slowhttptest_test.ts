/**
 * The server of eventStreams() against Debian's slowhttptest: slow heads, slow
 * bodies, slow readers.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { type EventStream, eventStreams } from "../../mod.ts";
import { until } from "../support/channels.ts";
import { peer, peerTest, run } from "../support/peer.ts";
import { serving } from "../transport/http1_server/_http1_server.ts";

const slowhttptest = peer("slowhttptest", "slowhttptest");
const connections = 50;

/** Attacks for some seconds, or until no connection is left; returns how it ended, and whether the server answered. */
async function attack(mode: string, port: number, seconds: number): Promise<{ end: string; available: boolean }> {
  const url = `http://127.0.0.1:${port}/`;
  const args = [
    mode,
    "-c",
    `${connections}`,
    "-r",
    "200",
    "-i",
    "1",
    "-l",
    `${seconds}`,
    "-p",
    "2",
    "-v",
    "1",
    "-u",
    url,
  ];
  const { stdout } = await run("slowhttptest", args, { timeoutMs: 30_000 });
  // deno-lint-ignore no-control-regex
  const text = stdout.replace(/\x1b\[[0-9;]*[A-Za-z]/g, "");
  return { end: /Exit status:\s*(.*?)\s*$/m.exec(text)![1], available: /service available:\s*YES/.test(text) };
}

peerTest("slow heads are cut off, and readers notice nothing", [slowhttptest], async () => {
  let reader!: EventStream;
  await using listener = await eventStreams({ port: 0, headTimeoutMs: 1000 }).listen((events, { headers }) => {
    if (headers.has("x-real")) reader = events;
    else events.close();
  });
  const response = await fetch(`http://127.0.0.1:${listener.addr.port}/`, { headers: { "x-real": "1" } });
  const { end, available } = await attack("-H", listener.addr.port!, 10);
  assert.deepEqual([end, available], ["No open connections left", true]);
  await until(() => listener.counters.connectionsOpen === 1, "the end of all others");
  assert.equal(listener.counters.connectionsFailed, connections);
  reader.send({ data: "still here" });
  reader.close();
  assert.equal(await response.text(), ":\n\ndata: still here\n\n");
});

peerTest("slow bodies are cut off", [slowhttptest], async () => {
  await using server = await serving(async (exchange) => {
    await exchange.respond(200, [], `${(await exchange.readBody()).length}`);
  }, { bodyTimeoutMs: 1000 });
  const { end, available } = await attack("-B", server.port, 10);
  assert.deepEqual([end, available], ["No open connections left", true]);
  await until(() => server.listener.counters.connectionsOpen === 0, "the end of all");
  assert.equal(server.ends.filter((error) => error?.details?.status === 408).length, connections);
});

peerTest(
  "slow readers keep a bounded number of bytes waiting, and the server answers others",
  [slowhttptest],
  async () => {
    const readers = new Set<EventStream>();
    const data = "x".repeat(20_000);
    let most = 0;
    await using listener = await eventStreams({ port: 0, maxBufferedBytes: 100_000 }).listen((events) => {
      readers.add(events);
      return { [Symbol.dispose]: () => void readers.delete(events) };
    });
    const timer = setInterval(() => {
      for (const reader of readers) {
        reader.send({ data });
        most = Math.max(most, reader.bufferedBytes);
      }
    }, 5);
    const { available } = await attack("-X", listener.addr.port!, 3);
    clearInterval(timer);
    assert.ok(available);
    assert.ok(listener.counters.connectionsAccepted > connections);
    assert.ok(most > 50_000 && most <= 100_000, `${most} bytes`);
  },
);
