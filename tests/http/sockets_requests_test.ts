/**
 * http() on own sockets: requests as they go out.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { callContext, ManualClock } from "../../mod.ts";
import { failure } from "../support/calls.ts";
import { turn, until } from "../support/channels.ts";
import { fixed, rawWorld } from "./_raw_server.ts";

const duplex = { duplex: "half" };

/** What reaches a server that answers every request. */
async function seen(make: (origin: string) => Request, context = callContext()): Promise<string> {
  let text = "";
  await rawWorld(async (connection) => {
    text = await connection.request();
    await connection.write(fixed("ok"));
    await connection.ended();
  }, async ({ origin, dial }) => {
    const session = await dial();
    assert.equal(await (await session.call(make(origin), context)).text(), "ok");
    assert.equal(session.state, "open");
    text = text.replaceAll(origin.slice("http://".length), "HOST");
  });
  return text;
}

/** A stream of the pieces, each a turn of the event loop after the one before. */
function slowly(...pieces: string[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async pull(controller): Promise<void> {
      await turn();
      const piece = pieces.shift();
      if (piece === undefined) controller.close();
      else controller.enqueue(new TextEncoder().encode(piece));
    },
  }, { highWaterMark: 0 });
}

Deno.test("a request goes out with what fetch would say, once", async () => {
  const defaults = "accept: */*\r\naccept-encoding: gzip, deflate, br\r\nuser-agent: Wireway\r\n";
  assert.equal(
    await seen((origin) => new Request(`${origin}/a%20b?c=d#e`)),
    `GET /a%20b?c=d HTTP/1.1\r\nhost: HOST\r\n${defaults}\r\n`,
  );
  const own = { "Accept": "text/html", "user-agent": "me", "Accept-Encoding": "br", "cookie": "a=1" };
  assert.equal(
    await seen((origin) => new Request(origin, { headers: own })),
    "GET / HTTP/1.1\r\nhost: HOST\r\naccept: text/html\r\naccept-encoding: br\r\ncookie: a=1\r\nuser-agent: me\r\n\r\n",
  );
});

Deno.test("the part of a resource is asked for as it is stored", async () => {
  const range = { range: "bytes=0-9" };
  assert.match(
    await seen((origin) => new Request(origin, { headers: range })),
    /\r\naccept-encoding: identity\r\n/,
  );
  const own = { ...range, "accept-encoding": "br" };
  assert.match(await seen((origin) => new Request(origin, { headers: own })), /\r\naccept-encoding: br\r\n/);
});

Deno.test("fields of the connection are not passed on, and metadata has the last word", async () => {
  const headers = {
    "connection": "keep-alive, x",
    "keep-alive": "timeout=5",
    "te": "trailers",
    "transfer-encoding": "chunked",
    "upgrade": "h2c",
    "proxy-connection": "keep-alive",
    "host": "other.example",
    "traceparent": "old",
    "meta-tenant": "old",
    "x-mine": "1",
  };
  const context = callContext({ metadata: { traceparent: "new", tenant: "acme" } });
  const text = await seen((origin) => new Request(origin, { headers }), context);
  assert.equal(
    text,
    "GET / HTTP/1.1\r\nhost: other.example\r\ntraceparent: new\r\nmeta-tenant: acme\r\nx-mine: 1\r\n" +
      "accept: */*\r\naccept-encoding: gzip, deflate, br\r\nuser-agent: Wireway\r\n\r\n",
  );
});

Deno.test("a body that is there goes out with its length, in one write with its head", async () => {
  let first = "";
  await rawWorld(async (connection) => {
    first = await connection.some();
    await connection.write(fixed("ok"));
    await connection.ended();
  }, async ({ origin, dial }) => {
    for (const body of ["hello", new TextEncoder().encode("hello"), new URLSearchParams("hello")]) {
      first = "";
      const response = await (await dial()).call(new Request(origin, { method: "POST", body }));
      await response.text();
      assert.match(first, /^POST \/ HTTP\/1.1\r\n[^]*\r\ncontent-length: [56]\r\n\r\nhello=?$/);
    }
  });
});

