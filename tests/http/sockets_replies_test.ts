/**
 * http() on own sockets: responses as servers may write them.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { failure } from "../support/calls.ts";
import { turn, until } from "../support/channels.ts";
import { fixed, rawWorld } from "./_raw_server.ts";

/** A response of each kind, the text it stands for, and whether its connection serves on. */
const responses: [name: string, raw: string, text: string, reused: boolean][] = [
  ["of known length", fixed("hello"), "hello", true],
  ["without a byte", fixed(""), "", true],
  ["in chunks", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", "hello", true],
  [
    "in chunks with extensions and trailers",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nx-sum: 1\r\n\r\n",
    "hello",
    true,
  ],
  ["in chunks that look like their end", chunked("x0\r\n\r\n"), "x0\r\n\r\n", true],
  ["up to the end of the connection", "HTTP/1.1 200 OK\r\n\r\nhello", "hello", false],
  ["of HTTP/1.0", "HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\nhello", "hello", false],
  [
    "of HTTP/1.0 that keeps alive",
    "HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 1\r\n\r\nx",
    "x",
    true,
  ],
  ["of a server that closes", fixed("hello", "connection: close\r\n"), "hello", false],
  ["behind interim ones", `HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 100\r\n\r\n${fixed("hi")}`, "hi", true],
];

function chunked(data: string): string {
  return `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${data.length.toString(16)}\r\n${data}\r\n0\r\n\r\n`;
}

for (const [name, raw, text, reused] of responses) {
  for (const bytewise of [false, true]) {
    Deno.test(`a response ${name} is read${bytewise ? ", byte by byte" : ""}`, async () => {
      await rawWorld(async (connection) => {
        for (;;) {
          await connection.request();
          if (!bytewise) await connection.write(raw);
          else for (const byte of raw) await connection.write(byte);
          if (!reused) return;
        }
      }, async (world) => {
        const session = await world.dial();
        for (let i = 0; i < (reused ? 3 : 1); i++) {
          const response = await session.call(new Request(`${world.origin}/`));
          assert.deepEqual([response.status, await response.text()], [200, text]);
        }
        assert.equal(session.load, 0);
        if (!reused) await until(() => session.state === "closed", "the session's end");
        assert.equal(session.state, reused ? "open" : "closed");
        assert.equal(world.accepted, 1);
      });
    });
  }
}

Deno.test("a response without a body holds up nothing, whatever its fields say", async () => {
  const answers: [method: string, raw: string, status: number][] = [
    ["HEAD", "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n", 200],
    ["HEAD", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", 200],
    ["GET", "HTTP/1.1 204 No Content\r\n\r\n", 204],
    ["GET", 'HTTP/1.1 304 Not Modified\r\ncontent-length: 1000\r\netag: "x"\r\n\r\n', 304],
    ["GET", "HTTP/1.1 205 Reset Content\r\ncontent-length: 0\r\n\r\n", 205],
  ];
  await rawWorld(async (connection) => {
    for (const [, raw] of answers) {
      await connection.request();
      await connection.write(raw);
    }
    await connection.ended();
  }, async (world) => {
    const session = await world.dial();
    for (const [method, , status] of answers) {
      const response = await session.call(new Request(world.origin, { method }));
      assert.deepEqual([response.status, response.body, session.load], [status, null, 0]);
    }
    assert.equal(session.state, "open");
  });
});

Deno.test("a response has its fields, its words and its place", async () => {
  const raw = "HTTP/1.1 404 Not Here\r\nSet-Cookie: a=1\r\nset-cookie: b=2; path=/\r\nX-Two: 1\r\nx-two: 2\r\n" +
    "x-latin: caf\xe9\r\ncontent-length: 0\r\n\r\n";
  await rawWorld(async (connection) => {
    await connection.request();
    await connection.write(raw);
    await connection.ended();
  }, async (world) => {
    const session = await world.dial();
    const response = await session.call(new Request(`${world.origin}/a?b#c`));
    assert.deepEqual([response.status, response.statusText, response.ok], [404, "Not Here", false]);
    assert.deepEqual(response.headers.getSetCookie(), ["a=1", "b=2; path=/"]);
    assert.equal(response.headers.get("x-two"), "1, 2");
    assert.equal(response.headers.get("x-latin"), "caf\xe9");
    assert.equal(response.url, `${world.origin}/a?b`);
    assert.equal(response.redirected, false);
    assert.ok(response instanceof Response);
    const copy = response.clone();
    assert.deepEqual([copy.url, copy.status], [response.url, 404]);
  });
});

Deno.test("a body that nobody reads stops its sender, and goes on when it is read", async () => {
  const total = 24 * 1024 * 1024;
  let sent = 0;
  await rawWorld(async (connection) => {
    await connection.request();
    await connection.write(`HTTP/1.1 200 OK\r\ncontent-length: ${total}\r\n\r\n`);
    const piece = new Uint8Array(1024 * 1024);
    for (; sent < total; sent += piece.length) await connection.write(piece);
    await connection.ended();
  }, async (world) => {
    const session = await world.dial();
    const response = await session.call(new Request(world.origin));
    let last = -1;
    await until(() => {
      const still = sent === last;
      last = sent;
      return still && sent > 0;
    }, "a sender that waits");
    assert.ok(sent < total / 2, `${sent} bytes were sent to nobody`);
    assert.equal(session.load, 1);
    assert.equal((await response.bytes()).length, total);
    assert.deepEqual([session.load, session.state], [0, "open"]);
  });
});

Deno.test("pieces of a body are never written over", async () => {
  await rawWorld(async (connection) => {
    for (const letter of "abc") {
      await connection.request();
      await connection.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
      for (let i = 0; i < 5; i++) {
        await connection.write(`40\r\n${letter.repeat(64)}\r\n`);
        await turn();
      }
      await connection.write("0\r\n\r\n");
    }
    await connection.ended();
  }, async (world) => {
    const session = await world.dial();
    const pieces: Uint8Array[] = [];
    for (let i = 0; i < 3; i++) {
      const response = await session.call(new Request(world.origin));
      for await (const piece of response.body!) pieces.push(piece);
    }
    const text = pieces.map((piece) => new TextDecoder().decode(piece)).join("");
    assert.equal(text, "a".repeat(320) + "b".repeat(320) + "c".repeat(320));
  });
});

Deno.test("a session carries one call at a time", async () => {
  await rawWorld(async (connection) => {
    await connection.request();
    await connection.ended();
  }, async (world) => {
    const session = await world.dial();
    assert.equal(session.capacity, 1);
    const controller = new AbortController();
    const first = failure(session.call(new Request(world.origin, { signal: controller.signal })), "cancelled", "maybe");
    assert.equal(session.load, 1);
    await failure(session.call(new Request(world.origin)), "too-many-calls", "no");
    controller.abort();
    await first;
    assert.deepEqual([session.load, session.state], [0, "closed"]);
  });
});
