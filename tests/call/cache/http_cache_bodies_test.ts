/**
 * httpCache(): the bodies it keeps, and answers that do not fit them.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { chain, coalesce, httpCache, memoryStore } from "../../../mod.ts";
import { settle } from "../../support/calls.ts";
import { numbered, url, world } from "./_http_cache.ts";

const minute = { "cache-control": "max-age=60" };

Deno.test("httpCache() keeps a body only when it was read to its end, is within its bound, and whole", async () => {
  const pieces = (count: number, fail = false) => {
    let sent = 0;
    return new ReadableStream<Uint8Array>({
      pull(controller): void {
        if (sent++ < count) controller.enqueue(new Uint8Array(10));
        else if (fail) controller.error(new Error("torn"));
        else controller.close();
      },
    });
  };
  const kept = async (make: () => Response, read: (response: Response) => Promise<unknown>): Promise<boolean> => {
    const { call, pages } = world(make, { maxBodyBytes: 100 });
    await read(await call(new Request(url))).catch(() => {});
    await settle();
    return pages.stats.entries > 0;
  };
  const all = (response: Response) => response.bytes();
  const of = (body: ReadableStream<Uint8Array> | null, more: HeadersInit = {}) => () =>
    new Response(body, { headers: { ...minute, ...more as Record<string, string> } });
  assert.equal(await kept(of(pieces(10)), all), true);
  assert.equal(await kept(of(null), all), true);
  assert.equal(await kept(of(pieces(11)), all), false, "too large");
  assert.equal(await kept(of(pieces(1), { "content-length": "101" }), all), false, "says that it is too large");
  assert.equal(await kept(of(pieces(5), { "content-length": "60" }), all), false, "shorter than it said");
  assert.equal(await kept(of(pieces(5, true)), all), false, "torn");
  assert.equal(await kept(of(pieces(5)), (response) => response.body!.cancel()), false, "cancelled");
  assert.equal(await kept(of(pieces(5)), () => Promise.resolve()), false, "not read");
});

Deno.test("httpCache() gives each caller bytes of its own", async () => {
  const { call } = world(() => new Response(new Uint8Array([1, 2, 3]), { headers: minute }));
  for (let turn = 0; turn < 3; turn++) {
    const bytes = await (await call(new Request(url))).bytes();
    assert.deepEqual([...bytes], [1, 2, 3]);
    bytes.fill(9);
  }
});

Deno.test("httpCache() keeps what came, whatever its reader makes of the pieces it is given", async () => {
  const { call, get } = world(() =>
    new Response(
      new ReadableStream({
        start(controller): void {
          controller.enqueue(new TextEncoder().encode("abc"));
          controller.close();
        },
      }),
      { headers: minute },
    )
  );
  const response = await call(new Request(url));
  for await (const chunk of response.body!) chunk.fill(0);
  await settle();
  const kept = await get();
  assert.deepEqual([kept.body, kept.age], ["abc", "0"]);
});

Deno.test("httpCache() counts the time that a body takes, here and through a store", async () => {
  const store = memoryStore();
  const { call, clock, get } = world(() => {
    let sent = 0;
    return new Response(
      new ReadableStream({
        async pull(controller): Promise<void> {
          if (sent++ === 0) return controller.enqueue(new TextEncoder().encode("slow"));
          await new Promise<void>((resolve) => clock.schedule(resolve, 10_000));
          controller.close();
        },
      }, { highWaterMark: 0 }),
      { headers: minute },
    );
  }, { store });
  const response = await call(new Request(url));
  const text = response.text();
  await settle();
  await clock.advance(10_000);
  assert.equal(await text, "slow");
  await settle();
  assert.equal((await get()).age, "10");
  const second = world(numbered(minute), { store }, clock);
  assert.equal((await second.get()).age, "10");
});

Deno.test("httpCache() asks again without conditions where a 304 means something else than what is kept", async () => {
  const { get, requests, seconds } = world((request, count) =>
    request.headers.has("if-none-match")
      ? new Response(null, { status: 304, headers: { etag: '"other"' } })
      : new Response(String(count), { headers: { ...minute, etag: '"mine"' } })
  );
  await get();
  await seconds(61);
  const again = await get();
  assert.deepEqual([again.status, again.body], [200, "3"]);
  assert.deepEqual(requests.map(({ headers }) => headers.get("if-none-match")), [null, '"mine"', null]);
});

Deno.test("httpCache() around coalesce() does not join a call to one from before a write", async () => {
  const gate = Promise.withResolvers<void>();
  const requests: string[] = [];
  const service = async ({ method }: Request): Promise<Response> => {
    const count = requests.push(method);
    if (count === 1) await gate.promise;
    return new Response(String(count), { headers: minute });
  };
  const pages = httpCache();
  const call = chain(service, coalesce(), pages);
  const first = call(new Request(url));
  await (await call(new Request(url, { method: "PUT" }))).text();
  const second = call(new Request(url));
  gate.resolve();
  assert.equal(await (await first).text(), "1");
  assert.equal(await (await second).text(), "3");
  assert.equal(await (await call(new Request(url))).text(), "3");
  assert.deepEqual(requests, ["GET", "PUT", "GET"]);
});