Deno.test("a large body goes out with its length, and one without a byte says so", async () => {
  const large = "x".repeat(300_000);
  const text = await seen((origin) => new Request(origin, { method: "PUT", body: large }));
  assert.match(text, /\r\ncontent-length: 300000\r\n/);
  assert.equal(text.slice(text.indexOf("\r\n\r\n") + 4), large);
  for (const method of ["POST", "PUT", "PATCH"]) {
    assert.match(await seen((origin) => new Request(origin, { method })), /\r\ncontent-length: 0\r\n\r\n$/);
  }
  assert.doesNotMatch(await seen((origin) => new Request(origin, { method: "DELETE" })), /content-length/);
});

Deno.test("a stream goes out in chunks as it comes, or with the length that its caller declares", async () => {
  const stream = (origin: string, more: RequestInit = {}) =>
    new Request(origin, { method: "POST", body: slowly("hello", "", "wonderful world"), ...duplex, ...more });
  const chunks = await seen((origin) => stream(origin));
  assert.match(chunks, /\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\nf\r\nwonderful world\r\n0\r\n\r\n$/);
  const declared = await seen((origin) => stream(origin, { headers: { "content-length": "20" } }));
  assert.match(declared, /\r\ncontent-length: 20\r\n\r\nhellowonderful world$/);
  assert.doesNotMatch(declared, /transfer-encoding/);
  const large = "y".repeat(100_000);
  const text = await seen((origin) => new Request(origin, { method: "POST", body: slowly(large, "z"), ...duplex }));
  assert.ok(text.endsWith(`\r\n\r\n186a0\r\n${large}\r\n1\r\nz\r\n0\r\n\r\n`));
});

Deno.test("a body that does not have the length it declares fails its call", async () => {
  for (const length of ["4", "6"]) {
    let came = "";
    await rawWorld(async (connection) => {
      await connection.head();
      came = await connection.some();
      await connection.ended();
    }, async ({ origin, dial }) => {
      const request = (body: BodyInit) =>
        new Request(origin, { method: "POST", body, headers: { "content-length": length }, ...duplex });
      const session = await dial();
      await failure(session.call(request("hello")), "invalid-request", "no");
      assert.equal(session.state, "open");
      await failure(session.call(request(slowly("hello"))), "invalid-request", "maybe");
      assert.equal(session.state, "closed");
    });
    // What is too much would be the next request.
    assert.equal(came, length === "4" ? "" : "hello");
  }
});

Deno.test("a body that fails takes its call with it", async () => {
  await rawWorld((connection) => connection.ended(), async ({ origin, dial }) => {
    const later = (): ReadableStream<Uint8Array> => {
      let pulls = 0;
      return new ReadableStream({
        async pull(controller): Promise<void> {
          await turn();
          if (pulls++ > 0) throw new Error("the disk is gone");
          controller.enqueue(new Uint8Array(10));
        },
      });
    };
    const session = await dial();
    const call = session.call(new Request(origin, { method: "POST", body: later(), ...duplex }));
    assert.match((await failure(call, "invalid-request", "maybe")).message, /the disk is gone/);
    assert.equal(session.state, "closed");
    const texts = new ReadableStream({
      start: (controller) => {
        controller.enqueue("text");
        controller.close();
      },
    });
    const other = (await dial()).call(new Request(origin, { method: "POST", body: texts, ...duplex }));
    await failure(other, "invalid-request", "no");
  });
});

Deno.test("an upload waits for a server that does not read", async () => {
  let pulled = 0;
  const reads = Promise.withResolvers<void>();
  const pieces = 20;
  await rawWorld(async (connection) => {
    await connection.head();
    await reads.promise;
    await connection.take(pieces * 1_000_000);
    await connection.write(fixed("ok"));
    await connection.ended();
  }, async ({ origin, dial }) => {
    const body = new ReadableStream<Uint8Array>({
      pull(controller): void {
        if (pulled++ === pieces) return controller.close();
        controller.enqueue(new Uint8Array(1_000_000));
      },
    }, { highWaterMark: 0 });
    const headers = { "content-length": String(pieces * 1_000_000) };
    const session = await dial();
    const call = session.call(new Request(origin, { method: "POST", body, headers, ...duplex }));
    let last = -1;
    await until(() => {
      const still = pulled === last && pulled > 0;
      last = pulled;
      return still;
    }, "an upload that waits");
    assert.ok(pulled < pieces, `${pulled} pieces went to nobody`);
    reads.resolve();
    assert.equal(await (await call).text(), "ok");
    assert.equal(session.state, "open");
  });
});

