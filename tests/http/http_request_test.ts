/**
 * httpRequest(): the platform's Request in all that can be asked of it.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { chain, httpRequest, retry } from "../../mod.ts";
import { failure } from "../support/calls.ts";
import { fixed, rawWorld } from "./_raw_server.ts";
import { bothForms, httpWorld } from "./_world.ts";

const url = "http://127.0.0.1:8000/a%20b?c=d#e";

/** What requests may be made of. */
const inits: Record<string, RequestInit | undefined> = {
  "nothing": undefined,
  "a method": { method: "DELETE" },
  "a method in lower case": { method: "put", body: "x" },
  "a method of its own": { method: "purge" },
  "a redirect mode": { redirect: "manual" },
  "header fields": { headers: { "X-One": "1", accept: "text/plain" } },
  "pairs of header fields": { headers: [["x-one", "1"], ["x-two", "2"]] },
  "a field twice": { headers: [["x-one", "1"], ["X-One", "2"]] },
  "a Headers": { headers: new Headers({ "x-one": "1" }) },
  "a value with blanks around": { headers: { "x-one": " \t1 " } },
  "a value past ASCII": { headers: { "x-one": "\u00e9" } },
  "a text": { method: "POST", body: "gr\u00fc\u00df" },
  "a text with its type": { method: "POST", body: "{}", headers: { "Content-Type": "application/json" } },
  "no text": { method: "POST", body: "" },
  "bytes": { method: "PATCH", body: Uint8Array.of(1, 0, 255) },
  "many bytes": { method: "PUT", body: new Uint8Array(3000).fill(7) },
  "a form": { method: "POST", body: new URLSearchParams({ a: "b" }) },
  "no body": { method: "POST", body: null },
  "a signal": { signal: AbortSignal.abort(new Error("over")) },
  "an object of a class": new class {
    get method(): string {
      return "PUT";
    }
  }(),
  "undefined": { method: undefined, body: undefined, headers: undefined },
};

/** What can be asked of a request. */
const questions: Record<string, (request: Request) => unknown> = {
  "its state": (request) => [request.method, request.url, request.redirect, request.bodyUsed, request.signal.aborted],
  "its header fields": (request) => [...request.headers].map((field) => field.join(": ")),
  "its text": async (request) => [await request.text(), request.bodyUsed],
  "its bytes": (request) => request.bytes(),
  "its stream": (request) => request.body === null ? "none" : Array.fromAsync(request.body),
  "its text twice": async (request) => [await request.text(), await request.text()],
  "its clone": async (request) => {
    const copy = request.clone();
    return [copy.url, copy.method, [...copy.headers].length, await copy.text(), await request.text()];
  },
  "its clone once read": async (request) => [await request.text(), request.clone().method],
  "its header fields, changed": (request) => {
    request.headers.set("x-one", "changed");
    return [request.headers.get("x-one"), new Request(request).headers.get("x-one")];
  },
  "a request around it": async (request) => {
    const other = new Request(request, { redirect: "error" });
    return [other.url, other.redirect, [...other.headers].length, await other.text(), request.bodyUsed];
  },
  "its class": (request) => [
    request instanceof Request,
    request.constructor === Request,
    Object.prototype.toString.call(request),
    Object.keys(request),
    request.mode,
  ],
  "how it is shown": (request) => Deno.inspect(request),
};

/** What a question is answered with, or how it fails. */
async function answer(question: (request: Request) => unknown, make: () => Request): Promise<unknown> {
  try {
    const answered = await question(make());
    return Array.isArray(answered) ? await Promise.all(answered) : answered;
  } catch (error) {
    return (error as Error).constructor.name;
  }
}

for (const [what, init] of Object.entries(inits)) {
  Deno.test(`a request made of ${what} answers all questions as the platform's does`, async () => {
    for (const [name, question] of Object.entries(questions)) {
      const expected = await answer(question, () => new Request(url, init));
      assert.deepEqual(await answer(question, () => httpRequest(url, init)), expected, name);
      assert.deepEqual(await answer(question, () => httpRequest(new URL(url), init)), expected, name);
    }
  });
}

