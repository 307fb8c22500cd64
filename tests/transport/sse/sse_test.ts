/**
 * sse() as a program meets it: plain clients, restarts, vanished networks, other
 * people's servers, and wrong options.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { Hono } from "hono";
import {
  chain,
  type Channel,
  describe,
  type Listener,
  ManualClock,
  mountedSse,
  mux,
  serve,
  sse,
  sseClient,
  type SseOptions,
  text,
  TransportError,
} from "../../../mod.ts";
import { bytesOf, join, numbered, part, Recorder, sameBytes, until, within } from "../../support/channels.ts";
import { faultProxy } from "../../support/fault_proxy.ts";
import { run } from "../../support/process.ts";
import { servedSse } from "./_mounted_sse.ts";

const quick = { retryMs: 2, maxRetryMs: 10 };

function echoing(channel: Channel): void {
  channel.receive({ message: (message) => channel.send(message), end: () => void channel.close(), closed: () => {} });
}

Deno.test("the platform's EventSource reads what is sent to it", async () => {
  const channels: Channel[] = [];
  const listener = await sse({ port: 0, path: "/live" }).listen((channel) => {
    channel.receive({ message: () => {}, end: () => {}, closed: () => {} });
    channels.push(channel);
    void channel.send(" first\nsecond");
  });
  const source = new EventSource(`http://127.0.0.1:${listener.addr.port}/live`);
  const data = await within(new Promise((resolve) => source.onmessage = (event) => resolve(event.data)), "a message");
  assert.equal(data, " first\nsecond");
  source.close();
  await until(() => listener.counters.connectionsOpen === 0, "the end of the channel");
  await listener.close();
});

Deno.test("a channel outlives its connections, and says so when the server was restarted meanwhile", async () => {
  const channels: Channel[] = [];
  const accept = (channel: Channel): void => {
    channels.push(channel);
    echoing(channel);
  };
  const listener = await sse({ port: 0 }).listen(accept);
  const port = listener.addr.port!;
  await using proxy = await faultProxy({ upstreamPort: port });
  const channel = await sse({ port: proxy.port, ...quick }).dial();
  const recorder = new Recorder();
  channel.receive(recorder);
  await channel.send("one");
  await recorder.count(1);
  proxy.cutAll("reset");
  await channel.send("two");
  await recorder.count(2);
  assert.deepEqual(recorder.messages, ["one", "two"]);
  // The server ends and nobody hears of it; another begins in its place, which knows nothing.
  proxy.pause();
  channels[0].abort(new TransportError("cancelled", "Test: the machine was switched off"));
  await Promise.all([channels[0].close(), listener.close()]);
  const second = await sse({ port }).listen(accept);
  void channel.send("three");
  proxy.cutAll("reset");
  proxy.resume();
  const error = await recorder.over();
  assert.equal(error?.code, "connection-lost");
  assert.deepEqual(error?.details, { reason: "gap", status: 404, unacknowledged: 1, received: 2 });
  assert.equal(channels.length, 1, "a new channel is for the program to open");
  await Promise.all([channel.close(), second.close()]);
});

Deno.test("a network that vanished without a word is noticed by both ends, and the channel goes on after it", async () => {
  // Time passes only while something is waited for that needs it: on a slow machine nothing comes too late.
  const clock = new ManualClock();
  const passing = (holds: () => boolean, what: string): Promise<void> =>
    until(() => {
      void clock.advance(2);
      return holds();
    }, what);
  const times = { heartbeatMs: 400, livenessMs: 400, postTimeoutMs: 600, clock, ...quick };
  let far: Channel | undefined;
  const farSide = new Recorder();
  const listener = await sse({ port: 0, ...times }).listen((channel) => {
    far = channel;
    channel.receive(farSide);
  });
  await using proxy = await faultProxy({ upstreamPort: listener.addr.port! });
  const near = await sse({ port: proxy.port, ...times, connectTimeoutMs: 1000 }).dial();
  const recorder = new Recorder();
  near.receive(recorder);
  await near.send("before");
  await farSide.count(1);
  const connections = proxy.accepted;
  proxy.pause();
  void near.send("up");
  void far!.send("down");
  await passing(() => proxy.accepted > connections + 2, "new attempts of the client");
  proxy.cutAll("reset");
  proxy.resume();
  await passing(() => recorder.messages.length === 1 && farSide.messages.length === 2, "both messages");
  assert.deepEqual([recorder.messages, farSide.messages], [["down"], ["before", "up"]]);
  let over = false;
  const ends = Promise.all([near.close(), far!.close(), listener.close()]).then(() => over = true);
  await passing(() => over, "the end");
  await ends;
  assert.deepEqual([recorder.error, farSide.error], [undefined, undefined]);
});

Deno.test("a closed listener keeps its port until its last channel is over, so that it can be resumed", async () => {
  const transport = sse({ port: 0, ...quick });
  let where: Listener | undefined;
  const pair = await join({
    dial: () => sse({ port: where!.addr.port!, ...quick }).dial(),
    listen: async (accept) => where = await transport.listen(accept),
  });
  const far = new Recorder();
  pair.near.receive(new Recorder());
  pair.far.receive(far);
  await pair.listener.close();
  const port = where!.addr.port!;
  await assert.rejects(sse({ port }).dial(), { code: "connect-failed", details: { status: 503 } });
  await assert.rejects(sse({ port }).listen(() => {}), { code: "address-in-use" });
  await pair.near.send("by a new connection");
  await far.count(1);
  await part(pair);
  await assert.rejects(sse({ port }).dial(), { code: "connect-failed" });
  await (await sse({ port }).listen(() => {})).close();
});

Deno.test("a channel passes HTTP/2, where requests of one connection go side by side", async () => {
  const served = servedSse({ highWaterBytes: 10_000 }, { protocol: "h2" });
  const pair = await join(served.transport);
  const [near, far] = [new Recorder(), new Recorder((message) => pair.far.send(message))];
  pair.near.receive(near);
  pair.far.receive(far);
  for (let i = 0; i < 100; i++) await pair.near.send(numbered(i, 1000));
  await near.count(100);
  near.messages.forEach((message, i) => sameBytes(bytesOf(message), numbered(i, 1000), `message ${i}`));
  await part(pair, near, far);
  await served.end();
});

Deno.test("calls go through a route of Hono", async () => {
  const live = mountedSse();
  const app = new Hono();
  app.get("/", (context) => context.text("a page"));
  app.all("/live", (context) => live.fetch(context.req.raw));
  const calls = await serve(chain(live, mux(), text()), (name) => `hello ${name}`);
  const server = Deno.serve({ port: 0, onListen: () => {} }, app.fetch);
  const client = Deno.createHttpClient({});
  const url = `http://127.0.0.1:${server.addr.port}/live`;
  const transport = chain(sseClient({ url, fetchOptions: { client } as RequestInit }), mux(), text());
  const session = await transport.dial();
  assert.equal(await session.call("ann"), "hello ann");
  await session.close();
  await calls.shutdown();
  client.close();
  await server.shutdown();
});

Deno.test("a handler answers where there is no Deno", async () => {
  const script = `
    delete globalThis.Deno;
    const { mountedSse } = await import(${
    JSON.stringify(new URL("../../../src/transport/sse/sse_mounted.ts", import.meta.url).href)
  });
    const live = mountedSse();
    await live.listen((channel) => {
      channel.receive({ message: (text) => channel.send(text + "!"), end() {}, closed: (error) => console.log(error.code) });
    });
    const headers = { "wireway-version": "1" };
    const response = await live.fetch(new Request("https://edge.example/live", { headers }));
    const reader = response.body.getReader();
    const read = async () => new TextDecoder().decode((await reader.read()).value);
    const id = /"channel":"([^"]+)"/.exec(await read())[1];
    const body = new Uint8Array([116, 0, 0, 0, 2, 104, 105]);
    const fields = { "wireway-channel": id, "wireway-first": "1", "content-type": "application/octet-stream" };
    const answer = await live.fetch(new Request("https://edge.example/live", { method: "POST", headers: fields, body }));
    console.log(answer.status, JSON.stringify(await read()));
    await live.fetch(new Request("https://edge.example/live", { method: "DELETE", headers: fields }));
  `;
  const args = ["run", "--no-check", "--no-prompt", "--cached-only", `--allow-read`, "-"];
  const result = await run(Deno.execPath(), args, { stdin: script, timeoutMs: 30_000 });
  assert.equal(result.stdout, `204 "id: 1\\ndata: hi!\\n\\n"\nconnection-lost\n`, result.stderr);
});

Deno.test("wrong options are named, and secrets stay out of what describe() prints", async () => {
  const wrong: [string, unknown][] = [
    ["port", undefined],
    ["port", 70_000],
    ["path", "live"],
    ["maxMessageBytes", 0],
    ["maxPostBytes", 10],
    ["maxBufferedBytes", 10],
    ["heartbeatMs", 0],
    ["authenticate", true],
    ["unknown", 1],
  ];
  for (const [name, value] of wrong) {
    const options = { port: 0, maxMessageBytes: 100, [name]: value } as unknown as SseOptions;
    assert.throws(() => sse(options), (error: unknown) => {
      assert.ok(error instanceof TransportError);
      assert.equal(error.code, "invalid-option");
      assert.equal(error.details?.option, name);
      return true;
    });
  }
  for (const url of ["ftp://x", "nowhere", ""]) assert.throws(() => sseClient({ url }), { code: "invalid-option" });
  const printed = describe(sse({ port: 9, headers: { authorization: "Bearer 7" }, path: "/live" }));
  assert.match(printed, /^sse\(.*path: "\/live"/);
  assert.doesNotMatch(printed, /Bearer/);
  await assert.rejects(mountedSse().dial(), { code: "unsupported" });
  await assert.rejects(sseClient({ url: "http://x" }).listen(() => {}), { code: "unsupported" });
});

Deno.test("sse() says goodbye on a connection that it has", async () => {
  const ended = Promise.withResolvers<void>();
  const listener = await sse({ port: 0, hostname: "127.0.0.1" }).listen((channel) => {
    channel.receive({ message: () => {}, end: () => {}, closed: () => ended.resolve() });
  });
  await using proxy = await faultProxy({ upstreamPort: listener.addr.port! });
  const channel = await sse({ port: proxy.port, hostname: "127.0.0.1" }).dial();
  channel.receive(new Recorder());
  await channel.send("hello");
  await until(() => channel.bufferedBytes === 0, "the answer");
  channel.abort(new TransportError("cancelled", "Test over"));
  await channel.close();
  await within(ended.promise, "the end");
  assert.equal(proxy.accepted, 2, "one for the stream, and one for all requests");
  await listener.close();
});
