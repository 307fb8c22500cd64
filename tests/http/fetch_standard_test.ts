/**
 * http() on own sockets: what the Fetch standard says where platforms differ,
 * or where random exchanges hardly come.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { failure } from "../support/calls.ts";
import { turn } from "../support/channels.ts";
import { latin } from "./_exchanges.ts";
import { fixed, rawWorld } from "./_raw_server.ts";

/** A redirect. */
function moved(status: number, location?: string): string {
  const line = location === undefined ? "" : `location: ${location}\r\n`;
  return `HTTP/1.1 ${status} Elsewhere\r\n${line}content-length: 0\r\n\r\n`;
}

/** What a server saw that gave these answers one after the other, and how the call ended. */
async function ask(
  answers: string[],
  request: (origin: string) => Request,
): Promise<{ seen: string[]; response: Response | undefined; error: unknown }> {
  const seen: string[] = [];
  let response: Response | undefined;
  let error: unknown;
  await rawWorld(async (connection) => {
    for (;;) {
      seen.push(await connection.request());
      await connection.write(answers.shift()!);
    }
  }, async ({ origin, dial }) => {
    const session = await dial();
    await session.call(request(origin)).then((answered) => response = answered, (failed) => error = failed);
    await response?.text();
    assert.equal(session.load, 0);
  });
  return { seen, response, error };
}

Deno.test("bytes past ASCII in a redirect's place stay what they are", async () => {
  const places = { "/caf\xc3\xa9": "/caf%C3%A9", "/caf\xe9?\xff#\x80": "/caf%E9?%FF", "/\xa0": "/%A0" };
  for (const [location, target] of Object.entries(places)) {
    const { seen, response } = await ask([moved(302, location), fixed("there")], (origin) => new Request(origin));
    assert.match(seen[1], new RegExp(`^GET ${target.replace("?", "\\?")} HTTP`));
    assert.ok(response!.url.endsWith(target));
  }
});

Deno.test("a request that wants no redirect gets none, and no answer that is one without a place", async () => {
  for (const location of ["/end", "http://[", undefined]) {
    const { error } = await ask([moved(303, location)], (origin) => new Request(origin, { redirect: "error" }));
    assert.equal((error as { code?: string }).code, "invalid-reply");
  }
  const { response } = await ask([moved(304)], (origin) => new Request(origin, { redirect: "error" }));
  assert.equal(response!.status, 304);
});

Deno.test("a redirect without a place is an answer", async () => {
  const { response } = await ask([moved(302)], (origin) => new Request(origin));
  assert.deepEqual([response!.status, response!.redirected], [302, false]);
});

Deno.test("a body that was a stream is redirected by 303 alone, and then by whatever follows", async () => {
  const request = (origin: string): Request => {
    const body = ReadableStream.from([latin("a"), latin("b")]);
    return new Request(origin, { method: "POST", body, duplex: "half" } as RequestInit);
  };
  for (const status of [301, 302, 307, 308]) {
    const { seen, error } = await ask([moved(status, "/end")], request);
    assert.deepEqual([seen.length, (error as { code?: string }).code], [1, "invalid-reply"]);
  }
  const { seen, response } = await ask([moved(303, "/one"), moved(307, "/two"), fixed("there")], request);
  assert.equal(response!.status, 200);
  assert.match(seen[2], /^GET \/two HTTP/);
});

Deno.test("a form goes out with its length, and again to where it is redirected; a large one goes out in chunks", async () => {
  const request = (size: number) => (origin: string): Request => {
    const form = new FormData();
    for (let i = 0; i < 20; i++) form.append(`field ${i}`, "value");
    form.append("file", new File(["x".repeat(size), "y"], "n.txt"));
    return new Request(origin, { method: "POST", body: form });
  };
  const { seen } = await ask([moved(307, "/end"), fixed("there")], request(1000));
  assert.match(seen[0], /\r\ncontent-length: \d{4}\r\n[^]*x{1000}y\r\n--.*--(\r\n)?$/);
  assert.equal(seen[1], seen[0].replace("POST /", "POST /end"));
  const large = await ask([fixed("there")], request(2 ** 21));
  assert.match(large.seen[0], /\r\ntransfer-encoding: chunked\r\n/);
});

