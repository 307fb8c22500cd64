/**
 * A config file that changes while its chains run.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  adjustablesOf,
  chain,
  type Client,
  concurrencyLimit,
  ManualClock,
  mux,
  pool,
  rateLimit,
  retry,
  serve,
  type SessionTransport,
  tcp,
  timeout,
  type TransportEvent,
} from "../../../mod.ts";
import { type SettingsEvent, type SettingsWatch, watchSettings } from "../../../src/watch_settings.ts";
import { settle, Watched } from "../../support/calls.ts";
import { until, within } from "../../support/channels.ts";

/** A file in memory, and what was heard of its changes. */
class World {
  readonly clock = new ManualClock();
  readonly heard: SettingsEvent[] = [];
  text: string | undefined;
  /** Looks at the file so far. */
  looks = 0;
  #stamp = 0;

  constructor(text: object) {
    this.text = JSON.stringify(text);
  }

  write(text: object | string | undefined): void {
    this.text = typeof text === "object" ? JSON.stringify(text) : text;
    this.#stamp++;
  }

  watch(): Promise<SettingsWatch> {
    const files = {
      stamp: () => {
        this.looks++;
        return Promise.resolve(this.text === undefined ? undefined : `${this.#stamp}`);
      },
      read: () => Promise.resolve(this.text!),
    };
    const onChange = (event: SettingsEvent): void => {
      this.heard.push(event);
      throw new Error("a listener's own fault");
    };
    return watchSettings("app.jsonc", { files, clock: this.clock, onChange, variables: () => undefined });
  }
}

/** What a reload says, in short. */
function brief(event: SettingsEvent): unknown {
  if (event.type === "refused") return event.error.message;
  return [event.applied.map(({ path }) => path), event.restart.map(({ path }) => path)];
}

Deno.test("a changed file is read when it has settled, and its settings hold for the chains that follow it", async () => {
  const world = new World({ concurrencyLimit: { max: 1 }, retry: { maxAttempts: 2 } });
  await using watch = await world.watch();
  const limit = concurrencyLimit({ ...watch.settings.concurrencyLimit, clock: world.clock });
  watch.follow(chain((request: string) => request, limit, retry(watch.settings.retry)));
  await world.clock.advance(5000);
  assert.deepEqual(world.heard, []);
  world.write({ concurrencyLimit: { max: 7 }, retry: { maxAttempts: 2 } });
  await world.clock.advance(1000);
  assert.equal(limit.stats().limit, 1, "it may not be whole yet");
  await world.clock.advance(100);
  assert.equal(limit.stats().limit, 7);
  assert.deepEqual(world.heard, [{
    type: "applied",
    applied: [{ path: "concurrencyLimit.max", from: 1, to: 7 }],
    restart: [],
  }]);
  assert.equal(watch.settings.concurrencyLimit.max, 7);
});

Deno.test("a file that is written bit by bit, or away for a moment, is read once", async () => {
  const world = new World({});
  await using watch = await world.watch();
  await world.clock.advance(999);
  for (const text of [`{ "poo`, `{ "pool": {`, undefined, `{ "pool": { "max": 3 } }`]) {
    world.write(text);
    await world.clock.advance(90);
  }
  assert.deepEqual(world.heard, []);
  await world.clock.advance(200);
  assert.equal(world.heard.length, 1);
  assert.equal(watch.settings.pool.max, 3);
});

Deno.test("a wrong file changes nothing and says why, and the next right one holds", async () => {
  const world = new World({ concurrencyLimit: { max: 1, maxWaiting: 5 } });
  await using watch = await world.watch();
  const limit = watch.follow(concurrencyLimit(watch.settings.concurrencyLimit));
  world.write({ concurrencyLimit: { max: 9, maxWaiting: -5 } });
  assert.deepEqual(
    brief(await watch.reload()),
    "Cannot use app.jsonc: line 1: concurrencyLimit.maxWaiting is -5, allowed is an integer from 0 to 10000000",
  );
  world.write("{");
  assert.match(`${brief(await watch.reload())}`, /it is no JSON/);
  assert.deepEqual([limit.stats().limit, watch.settings.concurrencyLimit], [1, { max: 1, maxWaiting: 5 }]);
  world.write({ concurrencyLimit: { max: 9, maxWaiting: 5 } });
  assert.deepEqual(brief(await watch.reload()), [["concurrencyLimit.max"], []]);
  assert.equal(limit.stats().limit, 9);
});

