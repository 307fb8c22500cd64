import assert from "node:assert/strict";
import {
  callContext,
  chain,
  http,
  ManualClock,
  reconnect,
  serve,
  type Service,
  shapeBodies,
  type ShapeBodiesOptions,
  ShapeBodiesStats,
} from "../../../mod.ts";

const url = "http://service.test/";

/** A body of many chunks, which tells how many were taken from it. */
function source(
  chunks: number,
  chunkBytes: number,
): { body: ReadableStream<Uint8Array>; taken(): number; left(): boolean } {
  let taken = 0;
  let left = false;
  const body = new ReadableStream<Uint8Array>({
    pull(controller): void {
      if (taken === chunks) return controller.close();
      controller.enqueue(new Uint8Array(chunkBytes).fill(taken++ & 255));
    },
    cancel(): void {
      left = true;
    },
  }, { highWaterMark: 0 });
  return { body, taken: () => taken, left: () => left };
}

/** Reads on and on, and counts. */
function reading(response: Response): { bytes: number; chunks: number[]; error: unknown; done: Promise<void> } {
  const state = { bytes: 0, chunks: [] as number[], error: undefined as unknown, done: Promise.resolve() };
  state.done = (async () => {
    try {
      for await (const chunk of response.body!) {
        state.bytes += chunk.length;
        state.chunks.push(chunk.length);
      }
    } catch (error) {
      state.error = error;
    }
  })();
  return state;
}

/** A service of bodies of 1 MiB in chunks of 64 KiB, shaped with a moved clock. */
function shaped(
  options: ShapeBodiesOptions,
): { call: Service<Request, Response>; clock: ManualClock; stats: ShapeBodiesStats } {
  const clock = new ManualClock();
  const stats = new ShapeBodiesStats();
  const inner = (): Promise<Response> => Promise.resolve(new Response(source(16, 65_536).body));
  return { call: chain(inner, shapeBodies({ clock, stats, ...options })), clock, stats };
}

Deno.test("shapeBodies() lets a response through at its rate, in pieces", async () => {
  const { call, clock, stats } = shaped({ downBytesPerSecond: 10_000, burstBytes: 1000, pieceBytes: 1000 });
  const reader = reading(await call(new Request(url)));
  await clock.advance(0);
  assert.equal(reader.bytes, 1000, "the burst");
  for (let tenth = 0; tenth < 20; tenth++) await clock.advance(100);
  assert.ok(reader.bytes >= 20_000 && reader.bytes <= 22_000, `${reader.bytes} bytes in 2 s`);
  assert.deepEqual(new Set(reader.chunks), new Set([1000]));
  const { waiting, bytesSent, bytesPerSecond } = stats.down();
  assert.deepEqual([waiting, bytesSent], [1, reader.bytes]);
  assert.ok(bytesPerSecond >= 9000 && bytesPerSecond <= 11_000, `${bytesPerSecond}`);
});

Deno.test("shapeBodies() bounds all bodies together, and an urgent one waits for a piece at most", async () => {
  const { call, clock } = shaped({ downBytesPerSecond: 10_000, burstBytes: 1000, pieceBytes: 1000 });
  const bulk = [reading(await call(new Request(url))), reading(await call(new Request(url)))];
  await clock.advance(1000);
  const before = bulk[0].bytes + bulk[1].bytes;
  assert.ok(before <= 12_000, `${before} bytes`);
  const urgent = reading(await call(new Request(url), callContext({ priority: 0 })));
  for (let tenth = 0; tenth < 10; tenth++) await clock.advance(100);
  assert.ok(urgent.bytes >= 9000, `${urgent.bytes} bytes of the urgent one`);
  assert.ok(bulk[0].bytes + bulk[1].bytes <= before + 1000);
});

Deno.test("shapeBodies() shares by weight among those that compete", async () => {
  const { call, clock } = shaped({
    downBytesPerSecond: 100_000,
    burstBytes: 1000,
    pieceBytes: 1000,
    classOf: (request) => Number(request.headers.get("class")),
  });
  const read = async (priority: string) => reading(await call(new Request(url, { headers: { class: priority } })));
  const [heavy, light] = [await read("1"), await read("7")];
  for (let step = 0; step < 90; step++) await clock.advance(10);
  const ratio = heavy.bytes / light.bytes;
  assert.ok(ratio > 6.5 && ratio < 9.5, `${heavy.bytes} : ${light.bytes}`);
});

