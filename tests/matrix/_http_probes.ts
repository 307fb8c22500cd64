/**
 * What http() can do with requests and responses, by either of its clients.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { http, type HttpOptions, serve, type Server, type Session } from "../../mod.ts";
import { until, untilStill } from "../support/channels.ts";
import { faultProxy } from "../support/fault_proxy.ts";
import { type Answer, answerOf } from "./_probes.ts";

type Client = NonNullable<HttpOptions["client"]>;

/** Past so many chunks of 64 KB that nobody takes, nothing holds the producer back. */
const tooMany = 1000;

/** Chunks that are made when they are asked for, and when the test lets them be. */
class Chunks {
  made = 0;
  allowed: number;
  #more = Promise.withResolvers<void>();

  constructor(allowed: number, readonly size = 65_536) {
    this.allowed = allowed;
  }

  allow(chunks: number): void {
    this.allowed += chunks;
    this.#more.resolve();
    this.#more = Promise.withResolvers<void>();
  }

  body(limit = Infinity): ReadableStream<Uint8Array<ArrayBuffer>> {
    return new ReadableStream({
      pull: async (controller) => {
        if (this.made === limit) return controller.close();
        while (this.made >= this.allowed) await this.#more.promise;
        this.made++;
        controller.enqueue(new Uint8Array(this.size));
      },
    }, { highWaterMark: 0 });
  }
}

/** A server with one handler, and a session to it, by way of a proxy. */
async function on(
  client: Client,
  handler: Parameters<typeof serve<Request, Response>>[1],
  probe: (session: Session<Request, Response>, url: string, cut: () => void) => Promise<void>,
): Promise<void> {
  const server: Server = await serve(http({ port: 0 }), handler, { graceMs: 0 });
  await using proxy = await faultProxy({ upstreamPort: server.addr.port! });
  const session = await http({ port: proxy.port, client }).dial();
  try {
    await probe(session, `http://127.0.0.1:${proxy.port}/`, () => proxy.cutAll("reset"));
  } finally {
    await session.close({ graceMs: 0 });
    await server.shutdown({ graceMs: 0 });
  }
}

/** See the probe of the same name for other transports. */
export function duplex(client: Client): Promise<Answer> {
  return answerOf(
    (async () => {
      let back: Promise<unknown> | undefined;
      await on(client, (request, context) => {
        back = (context.peer as Session<Request, Response>).call(request);
        back.catch(() => {});
        return new Response();
      }, async (session, url) => {
        await (await session.call(new Request(url))).text();
      });
      await back;
    })(),
    "unsupported",
  );
}

/** A body's next chunk is made when the one before has come: of a response, and of a request. */
export function streaming(client: Client): Promise<Answer> {
  const limit = 10;
  const down = async (): Promise<void> => {
    const chunks = new Chunks(1, 100);
    await on(client, () => new Response(chunks.body(limit)), async (session, url) => {
      let bytes = 0;
      for await (const chunk of (await session.call(new Request(url))).body!) {
        bytes += chunk.length;
        if (bytes === 100 * chunks.made) chunks.allow(1);
      }
      assert.equal(bytes, 100 * limit);
    });
  };
  const up = async (): Promise<void> => {
    const chunks = new Chunks(1, 100);
    await on(client, async (request) => {
      let bytes = 0;
      for await (const chunk of request.body!) {
        bytes += chunk.length;
        if (bytes === 100 * chunks.made) chunks.allow(1);
      }
      return new Response(`${bytes}`);
    }, async (session, url) => {
      const request = new Request(url, { method: "POST", body: chunks.body(limit) });
      assert.equal(await (await session.call(request)).text(), `${100 * limit}`);
    });
  };
  return answerOf(down().then(up), "unsupported");
}

/** A reader that stops holds an endless body back: of a response, and of a request. */
export async function backpressure(client: Client): Promise<Answer> {
  let bounded = true;
  const holds = async (chunks: Chunks): Promise<void> => {
    await until(() => chunks.made > 0, "the first chunk");
    bounded &&= await untilStill(() => Math.min(chunks.made, tooMany)) < tooMany;
  };
  const answer = await answerOf((async () => {
    const down = new Chunks(tooMany);
    await on(client, () => new Response(down.body()), async (session, url) => {
      const reader = (await session.call(new Request(url))).body!.getReader();
      await reader.read();
      await holds(down);
      await reader.cancel();
    });
    const up = new Chunks(tooMany);
    const gate = Promise.withResolvers<void>();
    await on(client, async () => {
      await gate.promise;
      return new Response();
    }, async (session, url) => {
      const call = session.call(new Request(url, { method: "POST", body: up.body() }));
      await holds(up);
      gate.resolve();
      await (await call).text();
    });
  })());
  return bounded ? answer : "no";
}

/** A response in whose body the connection is cut goes on. */
export function resume(client: Client): Promise<Answer> {
  return answerOf(
    on(client, () => new Response(new Chunks(500).body(500)), async (session, url, cut) => {
      const reader = (await session.call(new Request(url))).body!.getReader();
      await reader.read();
      cut();
      while (!(await reader.read()).done);
    }),
    "connection-lost",
  );
}
