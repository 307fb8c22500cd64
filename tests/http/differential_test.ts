/**
 * http() on own sockets and the platform's fetch, side by side: the same random
 * exchanges look the same to the server and to the caller.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { chain, http, pool } from "../../mod.ts";
import { within } from "../support/channels.ts";
import { Random } from "../support/random.ts";
import { type Answer, exchange } from "./_exchanges.ts";
import { rawWorld } from "./_raw_server.ts";

/** Fields that are each client's own to say. */
const ownFields = /^(accept|accept-language|accept-encoding|user-agent): /;

/** A request as the server saw it, without what differs by design. */
function seenAs(request: string): string[] {
  const end = request.indexOf("\r\n\r\n");
  const [first, ...lines] = request.slice(0, end).split("\r\n");
  const kept = lines.map((line) => line.replace(/boundary=.*/, "boundary=")).filter((line) => !ownFields.test(line));
  const chunked = lines.some((line) => /^transfer-encoding: /i.test(line));
  const body = chunked ? unchunked(request.slice(end + 4)) : request.slice(end + 4);
  return [first, ...kept.sort(), body.replace(/-{4,}[\w-]+/g, "boundary")];
}

function unchunked(text: string): string {
  const size = parseInt(text, 16);
  const start = text.indexOf("\r\n") + 2;
  return size > 0 ? text.slice(start, start + size) + unchunked(text.slice(start + size + 2)) : "";
}

/** All that a caller can see, without what differs by design. */
async function gotAs(reply: Promise<Response>): Promise<unknown> {
  let response: Response;
  try {
    response = await reply;
  } catch {
    return "no response";
  }
  const { status, ok, url, redirected, type, body, bodyUsed } = response;
  const coded = /^(gzip|br)$/i.test(response.headers.get("content-encoding") ?? "");
  const decoded = coded || !response.headers.has("content-encoding");
  const headers = [...response.headers].filter(([name]) => {
    // fetch leaves both where it has decompressed the body, and we don't.
    return !decoded || (name !== "content-encoding" && name !== "content-length");
  });
  const text = await response.text().catch(() => "no body");
  return {
    status,
    ok,
    url,
    redirected,
    type,
    headers,
    bodiless: body === null,
    bodyUsed,
    after: response.bodyUsed,
    text,
  };
}

for (const seed of [1, 2, 3]) {
  Deno.test(`exchanges look the same as with fetch, to the server and to the caller (seed ${seed})`, async () => {
    const random = new Random(seed);
    let answers: Answer[] = [];
    let seen: string[][] = [];
    await rawWorld(async (connection) => {
      for (;;) {
        const request = await connection.request();
        seen.push(seenAs(request));
        const answer = answers.shift();
        if (answer === undefined) throw new Error(`Nothing is left to answer ${seen.at(-1)![0]} with`);
        for (const bytes of answer.writes) await connection.write(bytes);
        if (answer.closes) return;
      }
    }, async ({ origin, port }) => {
      await using call = chain(http({ origin, client: "sockets" }), pool({ max: 4 }));
      using client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
      const platforms = (request: Request): Promise<Response> => fetch(request, { client });
      for (let i = 0; i < 120; i++) {
        const scripted = exchange(random);
        const results = [];
        for (const send of [call, platforms]) {
          answers = scripted.answers(origin, port);
          seen = [];
          const got = await within(gotAs(send(scripted.request(origin))), scripted.what);
          results.push({ got, seen });
        }
        assert.deepEqual(results[0], results[1], scripted.what);
      }
    });
  });
}
