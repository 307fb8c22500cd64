/**
 * http() on own sockets: a response that has arrived whole is the platform's in
 * all that can be asked of it.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { whenComplete } from "../../mod.ts";
import { bothForms, endless, httpWorld } from "./_world.ts";
import { rawWorld } from "./_raw_server.ts";

/** Bodies by what is odd about them. */
const bodies: Record<string, Uint8Array<ArrayBuffer>> = {
  "a short text": bytesOf('{"a":1}'),
  "no byte": new Uint8Array(0),
  "a byte order mark": Uint8Array.of(0xef, 0xbb, 0xbf, 0x31),
  "what is no UTF-8": Uint8Array.of(0x61, 0xff, 0xc3, 0x62, 0xe2),
  "a longer text": bytesOf(JSON.stringify("x".repeat(2000))),
};

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new TextEncoder().encode(text));
}

/** What can be asked of a response. */
const questions: Record<string, (response: Response) => unknown> = {
  "its text": (response) => response.text(),
  "its JSON": (response) => response.json(),
  "its bytes": (response) => response.bytes(),
  "its array buffer": async (response) => new Uint8Array(await response.arrayBuffer()),
  "its blob": async (response) => [(await response.blob()).type, await (await response.blob()).text()],
  "its form": (response) => response.formData(),
  "its stream": (response) => Array.fromAsync(response.body!),
  "its text twice": async (response) => [await response.text(), await response.text()],
  "its JSON after its headers": (response) => [[...response.headers], response.json()],
  "its state": (response) => [response.ok, response.status, response.statusText, response.bodyUsed],
  "its state once read": async (response) => {
    const text = await response.text();
    return [text, response.bodyUsed, response.body?.locked, [...response.headers], response.status];
  },
  "its clone": async (response) => {
    const copy = response.clone();
    return [copy.url === response.url, copy.redirected, await copy.text(), await response.text(), copy.status];
  },
  "its clone once read": async (response) => [await response.text(), response.clone().status],
  "a response around its body": (response) => new Response(response.body, response).text(),
  "its header fields, changed": (response) => {
    response.headers.set("x-one", "2");
    response.headers.append("x-two", "3");
    return [response.headers.get("x-one"), response.headers.get("x-two"), response.text()];
  },
  "its class": (response) => [
    response instanceof Response,
    response.constructor === Response,
    Object.prototype.toString.call(response),
    Object.keys(response),
  ],
  "how it is shown": (response) => Deno.inspect(response).replace(/url: "[^"]*"/, "url"),
};

/** What a question is answered with, or how it fails. */
async function answer(question: (response: Response) => unknown, response: Response): Promise<unknown> {
  try {
    const answered = await question(response);
    return Array.isArray(answered) ? await Promise.all(answered) : answered;
  } catch (error) {
    return (error as Error).constructor.name;
  }
}

for (const [what, body] of Object.entries(bodies)) {
  Deno.test(`a response of ${what} answers all questions as the platform's does`, async () => {
    const head = `HTTP/1.1 201 Made\r\nx-one: 1\r\ncontent-type: text/x\r\ncontent-length: ${body.length}\r\n\r\n`;
    await rawWorld(async (connection) => {
      for (;;) {
        await connection.request();
        await connection.write(Uint8Array.of(...bytesOf(head), ...body));
      }
    }, async (world) => {
      const session = await world.dial();
      for (const [name, question] of Object.entries(questions)) {
        const response = await session.call(new Request(`${world.origin}/`));
        const headers = { "x-one": "1", "content-type": "text/x", "content-length": `${body.length}` };
        const same = new Response(body.slice(), { status: 201, statusText: "Made", headers });
        assert.deepEqual(await answer(question, response), await answer(question, same), name);
      }
    });
  });
}

Deno.test("a response without a body has none, and can be read all the same", async () => {
  await rawWorld(async (connection) => {
    for (;;) {
      await connection.request();
      await connection.write("HTTP/1.1 204 No Content\r\nx-one: 1\r\n\r\n");
    }
  }, async (world) => {
    const session = await world.dial();
    for (const [name, question] of Object.entries(questions)) {
      if (name === "its stream") continue;
      const response = await session.call(new Request(`${world.origin}/`));
      assert.equal(response.url, `${world.origin}/`);
      const same = new Response(null, { status: 204, statusText: "No Content", headers: { "x-one": "1" } });
      assert.deepEqual(await answer(question, response), await answer(question, same), name);
    }
  });
});

Deno.test("what is read of one response changes with no other", async () => {
  await rawWorld(async (connection) => {
    for (let i = 0;; i++) {
      await connection.request();
      await connection.write(`HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n${i}`);
    }
  }, async (world) => {
    const session = await world.dial();
    const call = (): Promise<Response> => session.call(new Request(`${world.origin}/`));
    const [first, second, third] = [await call(), await call(), await call()];
    const bytes = await second.bytes();
    new Uint8Array(bytes.buffer).fill(0);
    new Uint8Array(await third.arrayBuffer()).fill(0);
    assert.equal(bytes.buffer.byteLength, 1);
    assert.equal(await first.text(), "0");
    assert.equal(await (await call()).text(), "3");
  });
});

bothForms("a response is passed on by a handler as it came", async (client) => {
  const inner = (): Response => new Response("hello", { status: 203, headers: { "x-inner": "1" } });
  await httpWorld(inner, async ({ client: innerClient, origin }) => {
    const call = innerClient({ client });
    const passes = async (request: Request): Promise<Response> => {
      const response = await call(new Request(`${origin}/`));
      if (request.url.endsWith("/looked")) assert.equal(response.headers.get("x-inner"), "1");
      if (request.url.endsWith("/cloned")) return response.clone();
      return response;
    };
    await httpWorld(passes, async (outer) => {
      for (const path of ["plain", "looked", "cloned"]) {
        const response = await outer.client()(new Request(`${outer.origin}/${path}`));
        assert.deepEqual(
          [response.status, response.headers.get("x-inner"), await response.text()],
          [203, "1", "hello"],
          path,
        );
      }
    });
  });
});

bothForms("a response that came whole is complete unread, one that goes on when it is read", async (client) => {
  const answer = (request: Request): Response => new Response(request.url.endsWith("/whole") ? "hello" : endless());
  await httpWorld(answer, async ({ client: clientOf, origin }) => {
    const call = clientOf({ client });
    const completed: string[] = [];
    const whole = whenComplete(await call(new Request(`${origin}/whole`)), () => completed.push("whole"));
    const more = whenComplete(await call(new Request(`${origin}/more`)), () => completed.push("more"));
    assert.deepEqual(completed, client === "sockets" ? ["whole"] : []);
    assert.equal(await whole.text(), "hello");
    assert.deepEqual(completed, ["whole"]);
    await more.body!.cancel();
    assert.deepEqual(completed, ["whole", "more"]);
  });
});
