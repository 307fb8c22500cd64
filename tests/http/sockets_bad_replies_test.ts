/**
 * http() on own sockets: servers that break off, break the rules, or are slow.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { type ErrorCode, ManualClock } from "../../mod.ts";
import { failure } from "../support/calls.ts";
import { until } from "../support/channels.ts";
import { faultProxy } from "../support/fault_proxy.ts";
import { fixed, rawWorld } from "./_raw_server.ts";

const ok = "HTTP/1.1 200 OK\r\n";

/** What a server may answer before it closes, how the call ends, and what the error says. */
const refused: [name: string, raw: string, code: ErrorCode, says: RegExp][] = [
  ["nothing", "", "connection-lost", /before its answer$/],
  ["half a head", "HTTP/1.1 200 OK\r\ncontent-le", "connection-lost", /in the middle of its response's head/],
  ["two lengths", `${ok}content-length: 5\r\ncontent-length: 6\r\n\r\nhello!`, "protocol", /second content-length/],
  ["a length twice in one line", `${ok}content-length: 5, 5\r\n\r\nhello`, "protocol", /not a number/],
  [
    "a length and chunks",
    `${ok}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
    "protocol",
    /both Content-Length and Transfer-Encoding/,
  ],
  [
    "another transfer coding",
    `${ok}transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
    "protocol",
    /Transfer-Encoding/,
  ],
  ["lines without a carriage return", "HTTP/1.1 200 OK\nx: y\n\n", "protocol", /bare line feed/],
  ["a folded line", `${ok}x: y\r\n z\r\ncontent-length: 0\r\n\r\n`, "protocol", /folded/],
  ["a space in a name", `${ok}content-length : 5\r\n\r\nhello`, "protocol", /a space in a field name/],
  ["a NUL in a value", `${ok}x: \0\r\n\r\n`, "protocol", /a NUL/],
  ["another protocol", "SSH-2.0-OpenSSH_9.7\r\n", "protocol", /version/],
  ["HTTP/2", "HTTP/2.0 200 OK\r\n\r\n", "protocol", /version 2\.0/],
  ["a status of four digits", "HTTP/1.1 2000 OK\r\n\r\n", "protocol", /status line/],
  ["a status that nobody knows", "HTTP/1.1 999 Odd\r\ncontent-length: 0\r\n\r\n", "protocol", /999/],
  ["another protocol unasked", "HTTP/1.1 101 Switching\r\nupgrade: x\r\n\r\n", "protocol", /unasked/],
  ["no end of interim responses", "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(17), "protocol", /16 interim/],
  ["a head that is too large", `${ok}x: ${"y".repeat(70_000)}\r\n\r\n`, "protocol", /65536 bytes/],
  ["too many fields", `${ok}${"x: y\r\n".repeat(257)}\r\n`, "protocol", /256 field lines/],
  ["a chunk size that is none", `${ok}transfer-encoding: chunked\r\n\r\nxyz\r\n0\r\n\r\n`, "protocol", /chunk size/],
];

for (const [name, raw, code, says] of refused) {
  Deno.test(`a server that answers with ${name} is refused as ${code}, and its connection closed`, async () => {
    await rawWorld(async (connection) => {
      await connection.request();
      await connection.write(raw);
      if (code !== "connection-lost") await connection.ended();
    }, async (world) => {
      const session = await world.dial();
      const reading = session.call(new Request(world.origin)).then((response) => response.text());
      const error = await failure(reading, code, "maybe");
      assert.match(error.message, says);
      await until(() => session.state === "closed", "the session's end");
      assert.equal(session.load, 0);
      const ended = await session.finished;
      assert.equal(ended?.code, name === "nothing" ? undefined : code);
      await failure(session.call(new Request(world.origin)), "closed", "no");
    });
  });
}

const torn: [name: string, raw: string][] = [
  ["a known length", `${ok}content-length: 10\r\n\r\nhello`],
  ["chunks", `${ok}transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n`],
  ["half a chunk", `${ok}transfer-encoding: chunked\r\n\r\n9\r\nhello`],
];

for (const how of ["fin", "reset"] as const) {
  for (const [name, raw] of torn) {
    Deno.test(`a body of ${name} that ends too early (${how}) fails after what came of it`, async () => {
      const broken = Promise.withResolvers<void>();
      await rawWorld(async (connection) => {
        await connection.request();
        await connection.write(raw);
        await broken.promise;
      }, async (world) => {
        await using proxy = await faultProxy({ upstreamPort: world.port });
        const origin = `http://127.0.0.1:${proxy.port}`;
        const session = await world.dial({ origin });
        const response = await session.call(new Request(origin));
        const reader = response.body!.getReader();
        assert.equal(new TextDecoder().decode((await reader.read()).value), "hello");
        const rest = failure(reader.read(), "connection-lost", "yes");
        proxy.cutAll(how);
        await rest;
        await until(() => session.state === "closed", "the session's end");
        broken.resolve();
      });
    });
  }
}

Deno.test("a reset before the answer loses the call, which may have been processed", async () => {
  const got = Promise.withResolvers<void>();
  await rawWorld(async (connection) => {
    await connection.request();
    got.resolve();
    await connection.ended();
  }, async (world) => {
    await using proxy = await faultProxy({ upstreamPort: world.port });
    const origin = `http://127.0.0.1:${proxy.port}`;
    const session = await world.dial({ origin });
    const call = failure(session.call(new Request(origin, { method: "POST", body: "x" })), "connection-lost", "maybe");
    await got.promise;
    proxy.cutAll("reset");
    await call;
    assert.equal(session.load, 0);
  });
});

Deno.test("bytes behind a response, or between two, end the connection, and the response stands", async () => {
  await rawWorld(async (connection) => {
    await connection.request();
    await connection.write(fixed("hello") + fixed("smuggled"));
    await connection.ended();
  }, async (world) => {
    const session = await world.dial();
    assert.equal(await (await session.call(new Request(world.origin))).text(), "hello");
    await until(() => session.state === "closed", "the session's end");
    await failure(session.call(new Request(world.origin)), "closed", "no");
  });
  const idle = Promise.withResolvers<void>();
  await rawWorld(async (connection) => {
    await connection.request();
    await connection.write(fixed("hello"));
    await idle.promise;
    await connection.write(fixed("unasked"));
    await connection.ended();
  }, async (world) => {
    const session = await world.dial();
    assert.equal(await (await session.call(new Request(world.origin))).text(), "hello");
    assert.equal(session.state, "open");
    idle.resolve();
    assert.equal((await session.finished)?.code, "protocol");
  });
});

Deno.test("a head that does not come in time loses the call, however slowly it drips", async () => {
  const clock = new ManualClock();
  let dripped = 0;
  const over = Promise.withResolvers<void>();
  await rawWorld(async (connection) => {
    await connection.request();
    for (const byte of "HTTP/1.1 200") {
      await connection.write(byte);
      dripped++;
    }
    await over.promise;
  }, async (world) => {
    const session = await world.dial({ clock, headTimeoutMs: 3000 });
    const call = failure(session.call(new Request(world.origin)), "connection-lost", "maybe");
    await until(() => dripped === 12, "half a head");
    await clock.advance(2999);
    assert.equal(session.load, 1);
    await clock.advance(1);
    assert.match((await call).message, /no response came for 3000 ms/);
    assert.equal(session.state, "closed");
    over.resolve();
  });
});

Deno.test("a body of which nothing comes, and one that nobody reads, are given up in time", async () => {
  for (const reads of [true, false]) {
    const clock = new ManualClock();
    const over = Promise.withResolvers<void>();
    await rawWorld(async (connection) => {
      await connection.request();
      await connection.write(`${ok}content-length: 10\r\n\r\nhello`);
      await over.promise;
    }, async (world) => {
      const session = await world.dial({ clock, bodyTimeoutMs: 3000 });
      const response = await session.call(new Request(world.origin));
      await clock.advance(2000);
      const reader = response.body!.getReader();
      if (reads) {
        await reader.read();
        const rest = failure(reader.read(), "connection-lost");
        await clock.advance(2999);
        assert.equal(session.load, 1);
        await clock.advance(1);
        assert.match((await rest).message, /nothing of it came/);
      } else {
        await clock.advance(1000);
        assert.match((await failure(reader.read(), "connection-lost")).message, /nobody read it/);
      }
      assert.deepEqual([session.state, session.load], ["closed", 0]);
      over.resolve();
    });
  }
});
