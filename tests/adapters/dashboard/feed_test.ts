/**
 * What feeds the dashboard: its events, who may read them, and how long it
 * works.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { dashboard, type DashboardOptions } from "../../../adapters/dashboard.ts";
import { callMeter, chain, ManualClock, type Metric, named, TransportError, withFigures } from "../../../mod.ts";
import { EventStreamParser } from "../../../src/framing/event_stream/event_stream_parser.ts";

/** A dashboard of one gauge, on a clock that is moved by hand. */
function boardOf(more: DashboardOptions = {}) {
  const clock = new ManualClock();
  const value = { now: 1 };
  const source = (): Metric[] => [{
    name: "queue",
    kind: "gauge",
    unit: "",
    description: "",
    series: [{ labels: {}, value: value.now }],
  }];
  return { clock, value, board: dashboard({ sources: [source], clock, wallClock: () => clock.now(), ...more }) };
}

interface Received {
  readonly event: string;
  readonly id: string;
  // deno-lint-ignore no-explicit-any -- whatever is sent
  readonly data: any;
}

/** Reads events; `next()` waits for one. */
class Reader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #events: Received[] = [];
  readonly #parser = new EventStreamParser({
    event: ({ event, data, id }) => this.#events.push({ event, id, data: JSON.parse(data) }),
  });

  constructor(response: Response) {
    assert.equal(response.status, 200);
    this.#reader = response.body!.getReader();
  }

  async next(): Promise<Received> {
    while (this.#events.length === 0) {
      const { value, done } = await this.#reader.read();
      if (done) throw new Error("the stream has ended");
      this.#parser.push(value);
    }
    return this.#events.shift()!;
  }

  leave(): Promise<void> {
    return this.#reader.cancel();
  }
}

async function read(
  board: { app: { request(path: string, init?: RequestInit): Response | Promise<Response> } },
  after?: string,
) {
  return new Reader(
    await board.app.request("/events", { headers: after === undefined ? {} : { "last-event-id": after } }),
  );
}

Deno.test("a page gets all there is first, and a frame a second from then on", async () => {
  const { board, clock, value } = boardOf({ title: "Shop", record: "always" });
  await clock.advance(3000);
  const reader = await read(board);
  const { event, data } = await reader.next();
  assert.equal(event, "start");
  assert.equal(data.title, "Shop");
  assert.deepEqual(data.series, [{ name: "queue", labels: {}, stat: "now", unit: "" }]);
  assert.deepEqual(data.recent, { at: [0, 1000, 2000, 3000], values: [[1, 1, 1, 1]] });
  value.now = 5;
  await clock.advance(1000);
  const frame = await reader.next();
  assert.equal(frame.event, "frame");
  assert.deepEqual([frame.data.at, frame.data.values], [4000, [5]]);
  await reader.leave();
  board.close();
});

Deno.test("figures are read only while somebody looks, and a page that leaves frees its reader", async () => {
  const { board, clock } = boardOf();
  assert.equal(clock.pending, 0);
  const [one, two] = [await read(board), await read(board)];
  assert.equal(board.readers, 2);
  await one.leave();
  await clock.advance(0);
  assert.equal(board.readers, 1);
  await two.leave();
  await clock.advance(0);
  assert.equal(board.readers, 0);
  assert.equal(clock.pending, 0);
  await clock.advance(60_000);
  const again = await read(board);
  const { data } = await again.next();
  // One reading of the first visit, one gap, one of the second.
  assert.deepEqual(data.recent, { at: [0, 60_000, 60_000], values: [[1, null, 1]] });
  await again.leave();
  board.close();
  await clock.advance(0);
  assert.equal(clock.pending, 0);
});

Deno.test("a page that comes back gets what it missed, and no more", async () => {
  const { board, clock } = boardOf({ record: "always" });
  const first = await read(board);
  await first.next();
  await clock.advance(1000);
  const { id } = await first.next();
  await first.leave();
  await clock.advance(3000);
  const second = await read(board, id);
  const missed = [await second.next(), await second.next(), await second.next()];
  assert.deepEqual(missed.map(({ event, data }) => [event, data.at]), [["frame", 2000], ["frame", 3000], [
    "frame",
    4000,
  ]]);
  await second.leave();
  board.close();
});

Deno.test("a page that was away for too long is told of the gap", async () => {
  const { board, clock } = boardOf({ record: "always" });
  const first = await read(board);
  await first.next();
  await clock.advance(1000);
  const { id } = await first.next();
  await first.leave();
  await clock.advance(300_000);
  for (const after of [id, "another-7"]) {
    const reader = await read(board, after);
    assert.equal((await reader.next()).event, "gap");
    await reader.leave();
  }
  board.close();
});

Deno.test("pages beyond the limit are turned away, and so are all after the end", async () => {
  const { board, clock } = boardOf({ maxReaders: 1 });
  const reader = await read(board);
  const refused = await board.app.request("/events");
  assert.equal(refused.status, 503);
  assert.equal(refused.headers.get("retry-after"), "10");
  await reader.next();
  board.close();
  await clock.advance(0);
  await assert.rejects(() => reader.next(), /has ended/);
  assert.equal((await board.app.request("/events")).status, 503);
});