Deno.test("settings that bound each other are changed in the order that has room, or not at all", async () => {
  const world = new World({ pool: { min: 1, max: 2 } });
  await using watch = await world.watch();
  const middleware = watch.follow(pool({ ...watch.settings.pool, clock: world.clock }));
  for (const [min, max] of [[5, 8], [0, 1]]) {
    world.write({ pool: { min, max } });
    assert.deepEqual(brief(await watch.reload()), [["pool.min", "pool.max"], []]);
  }
  // It was given more by its program than the file knows of.
  const own = watch.follow(pool({ min: 3, max: 3, clock: world.clock }));
  world.write({ pool: { min: 0, max: 2 } });
  assert.match(`${brief(await watch.reload())}`, /option min is 3, allowed is max \(2\) or less/);
  const { min, max } = adjustablesOf(middleware)[0].settings();
  assert.deepEqual([min.value, max.value], [0, 1], "nothing of it holds");
  watch.unfollow(own);
  assert.deepEqual(brief(await watch.reload()), [["pool.max"], []]);
});

Deno.test("what needs a restart is named, for as long as it differs from what runs", async () => {
  const world = new World({
    tcp: { port: 9000 },
    retry: { maxReplayBytes: 5 },
    rateLimit: { windows: [{ calls: 1, perMs: 10 }] },
  });
  await using watch = await world.watch();
  const limits = chain((request: string) => request, rateLimit({ windows: [{ calls: 1, perMs: 10 }] }), retry());
  watch.follow(limits);
  world.write({ tcp: { port: 9001 }, rateLimit: { windows: [{ calls: 4, perMs: 10 }] } });
  assert.deepEqual(brief(await watch.reload()), [["rateLimit.windows[0].calls"], ["tcp.port", "retry.maxReplayBytes"]]);
  assert.deepEqual(watch.needsRestart, [
    { path: "tcp.port", from: 9000, to: 9001, reason: "no tcp() that is followed can change it while it runs" },
    {
      path: "retry.maxReplayBytes",
      from: 5,
      to: undefined,
      reason: "it was taken out: what holds then is known at the next start",
    },
  ]);
  world.write({ tcp: { port: 9000 }, retry: { maxReplayBytes: 6 }, rateLimit: { windows: [] } });
  assert.equal((await watch.reload()).type, "refused");
  world.write({
    tcp: { port: 9000 },
    retry: { maxReplayBytes: 6 },
    rateLimit: { windows: [{ calls: 4, perMs: 10 }, { calls: 9, perMs: 99 }] },
  });
  assert.deepEqual(brief(await watch.reload()), [[], ["tcp.port", "retry.maxReplayBytes", "rateLimit.windows"]]);
  assert.deepEqual(watch.needsRestart.map(({ path, from, reason }) => [path, typeof from, reason]), [
    ["retry.maxReplayBytes", "number", "it can't be changed while it is in use"],
    ["rateLimit.windows", "object", "it can't be changed while it is in use"],
  ]);
});

Deno.test("of two stages of a name, the one that is followed by itself is meant", async () => {
  const world = new World({ timeout: { ms: 100 } });
  await using watch = await world.watch();
  const [each, all] = [timeout({ ms: 100, clock: world.clock }), timeout({ ms: 1000, clock: world.clock })];
  const call = watch.follow(chain(() => new Promise<string>(() => {}), each, retry(), all));
  world.write({ timeout: { ms: 200 } });
  const [, restart] = brief(await watch.reload()) as string[][];
  assert.deepEqual(restart, ["timeout.ms"]);
  assert.match(watch.needsRestart[0].reason, /more than one timeout\(\)/);
  watch.unfollow(call);
  watch.follow(each);
  world.write({ timeout: { ms: 50 } });
  assert.deepEqual(brief(await watch.reload()), [["timeout.ms"], []]);
  assert.deepEqual(watch.needsRestart, []);
  const waiting = new Watched(each(() => new Promise<string>(() => {}))("x"));
  await world.clock.advance(50);
  assert.equal(waiting.code, "deadline-exceeded");
});

