/**
 * http(): redirects, in both forms of the calling end.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { failure } from "../support/calls.ts";
import { until } from "../support/channels.ts";
import { fixed, rawWorld } from "./_raw_server.ts";
import { bothForms, httpWorld } from "./_world.ts";

/** Redirects `/STATUS/LOCATION`, and tells of any other request. */
async function redirecting(request: Request): Promise<Response> {
  const { pathname, search } = new URL(request.url);
  const [, status, location] = /^\/(\d{3})\/(.*)$/.exec(decodeURIComponent(pathname)) ?? [];
  if (status !== undefined) {
    await request.text();
    return new Response("moved", { status: Number(status), headers: { location } });
  }
  const { method, headers } = request;
  return Response.json({
    method,
    path: pathname + search,
    body: await request.text(),
    type: headers.get("content-type"),
  });
}

function path(status: number, location: string): string {
  return `/${status}/${encodeURIComponent(location)}`;
}

bothForms("a redirect is followed as the Fetch standard has it", async (client) => {
  await httpWorld(redirecting, async ({ origin, dial }) => {
    // Where fetch may not send again, it may not send elsewhere either.
    const session = await dial({ client, resend: true });
    const follow = async (method: string, status: number, location = "/end?x") => {
      const body = method === "GET" || method === "HEAD" ? undefined : "hello";
      const response = await session.call(new Request(origin + path(status, location), { method, body }));
      assert.equal(response.status, 200);
      assert.equal(response.redirected, true);
      assert.equal(response.url, `${origin}/end?x`);
      if (method === "HEAD") await response.body?.cancel();
      return method === "HEAD" ? undefined : await response.json();
    };
    const type = "text/plain;charset=UTF-8";
    for (const status of [301, 302, 303]) {
      assert.deepEqual(await follow("POST", status), { method: "GET", path: "/end?x", body: "", type: null });
      assert.equal((await follow("GET", status)).method, "GET");
      await follow("HEAD", status);
    }
    for (const status of [307, 308]) {
      assert.deepEqual(await follow("POST", status), { method: "POST", path: "/end?x", body: "hello", type });
    }
    assert.deepEqual(await follow("PUT", 301), { method: "PUT", path: "/end?x", body: "hello", type });
    assert.deepEqual(await follow("PUT", 303), { method: "GET", path: "/end?x", body: "", type: null });
    assert.equal((await follow("GET", 302, `${origin}/end?x`)).path, "/end?x");
    assert.equal((await follow("GET", 302, path(307, "../end?x"))).path, "/end?x");
    assert.equal(session.load, 0);
  });
});

bothForms("a redirect may be kept from being followed", async (client) => {
  await httpWorld(redirecting, async ({ origin, dial }) => {
    const session = await dial({ client });
    const url = origin + path(302, "/end");
    const manual = await session.call(new Request(url, { redirect: "manual" }));
    assert.deepEqual([manual.status, manual.headers.get("location")], [302, "/end"]);
    assert.equal(manual.redirected, false);
    await manual.body?.cancel();
    await assert.rejects(session.call(new Request(url, { redirect: "error" })));
    // One that leads nowhere is an answer like any other.
    const nowhere = await session.call(new Request(`${origin}/300/x`));
    assert.equal(nowhere.status, 300);
    assert.equal(await nowhere.text(), "moved");
    assert.equal(session.load, 0);
  });
});

bothForms("redirects without an end, or to nowhere, fail their call", async (client) => {
  await httpWorld((request) => {
    const { pathname } = new URL(request.url);
    const count = Number(pathname.slice(1));
    if (pathname.startsWith("/to/")) {
      return new Response(null, { status: 302, headers: { location: decodeURIComponent(pathname.slice(4)) } });
    }
    if (count === 0) return new Response("there");
    return new Response(null, { status: 302, headers: { location: `/${count - 1}` } });
  }, async ({ origin, dial }) => {
    const session = await dial({ client });
    assert.equal(await (await session.call(new Request(`${origin}/20`))).text(), "there");
    await assert.rejects(session.call(new Request(`${origin}/21`)));
    for (const location of ["ftp://127.0.0.1/", "http://", "mailto:a@b"]) {
      await assert.rejects(session.call(new Request(`${origin}/to/${encodeURIComponent(location)}`)), location);
    }
    assert.equal(session.load, 0);
  });
});

bothForms("a body that was a stream can't be sent to another place", async (client) => {
  await httpWorld(redirecting, async ({ origin, dial }) => {
    const session = await dial({ client });
    const body = () => ReadableStream.from([new TextEncoder().encode("a"), new TextEncoder().encode("b")]);
    const request = (status: number) => {
      return new Request(
        origin + path(status, "/end"),
        { method: "POST", body: body(), duplex: "half" } as RequestInit,
      );
    };
    await assert.rejects(session.call(request(307)));
    assert.equal(session.load, 0);
    const response = await (session.state === "open" ? session : await dial({ client })).call(request(303));
    assert.deepEqual([response.status, (await response.json()).method], [200, "GET"]);
  });
});

Deno.test("another origin is reached by a connection of its own, without what was for the first", async () => {
  let seen = "";
  await rawWorld(async (connection) => {
    seen = await connection.request();
    await connection.write(fixed("there"));
    await connection.ended();
  }, async (other) => {
    await rawWorld(async (connection) => {
      for (;;) {
        await connection.request();
        const location = `location: ${other.origin}/end\r\n`;
        await connection.write(`HTTP/1.1 307 Elsewhere\r\n${location}content-length: 5\r\n\r\nmoved`);
      }
    }, async (world) => {
      const session = await world.dial();
      const headers = { authorization: "Bearer x", cookie: "a=1", "x-mine": "1", "content-type": "text/x" };
      for (let i = 1; i <= 2; i++) {
        const response = await session.call(new Request(world.origin, { method: "POST", body: "hello", headers }));
        assert.equal(response.url, `${other.origin}/end`);
        assert.equal(await response.text(), "there");
        assert.match(seen, new RegExp(`^POST /end HTTP/1.1\r\nhost: ${other.origin.slice(7)}\r\n`));
        assert.match(seen, /\r\nx-mine: 1\r\n[^]*hello$/);
        assert.doesNotMatch(seen, /authorization|cookie/);
        assert.equal(session.load, 0);
        assert.deepEqual([world.accepted, other.accepted], [1, i]);
      }
    });
  });
});

Deno.test("a redirect whose connection ends is followed on another one, and the session ends with its call", async () => {
  await rawWorld(async (connection) => {
    const request = await connection.request();
    if (request.startsWith("GET /end")) {
      await connection.write("HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\nhello");
      return await connection.ended();
    }
    await connection.write("HTTP/1.1 302 Found\r\nlocation: /end\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
  }, async (world) => {
    const session = await world.dial();
    const response = await session.call(new Request(world.origin));
    assert.deepEqual([session.load, world.accepted], [1, 2]);
    assert.notEqual(session.state, "open");
    await response.body!.cancel();
    await until(() => session.state === "closed", "the session's end");
    assert.equal(session.load, 0);
  });
});

Deno.test("a redirect to where nobody listens may have been processed", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  await httpWorld(redirecting, async ({ origin, dial }) => {
    const session = await dial({ client: "sockets" });
    await failure(
      session.call(new Request(origin + path(302, `http://127.0.0.1:${port}/`))),
      "connect-failed",
      "maybe",
    );
    assert.deepEqual([session.load, session.state], [0, "open"]);
  });
});