Deno.test("an early refusal stops the upload, reaches the caller, and ends the connection", async () => {
  const stopped = Promise.withResolvers<void>();
  await rawWorld(async (connection) => {
    await connection.head();
    await connection.write("HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\n\r\nno");
    // The rest of the answer waits for the end of the upload.
    await stopped.promise;
    await connection.write("!");
    await connection.ended();
  }, async ({ origin, dial }) => {
    const body = new ReadableStream<Uint8Array>({
      async pull(controller): Promise<void> {
        await turn();
        controller.enqueue(new Uint8Array(10));
      },
      cancel: () => stopped.resolve(),
    });
    const session = await dial();
    const response = await session.call(new Request(origin, { method: "POST", body, ...duplex }));
    assert.deepEqual([response.status, await response.text()], [413, "no!"]);
    await until(() => session.state === "closed", "the session's end");
  });
});

Deno.test("a body that waits to be asked for goes out when it is, when nobody answers, and not when it is refused", async () => {
  for (const answer of ["100", "nothing", "417"]) {
    const clock = new ManualClock();
    let body = "";
    await rawWorld(async (connection) => {
      const head = await connection.head();
      assert.match(head, /\r\nexpect: 100-continue\r\n/);
      if (answer === "417") {
        await connection.write("HTTP/1.1 417 No\r\ncontent-length: 0\r\n\r\n");
        return await connection.ended();
      }
      if (answer === "100") await connection.write("HTTP/1.1 100 Continue\r\n\r\n");
      body = await connection.take(5);
      await connection.write(fixed("ok"));
      await connection.ended();
    }, async ({ origin, dial }) => {
      const session = await dial({ clock, continueTimeoutMs: 700 });
      const init = { method: "POST", body: "hello", headers: { expect: "100-continue" } };
      let status = 0;
      const call = session.call(new Request(origin, init)).then((response) => status = response.status);
      if (answer === "nothing") {
        await until(() => clock.pending > 0, "the wait");
        await clock.advance(699);
        assert.equal(body, "");
        await clock.advance(1);
      }
      await call;
      assert.deepEqual([status, body], answer === "417" ? [417, ""] : [200, "hello"]);
      assert.equal(session.state, answer === "417" ? "closed" : "open");
    });
  }
});

Deno.test("a request that says something that can't be sent is refused, and its connection serves on", async () => {
  await rawWorld(async (connection) => {
    await connection.request();
    await connection.write(fixed("ok"));
    await connection.ended();
  }, async ({ origin, dial }) => {
    const session = await dial();
    const wrong: [string, string][] = [["expect", "the unexpected"], ["content-length", "5x"], ["host", "a b"]];
    for (const headers of wrong.map((field) => [field])) {
      const error = await failure(session.call(new Request(origin, { headers })), "invalid-request", "no");
      assert.match(error.message, /^Cannot/);
      assert.equal(session.load, 0);
    }
    assert.equal(await (await session.call(new Request(origin))).text(), "ok");
  });
});

Deno.test("a request that wants no other behind it ends its connection", async () => {
  await rawWorld(async (connection) => {
    assert.match(await connection.request(), /\r\nconnection: close\r\n/);
    await connection.write(fixed("ok"));
    await connection.ended();
  }, async ({ origin, dial }) => {
    const session = await dial();
    const response = await session.call(new Request(origin, { headers: { connection: "close" } }));
    assert.equal(await response.text(), "ok");
    assert.equal(session.state, "closed");
  });
});
