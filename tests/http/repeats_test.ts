/**
 * http() on own sockets: requests and responses that repeat are put together
 * and read once, and those that only look alike are not taken for each other.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { background, httpRequest } from "../../mod.ts";
import { Random } from "../support/random.ts";
import { fixed, type RawWorld, rawWorld } from "./_raw_server.ts";

/** Answers each request with its text. */
function mirrored(test: (world: RawWorld) => Promise<void>): Promise<void> {
  return rawWorld(async (connection) => {
    for (;;) await connection.write(fixed(await connection.request()));
  }, test);
}

/** Requests to one place, each different from all others in what goes out. */
const inits: RequestInit[] = [
  {},
  { method: "DELETE" },
  { method: "POST" },
  { method: "POST", body: "one" },
  { method: "POST", body: "two" },
  { method: "POST", body: "longer" },
  { method: "POST", body: "one", headers: { "content-type": "application/json" } },
  { headers: { "x-one": "1" } },
  { headers: { "x-two": "1" } },
  { headers: { "x-one": "2" } },
  { headers: { "x-one": "1", "x-two": "1" } },
  { headers: { accept: "text/plain" } },
  { headers: { range: "bytes=0-5" } },
  { headers: { host: "elsewhere.example" } },
];

Deno.test("requests that are made again go out as the first time, and none as another that is like it", async () => {
  await mirrored(async (world) => {
    const session = await world.dial();
    const url = `${world.origin}/a?b`;
    const sent = async (init: RequestInit) => await (await session.call(httpRequest(url, init))).text();
    const first: string[] = [];
    for (const init of inits) first.push(await sent(init));
    assert.equal(new Set(first).size, inits.length);
    assert.equal(first[3], await (await session.call(new Request(url, inits[3]))).text());
    for (let shift = 0; shift < inits.length; shift++) {
      for (let i = 0; i < inits.length; i += 1 + shift) assert.equal(await sent(inits[i]), first[i]);
    }
    for (let times = 0; times < 2; times++) {
      const context = background.with({ metadata: { tenant: `t${times}` } });
      const text = await (await session.call(httpRequest(url), context)).text();
      assert.match(text, new RegExp(`\\r\\nmeta-tenant: t${times}\\r\\n`));
      assert.equal(await sent({}), first[0], "without the metadata of the call before");
    }
  });
});

Deno.test("requests to more places than are kept go each to its own, again and again", async () => {
  await mirrored(async (world) => {
    const sessions = [await world.dial(), await world.dial()];
    for (let i = 0; i < 200; i++) {
      const path = `/${i % 45}`;
      const text = await (await sessions[i % 2].call(httpRequest(`${world.origin}${path}`))).text();
      assert.equal(text.split(" ")[1], path);
    }
  });
});

Deno.test("a request that is made again is redirected again, to where it is sent then", async () => {
  let redirects = 0;
  await rawWorld(async (connection) => {
    for (;;) {
      const request = await connection.request();
      if (!request.includes(" /old ")) await connection.write(fixed(request));
      else await connection.write(`HTTP/1.1 302 Found\r\nlocation: /new${++redirects}\r\ncontent-length: 0\r\n\r\n`);
    }
  }, async (world) => {
    const session = await world.dial();
    for (const init of [{ method: "POST", body: "x" }, {}, {}, { method: "POST", body: "x" }]) {
      const response = await session.call(httpRequest(`${world.origin}/old`, init));
      const text = await response.text();
      assert.equal(text.split("\r\n")[0], `GET /new${redirects} HTTP/1.1`);
      assert.doesNotMatch(text, /content-length/);
    }
    assert.equal(redirects, 4);
  });
});

Deno.test("a response like the one before is read for what it is, however its head comes", async () => {
  const heads = [
    "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nx-one: 1\r\n\r\n",
    "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nx-one: 2\r\n\r\n",
    "HTTP/1.1 201 OK\r\ncontent-length: 5\r\nx-one: 1\r\n\r\n",
    "HTTP/1.1 200 OK\r\ncontent-length: 4\r\nx-one: 1\r\n\r\n",
    "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nx-one: 1\r\nx-two: 2\r\n\r\n",
    `HTTP/1.1 200 OK\r\ncontent-length: 5\r\nx-one: ${"1".repeat(600)}\r\n\r\n`,
  ];
  const random = new Random(1);
  const order = Array.from({ length: 200 }, () => random.pick(heads));
  await rawWorld(async (connection) => {
    for (const [i, head] of order.entries()) {
      await connection.request();
      const body = "hello".slice(0, Number(/content-length: (\d)/.exec(head)![1]));
      const cut = i % 3 === 0 ? i % head.length : 0;
      if (cut > 0) await connection.write(head.slice(0, cut));
      await connection.write(`${head.slice(cut)}${body}`);
    }
  }, async (world) => {
    const session = await world.dial();
    for (const head of order) {
      const response = await session.call(httpRequest(`${world.origin}/`));
      const [line, ...fields] = head.trimEnd().split("\r\n");
      assert.equal(`HTTP/1.1 ${response.status} ${response.statusText}`, line);
      assert.deepEqual([...response.headers].map((field) => field.join(": ")), fields);
      // What one caller does with its header fields is not seen by the next.
      response.headers.set("x-one", "changed");
      assert.equal(`${(await response.text()).length}`, response.headers.get("content-length"));
    }
  });
});
