/**
 * websocket() with pages in Chromium.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { type Listener, type TransportError, websocket, type WebSocketOptions } from "../../mod.ts";
import { chromium, openPage } from "../support/browser.ts";
import { until } from "../support/channels.ts";
import { peerTest } from "../support/peer.ts";

/** An empty page, and the origin that it is from. */
function pages(): { origin: string; server: Deno.HttpServer<Deno.NetAddr> } {
  const html = `<!doctype html><link rel="icon" href="data:,"><title>empty</title>`;
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => {
    return new Response(html, { headers: { "content-type": "text/html" } });
  });
  return { origin: `http://127.0.0.1:${server.addr.port}`, server };
}

async function echo(
  options: Partial<WebSocketOptions>,
): Promise<{ url: string; ends: (TransportError | undefined)[]; listener: Listener }> {
  const ends: (TransportError | undefined)[] = [];
  const listener = await websocket({ ...options, port: 0 }).listen((channel) => {
    channel.receive({
      message: (message) => channel.send(message),
      end: () => void channel.close(),
      closed: (error) => ends.push(error),
    });
  });
  return { url: `ws://127.0.0.1:${listener.addr.port}/`, ends, listener };
}

/** What the page found out. */
interface Echoes {
  readonly extensions: string;
  readonly wrong: string[];
  readonly code: number;
  readonly wasClean: boolean;
}

/** Runs in the page: sends texts and bytes of all sizes, and compares what comes back. */
async function echoes([url, sizes]: [string, number[]]): Promise<Echoes> {
  const socket = new WebSocket(url);
  socket.binaryType = "arraybuffer";
  const closed = new Promise<CloseEvent>((resolve) => socket.onclose = resolve);
  await new Promise((resolve) => socket.onopen = socket.onerror = resolve);
  const { extensions } = socket;
  const wrong: string[] = [];
  for (const size of sizes) {
    const bytes = new Uint8Array(size).map((_, i) => (i * i) >> 3);
    const text = "aé☃😀".repeat(Math.ceil(size / 10));
    for (const sent of [bytes, text]) {
      const answer = await new Promise<unknown>((resolve) => {
        socket.onmessage = ({ data }) => resolve(data);
        socket.send(sent);
      });
      const same = typeof sent === "string"
        ? answer === sent
        : new Uint8Array(answer as ArrayBuffer).every((byte, i) => byte === sent[i]) &&
          (answer as ArrayBuffer).byteLength === sent.length;
      if (!same) wrong.push(`${typeof sent} of ${size}`);
    }
  }
  socket.close(1000, "done");
  const { code, wasClean } = await closed;
  return { extensions, wrong, code, wasClean };
}

const sizes = [0, 1, 125, 126, 1000, 65_535, 65_536, 200_000, 4_000_000];

for (const compression of [false, true]) {
  peerTest(`Chromium gets back what it sends, ${compression ? "compressed" : "as it is"}`, [chromium], async () => {
    const { origin, server } = pages();
    const { url, ends, listener } = await echo({ origins: [origin], compression });
    {
      await using open = await openPage(origin);
      const found = await open.page.evaluate(echoes, [url, sizes] as [string, number[]]);
      const extensions = compression ? "permessage-deflate" : "";
      assert.deepEqual(found, { extensions, wrong: [], code: 1000, wasClean: true });
      assert.deepEqual(open.errors, []);
    }
    await until(() => ends.length === 1, "the end");
    assert.deepEqual(ends, [undefined]);
    if (compression) assert.ok(listener.counters.bytesIn < 6_000_000, `${listener.counters.bytesIn} bytes came in`);
    await listener.close();
    await server.shutdown();
  });
}

peerTest("a page of another origin is refused, and one that is listed is not", [chromium], async () => {
  const { origin, server } = pages();
  const refusing = await echo({ origins: ["https://shop.example"] });
  const admitting = await echo({ origins: ["https://shop.example", origin] });
  {
    await using open = await openPage(origin);
    const outcome = (url: string): Promise<string> =>
      open.page.evaluate((url) => {
        return new Promise((resolve) => {
          const socket = new WebSocket(url);
          socket.onopen = () => resolve("open");
          socket.onclose = ({ code }) => resolve(`closed ${code}`);
        });
      }, url);
    assert.equal(await outcome(admitting.url), "open");
    assert.equal(await outcome(refusing.url), "closed 1006");
    assert.match(open.errors.join(), /Unexpected response code: 403/);
  }
  assert.equal(refusing.listener.counters.connectionsAccepted, 0);
  assert.equal(refusing.listener.counters.connectionsRefused, 1);
  await until(() => admitting.ends.length === 1, "the end of the page's connection");
  await Promise.all([refusing.listener.close(), admitting.listener.close(), server.shutdown()]);
});

peerTest("a page that goes away ends its connection", [chromium], async () => {
  const { origin, server } = pages();
  const { url, ends, listener } = await echo({ origins: [origin] });
  {
    await using open = await openPage(origin);
    await open.page.evaluate((url) => {
      return new Promise((resolve) => new WebSocket(url).onopen = () => resolve(undefined));
    }, url);
    await until(() => listener.counters.connectionsOpen === 1, "the connection");
    await open.page.goto("about:blank");
    await until(() => ends.length === 1, "the end");
  }
  // What a browser says for a page that was left.
  assert.equal(ends[0]?.details?.closeCode, 1001);
  assert.equal(ends[0]?.code, "draining");
  await Promise.all([listener.close(), server.shutdown()]);
});