Deno.test("what looks like a form and gives nothing is not waited for until it ends", async () => {
  const request = (origin: string): Request => {
    let left = 1000;
    const body = new ReadableStream<Uint8Array>({
      pull(controller): void {
        controller.enqueue(new Uint8Array(--left > 0 ? 0 : 1));
        if (left === 0) controller.close();
      },
    });
    const headers = { "content-type": "multipart/form-data; boundary=x" };
    return new Request(origin, { method: "POST", body, headers, duplex: "half" } as RequestInit);
  };
  const { seen } = await ask([fixed("there")], request);
  assert.match(seen[0], /\r\ntransfer-encoding: chunked\r\n/);
});

Deno.test("a clone, and a clone of that, come from where the response comes from", async () => {
  const chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n";
  for (const answer of [[fixed("hello")], [chunked, "0\r\n\r\n"]]) {
    await rawWorld(async (connection) => {
      await connection.request();
      await connection.write(moved(302, "/end"));
      await connection.request();
      for (const part of answer) {
        await connection.write(part);
        await turn();
      }
      await connection.ended();
    }, async ({ origin, dial }) => {
      const response = await (await dial()).call(new Request(origin));
      const first = response.clone();
      const second = first.clone();
      for (const each of [response, first, second, second.clone()]) {
        assert.deepEqual([each.url, each.redirected, each.type], [`${origin}/end`, true, "basic"]);
        assert.equal(await each.clone().text(), "hello");
        await each.text();
      }
    });
  }
});

Deno.test("deflate without the header of zlib is deflate all the same, and no byte is a body without one", async () => {
  const text = latin("so it goes ".repeat(1000));
  const bodies: [coding: string, body: Uint8Array, text: number][] = [
    ["deflate", deflateRawSync(text), text.length],
    ["deflate", deflateSync(text), text.length],
    ["br, deflate", deflateRawSync(brotliCompressSync(text)), text.length],
    ["deflate, br", brotliCompressSync(deflateRawSync(text)), text.length],
    ...["gzip", "deflate", "br"].map((coding) => [coding, new Uint8Array(0), 0] as [string, Uint8Array, number]),
  ];
  for (const [coding, body, length] of bodies) {
    for (const size of [body.length + 1, 1]) {
      await rawWorld(async (connection) => {
        await connection.request();
        await connection.write(`HTTP/1.1 200 OK\r\ncontent-encoding: ${coding}\r\n\r\n`);
        for (let at = 0; at < body.length; at += size) await connection.write(body.subarray(at, at + size));
      }, async ({ origin, dial }) => {
        const response = await (await dial()).call(new Request(origin));
        assert.equal((await response.text()).length, length, `${coding} in pieces of ${size}`);
      });
    }
  }
});

Deno.test("what says to be compressed and is not, or is more than that, is an invalid reply", async () => {
  const member = String.fromCharCode(...gzipSync("hello"));
  const bodies = { deflate: "never compressed", gzip: member + member, "x-gzip": `${member}more` };
  for (const [coding, body] of Object.entries(bodies)) {
    await rawWorld(async (connection) => {
      await connection.request();
      await connection.write(fixed(body, `content-encoding: ${coding}\r\n`));
    }, async ({ origin, dial }) => {
      const response = await (await dial()).call(new Request(origin));
      assert.match((await failure(response.text(), "invalid-reply", "yes")).message, /not (deflate|gzip)/);
    });
  }
});

Deno.test("a request with a password in its URL is refused, and the password not told", async () => {
  await rawWorld(async () => {}, async ({ origin, dial }) => {
    const session = await dial();
    const error = await failure(session.call(new Request(origin.replace("//", "//me:secret@"))), "invalid-request");
    assert.doesNotMatch(error.message, /secret/);
    assert.match(error.message, /password/);
  });
});