Deno.test("what makes no request of the platform's makes none", () => {
  const wrong: [url: string, init?: RequestInit][] = [
    [""],
    ["/relative"],
    [url, { body: "x" }],
    [url, { method: "HEAD", body: "x" }],
    [url, { method: "a b" }],
    [url, { headers: { "a b": "1" } }],
    [url, { headers: { "x-one": "a\nb" } }],
    [url, { headers: [["x-one"]] as unknown as [string, string][] }],
    [url, { redirect: "maybe" as RequestRedirect }],
  ];
  for (const [url, init] of wrong) {
    assert.throws(() => new Request(url, init), TypeError);
    assert.throws(() => httpRequest(url, init), TypeError, JSON.stringify([url, init]));
  }
});

Deno.test("a request goes out with the same bytes as the platform's", async () => {
  await rawWorld(async (connection) => {
    for (;;) {
      const request = await connection.request();
      await connection.write(fixed(request));
    }
  }, async (world) => {
    const session = await world.dial();
    const sent = async (make: typeof httpRequest, init: RequestInit | undefined): Promise<unknown[]> => {
      const body = init?.body;
      const bytes = body instanceof Uint8Array ? new Uint8Array(body) : undefined;
      const request = make(`${world.origin}/a%20b?c=d#e`, bytes === undefined ? init : { ...init, body: bytes });
      // The caller may use its memory for something else from then on.
      bytes?.fill(9);
      return [...sorted(await (await session.call(request)).text()), request.bodyUsed];
    };
    for (const [what, init] of Object.entries(inits)) {
      if (what === "a signal") continue;
      const platforms = await sent((url, init) => new Request(url, init), init);
      assert.deepEqual(await sent(httpRequest, init), platforms, what);
    }
  });
});

Deno.test("a request whose fields were changed goes out with the changes", async () => {
  await rawWorld(async (connection) => {
    for (;;) await connection.write(fixed(await connection.request()));
  }, async (world) => {
    const session = await world.dial();
    const request = httpRequest(`${world.origin}/`, { method: "POST", body: "hello", headers: { "x-one": "1" } });
    request.headers.set("x-one", "2");
    assert.match(await (await session.call(request)).text(), /\r\nx-one: 2\r\n[^]*hello$/);
  });
});

bothForms("a request is sent once where it has a body, as often as wanted where it has none", async (client) => {
  const handler = async (request: Request): Promise<Response> =>
    new Response(`${request.method} ${await request.text()}`);
  await httpWorld(handler, async ({ client: clientOf, origin }) => {
    const call = clientOf({ client });
    const get = httpRequest(`${origin}/`);
    for (let i = 0; i < 3; i++) assert.equal(await (await call(get)).text(), "GET ");
    const post = httpRequest(`${origin}/`, { method: "POST", body: "x" });
    assert.equal(post.bodyUsed, false);
    assert.equal(await (await call(post)).text(), "POST x");
    assert.equal(post.bodyUsed, true);
    await failure(call(post), "invalid-request");
    assert.throws(() => post.clone(), TypeError);
    await assert.rejects(post.text(), TypeError);
    assert.equal(post.bodyUsed, true);
  });
});

bothForms("a request is sent again by retry(), with its body", async (client) => {
  let calls = 0;
  const handler = async (request: Request): Promise<Response> => {
    const text = await request.text();
    return new Response(text, { status: ++calls < 3 ? 503 : 200 });
  };
  await httpWorld(handler, async ({ client: clientOf, origin }) => {
    const call = chain(clientOf({ client }), retry({ maxAttempts: 3 }));
    const response = await call(httpRequest(`${origin}/`, { method: "PUT", body: "again" }));
    assert.deepEqual([response.status, await response.text(), calls], [200, "again", 3]);
  });
});

/** A request with its header fields in order. */
function sorted(request: string): string[] {
  const [head, body] = request.split("\r\n\r\n");
  const [line, ...fields] = head.split("\r\n");
  return [line, ...fields.sort(), body];
}