Deno.test("a watch that has stopped looks no more, and a wrong file at the start leaves none behind", async () => {
  const world = new World({});
  const watch = await world.watch();
  await watch.stop();
  const { looks } = world;
  await world.clock.advance(10_000);
  assert.deepEqual([world.looks, world.clock.pending], [looks, 0]);
  world.write("{");
  await assert.rejects(world.watch(), { code: "invalid-option" });
  assert.equal(world.clock.pending, 0);
  for (const options of [{ pollMs: 1 }, { settleMs: -1 }, { environment: "" }]) {
    await assert.rejects(watchSettings("app.jsonc", options), { code: "invalid-option" });
  }
});

Deno.test("a pool over sockets is resized by its file while calls are made, and none of them is lost", async () => {
  const path = await Deno.makeTempFile({ suffix: ".jsonc" });
  const write = async (max: number): Promise<void> => {
    // As editors do: a new file in the place of the old one.
    await Deno.writeTextFile(`${path}.new`, `{ "pool": { "max": ${max} } }`);
    await Deno.rename(`${path}.new`, path);
  };
  await write(1);
  const events: TransportEvent[] = [];
  const changed: SettingsEvent[] = [];
  const wire = (port: number): SessionTransport<Uint8Array, Uint8Array> =>
    chain(tcp({ port, observer: (event) => events.push(event) }), mux());
  try {
    await using server = await serve(wire(0), (request) => request);
    await using watch = await watchSettings(path, {
      pollMs: 10,
      settleMs: 10,
      onChange: (event) => changed.push(event),
    });
    const { port } = server.addr as { port: number };
    await using call: Client<Uint8Array, Uint8Array> & { stats(): { total: number } } = chain(
      wire(port),
      pool({ ...watch.settings.pool, callsPerConnection: 1 }),
    );
    watch.follow(call);
    let calls = 0;
    let over = false;
    const work = Array.from({ length: 8 }, async () => {
      while (!over) {
        await call(new Uint8Array(100));
        calls++;
      }
    });
    for (const [index, max] of [5, 2].entries()) {
      await write(max);
      await until(() => changed.length > index && call.stats().total === max, `${max} connections`);
    }
    const before = calls;
    await until(() => calls > before + 20, "calls go on");
    over = true;
    await within(Promise.all(work), "all calls");
    assert.deepEqual(changed.map(brief), [[["pool.max"], []], [["pool.max"], []]]);
    const lost = events.filter((event) => event.type === "connection-closed" && event.error !== undefined);
    assert.deepEqual(lost, []);
  } finally {
    await Deno.remove(path);
  }
  await settle();
});

Deno.test("a listener that fails later, as a promise, is its own fault as well", async () => {
  const files = { stamp: () => Promise.resolve("1"), read: () => Promise.resolve("{}") };
  const onChange = async (): Promise<void> => {
    await undefined;
    throw new Error("a listener's own fault");
  };
  await using watch = await watchSettings("app.jsonc", { files, onChange });
  assert.equal((await watch.reload()).type, "applied");
  await settle();
});

Deno.test("what changes while the file is read for the first time, however long that takes, holds in the end", async () => {
  const clock = new ManualClock();
  const texts = ['{ "timeout": { "ms": 100 } }', '{ "timeout": { "ms": 200 } }'];
  const first = Promise.withResolvers<string>();
  let [stamp, reads] = [0, 0];
  const files = {
    stamp: () => Promise.resolve(`${stamp}`),
    read: () => reads++ === 0 ? first.promise : Promise.resolve(texts[1]),
  };
  const events: SettingsEvent[] = [];
  const watching = watchSettings("app.jsonc", { files, clock, onChange: (event) => events.push(event) });
  await settle();
  stamp++;
  await clock.advance(5000);
  first.resolve(texts[0]);
  await using watch = await watching;
  await clock.advance(5000);
  assert.equal(watch.settings.timeout.ms, 200);
  assert.deepEqual(events.map(brief), [[[], ["timeout.ms"]]]);
});
