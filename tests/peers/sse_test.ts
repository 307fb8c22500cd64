/**
 * sse() with curl as the client, and with nginx and haproxy between its ends.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { type Channel, sse } from "../../mod.ts";
import { numbered, Recorder, sameBytes, within } from "../support/channels.ts";
import { haproxy, startHaproxy } from "../support/haproxy.ts";
import { nginx, startNginx } from "../support/nginx.ts";
import { peer, peerTest, run, start } from "../support/peer.ts";

const stopping = { stopSignal: "SIGTERM" } as const;

const curl = peer("curl", "curl");

peerTest("curl opens a channel, posts to it, resumes it and ends it, as sse.md says", [curl], async () => {
  const accepted = Promise.withResolvers<Channel>();
  const recorder = new Recorder();
  const listener = await sse({ port: 0 }).listen((channel) => {
    channel.receive(recorder);
    accepted.resolve(channel);
  });
  const url = `http://127.0.0.1:${listener.addr.port}/`;
  await using stream = start("curl", ["-sN", "-H", "Wireway-Version: 1", url], stopping);
  const [, id] = await stream.until(/"channel":"([^"]+)"/);
  const channel = await within(accepted.promise, "the channel");
  const headers = ["-H", `Wireway-Channel: ${id}`];
  const post = async (stdin: string, ...more: string[]): Promise<string> => {
    const args = ["-s", "-o", "-", "-w", "%{http_code}", "--data-binary", "@-", ...headers, ...more, url];
    return (await run("curl", args, { stdin })).stdout;
  };
  const octets = ["-H", "Content-Type: application/octet-stream"];
  assert.equal(await post("t\0\0\0\x05hello", ...octets, "-H", "Wireway-First: 1"), "204");
  assert.deepEqual(recorder.messages, ["hello"]);
  assert.match(
    await post("t\0\0\0\x05hell", ...octets, "-H", "Wireway-First: 2"),
    /^Request refused: .*400$|^POST refused: [^]*400$/,
  );
  void channel.send("  hello,\ncurl");
  assert.deepEqual((await stream.until(/^data: {3}(.*)$/))[1], "hello,");
  assert.deepEqual((await stream.until(/^data: (.*)$/))[1], "curl");
  await stream[Symbol.asyncDispose]();
  void channel.send("while it was away");
  await using again = start("curl", ["-sN", ...headers, "-H", "Last-Event-ID: 1", url], stopping);
  await again.until(/^id: 2$/);
  await again.until(/^data: while it was away$/);
  const args = ["-s", "-o", "-", "-w", "%{http_code}", "-X", "DELETE", ...headers, url];
  assert.equal((await run("curl", args)).stdout, "204");
  assert.equal((await recorder.over())?.code, "connection-lost");
  assert.equal(await within(again.exited, "the end of the stream"), 0);
  await listener.close();
});

/** Sends messages of many sizes there and back through what stands at a port. */
async function echo(upstream: (port: number) => Promise<AsyncDisposable & { readonly port: number }>): Promise<void> {
  const listener = await sse({ port: 0 }).listen((channel) => {
    channel.receive({
      message: (message) => channel.send(message),
      end: () => void channel.close(),
      closed: () => {},
    });
  });
  {
    await using proxy = await upstream(listener.addr.port!);
    const channel = await sse({ port: proxy.port }).dial();
    const recorder = new Recorder();
    channel.receive(recorder);
    const sizes = [0, 1, 100, 1000, 10_000, 100_000, 900_000];
    for (const [i, size] of sizes.entries()) {
      await channel.send(numbered(i, size));
      await recorder.count(i + 1);
    }
    for (let i = 0; i < 500; i++) await channel.send(numbered(i, 50));
    await channel.send("a text\r\n");
    await recorder.count(sizes.length + 501);
    recorder.messages.slice(0, -1).forEach((message, i) => {
      const expected = i < sizes.length ? numbered(i, sizes[i]) : numbered(i - sizes.length, 50);
      sameBytes(message as Uint8Array, expected, `message ${i}`);
    });
    assert.equal(recorder.messages.at(-1), "a text\r\n");
    await within(channel.close(), "close()");
    assert.equal(recorder.error, undefined);
  }
  await listener.close();
}

peerTest("sse() passes nginx with its defaults", [nginx], () => echo((port) => startNginx({ upstreamPort: port })));

peerTest(
  "sse() passes haproxy",
  [haproxy],
  () => echo((port) => startHaproxy({ upstreamPort: port, defaults: ["option http-no-delay"] })),
);