Deno.test("shapeBodies() reads nothing ahead, and a body that is left leaves nothing behind", async () => {
  const clock = new ManualClock();
  const stats = new ShapeBodiesStats();
  const one = source(16, 65_536);
  const options = { downBytesPerSecond: 1000, burstBytes: 1, pieceBytes: 1000, clock, stats };
  const call = chain((_: Request) => Promise.resolve(new Response(one.body)), shapeBodies(options));
  const response = await call(new Request(url));
  assert.equal(one.taken(), 0);
  const reader = response.body!.getReader();
  await reader.read();
  const second = reader.read();
  await clock.advance(1);
  assert.deepEqual([one.taken(), stats.down().waiting], [1, 1]);
  await reader.cancel();
  assert.deepEqual(await second, { done: true, value: undefined });
  assert.deepEqual([one.left(), stats.down().waiting, clock.pending], [true, 0, 0]);
});

Deno.test("shapeBodies() tells at once of a body that fails while it waits", async () => {
  const clock = new ManualClock();
  let fail: (error: Error) => void = () => {};
  const failing = new ReadableStream<Uint8Array>({
    start(controller): void {
      controller.enqueue(new Uint8Array(3000));
      fail = (error) => controller.error(error);
    },
  });
  const options = { downBytesPerSecond: 1, burstBytes: 1, pieceBytes: 1000, clock };
  const call = chain((_: Request) => Promise.resolve(new Response(failing)), shapeBodies(options));
  const reader = reading(await call(new Request(url)));
  await clock.advance(1);
  assert.equal(reader.bytes, 1000);
  fail(new Error("reset"));
  await reader.done;
  assert.deepEqual([reader.bytes, String(reader.error)], [1000, "Error: reset"]);
});

Deno.test("shapeBodies() lets requests through at their own rate", async () => {
  const clock = new ManualClock();
  const sent = source(16, 65_536);
  let received: ReturnType<typeof reading> | undefined;
  const inner = (request: Request): Promise<Response> => {
    received = reading(new Response(request.body));
    return Promise.resolve(new Response(null, { status: 204, headers: { "x-method": request.method } }));
  };
  const call = chain(inner, shapeBodies({ upBytesPerSecond: 10_000, burstBytes: 1000, pieceBytes: 1000, clock }));
  const init: RequestInit & { duplex: "half" } = { method: "PUT", body: sent.body, duplex: "half" };
  const response = await call(new Request(url, init));
  assert.equal(response.headers.get("x-method"), "PUT");
  for (let tenth = 0; tenth < 10; tenth++) await clock.advance(100);
  assert.ok(received!.bytes >= 10_000 && received!.bytes <= 12_000, `${received!.bytes} bytes in 1 s`);
});

Deno.test("shapeBodies() leaves answers without a body as they are", async () => {
  const empty = new Response(null, { status: 204 });
  const call = chain((_: Request) => Promise.resolve(empty), shapeBodies({ downBytesPerSecond: 1 }));
  assert.equal(await call(new Request(url)), empty);
});

Deno.test("shapeBodies() carries bodies whole over real HTTP, on both ends", async () => {
  const handler = async (request: Request): Promise<Response> => new Response((await request.bytes()).reverse());
  const shaping = () => shapeBodies({ upBytesPerSecond: 50_000_000, downBytesPerSecond: 50_000_000, pieceBytes: 5000 });
  const server = await serve(http({ port: 0 }), chain(handler, shaping()));
  const origin = `http://127.0.0.1:${server.addr.port}`;
  const call = chain(http({ origin }), reconnect(), shaping());
  const body = Uint8Array.from({ length: 300_000 }, (_, i) => i % 251);
  const reply = await call(new Request(origin, { method: "POST", body }));
  assert.deepEqual(await reply.bytes(), body.slice().reverse());
  await call.close();
  await server.shutdown();
});

Deno.test("shapeBodies() refuses options that make no sense", () => {
  const bad: ShapeBodiesOptions[] = [
    { upBytesPerSecond: 0 },
    { downBytesPerSecond: NaN },
    { pieceBytes: 0 },
    { weights: [1, 2] },
    { weights: [1, 1, 1, 1, 1, 1, -1] },
  ];
  for (const options of bad) assert.throws(() => shapeBodies(options), { code: "invalid-option" });
});
