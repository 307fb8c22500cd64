/**
 * http() on own sockets: connections, from their beginning to their end.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { callContext, chain, http, ManualClock, pool, type TransportEvent } from "../../mod.ts";
import { failure, settle } from "../support/calls.ts";
import { turn, until } from "../support/channels.ts";
import { run } from "../support/process.ts";
import { fixed, rawWorld } from "./_raw_server.ts";

const root = new URL("../../", import.meta.url);

Deno.test("a pool waits for a free connection, first come, first served, and opens no more than it may", async () => {
  const order: string[] = [];
  await rawWorld(async (connection) => {
    for (;;) {
      const path = /^GET (\S+)/.exec(await connection.request())![1];
      order.push(path);
      await turn();
      await connection.write(fixed(path));
    }
  }, async (world) => {
    await using call = chain(http({ origin: world.origin }), pool({ max: 2, callsPerConnection: 1 }));
    const paths = Array.from({ length: 20 }, (_, i) => `/${i}`);
    const replies = await Promise.all(paths.map(async (path) => (await call(new Request(world.origin + path))).text()));
    assert.deepEqual(replies, paths);
    assert.equal(world.accepted, 2);
    const turns = order.map((path) => Number(path.slice(1)));
    for (const [i, turn] of turns.entries()) assert.ok(Math.abs(turn - i) <= 2, `${turn} came as number ${i}`);
  });
});

Deno.test("a pool gives a connection up as soon as its server closes it", async () => {
  const close = Promise.withResolvers<void>();
  await rawWorld(async (connection) => {
    await connection.request();
    await connection.write(fixed("hello"));
    if (connection.number === 1) return await close.promise;
    await connection.ended();
  }, async (world) => {
    await using call = chain(http({ origin: world.origin }), pool({ max: 1 }));
    assert.equal(await (await call(new Request(world.origin))).text(), "hello");
    assert.equal(call.stats().idle, 1);
    close.resolve();
    await until(() => call.stats().total === 0, "a pool without connections");
    assert.equal(await (await call(new Request(world.origin))).text(), "hello");
    assert.equal(world.accepted, 2);
  });
});

Deno.test("nodejs/undici#3141, node#47130: an idle connection is given up before the server's announced timeout, and not before", async () => {
  const clock = new ManualClock();
  await rawWorld(async (connection) => {
    for (;;) {
      await connection.request();
      await connection.write(fixed("hello", "keep-alive: timeout=5, max=100\r\n"));
    }
  }, async (world) => {
    const session = await world.dial({ clock, idleMarginMs: 700 });
    for (let i = 0; i < 3; i++) {
      assert.equal(await (await session.call(new Request(world.origin))).text(), "hello");
      await clock.advance(4299);
      assert.equal(session.state, "open");
    }
    await clock.advance(1);
    assert.equal(session.state, "closed");
    assert.equal(await session.finished, undefined);
  });
});

Deno.test("a body that is given up is read to its end where little is left, else its connection is closed", async () => {
  const cases: [length: number, now: number, state: string][] = [
    [60_000, 60_000, "open"],
    [60_000, 10, "open"],
    [70_000, 10, "closed"],
    [70_000, 69_000, "open"],
    [-1, 10, "closed"],
  ];
  for (const [length, now, state] of cases) {
    const given = Promise.withResolvers<void>();
    await rawWorld(async (connection) => {
      await connection.request();
      const framing = length < 0 ? "transfer-encoding: chunked" : `content-length: ${length}`;
      const data = length < 0 ? "a\r\n0123456789\r\n" : "x".repeat(now);
      await connection.write(`HTTP/1.1 200 OK\r\n${framing}\r\n\r\n${data}`);
      await given.promise;
      if (length >= 0) await connection.write("x".repeat(length - now)).catch(() => {});
      await connection.ended();
    }, async (world) => {
      const session = await world.dial();
      const response = await session.call(new Request(world.origin));
      // As much as has come is read before it is given up.
      const reader = response.body!.getReader();
      for (let read = 0; length > now && read < now;) read += (await reader.read()).value!.length;
      const cancelled = reader.cancel();
      given.resolve();
      await cancelled;
      await until(() => session.load === 0, "a session without a call");
      if (state === "closed") await until(() => session.state === state, "the session's end");
      assert.equal(session.state, state, `${now} of ${length}`);
    });
  }
});

Deno.test("the rest of a body that was given up must come soon", async () => {
  const clock = new ManualClock();
  await rawWorld(async (connection) => {
    await connection.request();
    await connection.write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello");
    await connection.ended();
  }, async (world) => {
    const session = await world.dial({ clock });
    const response = await session.call(new Request(world.origin));
    await response.body!.cancel();
    await settle();
    assert.deepEqual([session.load, session.state], [1, "open"]);
    await clock.advance(1000);
    assert.deepEqual([session.load, session.state], [0, "closed"]);
  });
});

Deno.test("a call can be given up at every point, and leaves nothing behind", async () => {
  const points = ["before", "head", "interim", "body", "upload"] as const;
  for (const point of points) {
    const reached = Promise.withResolvers<void>();
    await rawWorld(async (connection) => {
      await connection.head();
      if (point === "interim") await connection.write("HTTP/1.1 103 Early Hints\r\n\r\n");
      if (point === "body") await connection.write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello");
      if (point === "upload") await connection.some();
      reached.resolve();
      await connection.ended();
    }, async (world) => {
      const session = await world.dial();
      const controller = new AbortController();
      let stopped = 0;
      const body = new ReadableStream<Uint8Array>({
        start: (stream) => stream.enqueue(new Uint8Array(10)),
        cancel: () => void stopped++,
      });
      const init = point === "upload" ? { method: "POST", body, duplex: "half" } : undefined;
      if (point === "before") controller.abort(new Error("enough"));
      const { signal } = controller;
      const call = session.call(new Request(world.origin, init), callContext({ signal }));
      const ended = failure(call.then((response) => response.text()), "cancelled", point === "before" ? "no" : "maybe");
      if (point !== "before") {
        if (point === "body") await call;
        await reached.promise;
        controller.abort(new Error("enough"));
      }
      assert.match((await ended).message, /enough/);
      assert.equal(session.load, 0);
      assert.equal(session.state, point === "before" ? "open" : "closed");
      if (point === "upload") await until(() => stopped === 1, "the end of the upload");
      if (point === "before") {
        await session.call(new Request(world.origin, { signal: AbortSignal.timeout(1) })).catch(() => {});
      }
    });
  }
});

Deno.test("a dial that is given up, and one that takes too long, end with what ended them", async () => {
  // An address that is reserved for documentation answers nothing, or is refused at once.
  const transport = http({ origin: "http://192.0.2.1", client: "sockets", connectTimeoutMs: 30 });
  await failure(transport.dial(), ["connect-timeout", "connect-failed"], "no");
  const controller = new AbortController();
  const dialling = failure(transport.dial({ signal: controller.signal }), ["cancelled", "connect-failed"], "no");
  controller.abort(new Error("enough"));
  await dialling;
});

Deno.test("an observer hears of connections", async () => {
  const events: TransportEvent[] = [];
  await rawWorld(async (connection) => {
    await connection.request();
    await connection.write("nonsense\r\n");
    await connection.ended();
  }, async (world) => {
    const session = await world.dial({ observer: (event) => events.push(event) });
    await failure(session.call(new Request(world.origin)), "protocol");
    assert.deepEqual(events.map(({ type }) => type), ["connection-opened", "connection-closed"]);
    assert.equal(events[1].type === "connection-closed" && events[1].error?.code, "protocol");
  });
});

/** Runs a program against a server that answers "hello", with `body` of a response to `/long`. */
async function program(code: string, args: string[] = []): Promise<string> {
  let output = "";
  await rawWorld(async (connection) => {
    for (;;) {
      const request = await connection.request();
      const long = "HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\nhello";
      await connection.write(request.startsWith("GET /long") ? long : fixed("hello"));
    }
  }, async ({ origin }) => {
    const source = `import { chain, http, pool } from ${JSON.stringify(new URL("mod.ts", root).href)};
      const origin = ${JSON.stringify(origin)};
      const call = chain(http({ origin }), pool({ max: 1 }));
      ${code}`;
    const file = await Deno.makeTempFile({ prefix: "wireway_", suffix: ".ts" });
    try {
      await Deno.writeTextFile(file, source);
      const { code: exit, stdout, stderr } = await run(
        Deno.execPath(),
        ["run", "--quiet", "--no-lock", "--allow-net", "--config", new URL("deno.json", root).pathname, ...args, file],
      );
      assert.equal(exit, 0, stderr);
      output = stdout;
    } finally {
      await Deno.remove(file);
    }
  });
  return output;
}

Deno.test("idle connections do not keep a program from ending", async () => {
  const code = "console.log(await (await call(new Request(origin))).text());";
  assert.equal(await program(code), "hello\n");
});

Deno.test("a response that is lost unread gives its connection back", async () => {
  const code = `
    (await call(new Request(origin + "/long"))).status;
    for (let i = 0; i < 50 && call.stats().active > 0; i++) {
      globalThis.gc();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    console.log(call.stats().active, await (await call(new Request(origin))).text());
    await call.close();`;
  assert.equal(await program(code, ["--v8-flags=--expose-gc"]), "0 hello\n");
});