Deno.test("who is not allowed sees nothing", async () => {
  const authorize = (request: Request): Promise<boolean> => Promise.resolve(request.headers.get("x-key") === "yes");
  const { board } = boardOf({ authorize });
  for (const path of ["/", "/events", "/main.js", "/style.css"]) {
    assert.equal((await board.app.request(path)).status, 403, path);
  }
  assert.equal((await board.app.request("/", { headers: { "x-key": "yes" } })).status, 200);
  board.close();
});

Deno.test("the page runs nothing but its own files, and its title is text", async () => {
  const { board } = boardOf({ title: `<script>alert("1")</script>` });
  const response = await board.app.request("/");
  const page = await response.text();
  assert.match(page, /<title>&#60;script&#62;alert\(&#34;1&#34;\)&#60;\/script&#62;<\/title>/);
  const policy = response.headers.get("content-security-policy")!;
  assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'/);
  assert.doesNotMatch(policy, /unsafe|https?:/);
  const links = [...page.matchAll(/(?:src|href)="([^"#][^"]*)"/g)].map(([, link]) => link).filter((link) =>
    link !== "data:,"
  );
  assert.equal(links.length, 4);
  for (const link of links) assert.equal((await board.app.request(`/${link}`)).status, 200, link);
  assert.doesNotMatch(page, /style=|onclick|<script>|https?:/);
  board.close();
});

Deno.test("what can't be read of a chain, a panel or a source breaks nothing else", async () => {
  const fails = (): never => {
    throw new Error("not now");
  };
  const bad = named(
    "bad",
    { token: "hunter2", secret: "hunter2" },
    (inner: (request: string) => Promise<string>) => withFigures((request: string) => inner(request), fails),
  );
  const meter = callMeter();
  const call = chain((request: string) => request, bad, meter);
  const { board, clock } = boardOf({
    chains: { orders: call },
    health: { snapshot: fails },
    sources: [fails, meter.metrics],
  });
  const reader = await read(board);
  await call("a");
  const { data } = await reader.next();
  const stages: { name: string; settings: string }[] = data.chains[0].stages;
  assert.deepEqual(stages.slice(0, 2).map(({ name }) => name), ["callMeter", "bad"]);
  assert.equal(stages[1].settings, "token: (secret), secret: (secret)");
  assert.doesNotMatch(JSON.stringify(data), /hunter2/);
  assert.equal(data.figures[0][1], null);
  assert.deepEqual(data.panels.health, { error: "not now" });
  await clock.advance(1000);
  assert.equal((await reader.next()).data.figures[0][0][0].value, 1);
  await reader.leave();
  board.close();
});

Deno.test("what can't be written as JSON, or is no metric, costs its own panel and no more", async () => {
  let odd = false;
  const { board, clock } = boardOf({
    record: "always",
    everyMs: 5000,
    health: { snapshot: () => odd ? { calls: 1n } : {} },
    report: { snapshot: () => ({ well: true }) },
    sources: [() => odd ? [{ name: "odd", series: [{ value: 1 }] } as unknown as Metric] : []],
  });
  const reader = await read(board);
  assert.deepEqual((await reader.next()).data.panels, { health: {}, report: { well: true } });
  odd = true;
  await clock.advance(25_000);
  let panels: Record<string, { error?: string }> | undefined;
  while (panels?.health.error === undefined) panels = (await reader.next()).data.panels;
  assert.match(panels.health.error, /BigInt/);
  assert.deepEqual(panels.report, { well: true });
  await reader.leave();
  board.close();
});

Deno.test("a series that came with a frame that could not be sent comes with the next one", async () => {
  let odd = false;
  const stage = named(
    "odd",
    {},
    (inner: (request: string) => Promise<string>) =>
      withFigures(
        (request: string) => inner(request),
        () => odd ? [{ kind: "now", label: "n", value: 1n } as never] : [],
      ),
  );
  const more: Metric[] = [];
  const { board, clock } = boardOf({ chains: { c: chain((text: string) => text, stage) }, sources: [() => more] });
  const reader = await read(board);
  assert.equal((await reader.next()).event, "start");
  const gauge = { kind: "gauge", unit: "", description: "", series: [{ labels: {}, value: 7 }] } as const;
  more.push({ name: "late", ...gauge });
  odd = true;
  await clock.advance(1000);
  odd = false;
  await clock.advance(1000);
  const { data } = await reader.next();
  assert.deepEqual([data.added.from, data.added.series[0].name, data.values], [0, "late", [7]]);
  await reader.leave();
  board.close();
});

Deno.test("options that make no sense are refused", () => {
  for (const options of [{ everyMs: 0 }, { maxReaders: -1 }, { maxSeries: 0 }, { everyMs: NaN }]) {
    assert.throws(
      () => dashboard(options),
      (error) => error instanceof TransportError && error.code === "invalid-option",
    );
  }
});
