/**
 * http(): a POST is not sent twice behind its caller's back.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { http, type TransportError } from "../../mod.ts";
import { within } from "../support/channels.ts";

const answer = new TextEncoder().encode("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");

/** A server that answers the first request on its first connection, and closes it when the second one comes. */
function rawServer(): { port: number; requests: string[]; close(): Promise<void> } {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const requests: string[] = [];
  let connections = 0;
  const serveOne = async (connection: Deno.Conn): Promise<void> => {
    const first = ++connections === 1;
    try {
      for (let onThis = 1;; onThis++) {
        let text = "";
        // A head, and a body that ends with an exclamation mark.
        while (!/\r\n\r\n[^]*!/.test(text)) {
          const buffer = new Uint8Array(4096);
          const count = await connection.read(buffer);
          if (count === null) return;
          text += new TextDecoder().decode(buffer.subarray(0, count));
        }
        requests.push(text);
        if (first && onThis === 2) return;
        await connection.write(answer);
      }
    } finally {
      connection.close();
    }
  };
  const served: Promise<void>[] = [];
  const accepting = (async () => {
    for await (const connection of listener) served.push(serveOne(connection).catch(() => {}));
  })();
  const close = async (): Promise<void> => {
    listener.close();
    await accepting;
    await Promise.all(served);
  };
  return { port: listener.addr.port, requests, close };
}

/** Two calls one after the other on one connection; gives how often the second one was seen, and how it ended. */
async function secondCall(
  method: string,
  resend: boolean,
  client: "fetch" | "sockets",
): Promise<{ seen: number; ended: string }> {
  const server = rawServer();
  const origin = `http://127.0.0.1:${server.port}`;
  const session = await http({ origin, resend, client }).dial();
  let ended = "answered";
  try {
    const call = async (body: string): Promise<void> => {
      const response = await session.call(new Request(origin, { method, body }));
      assert.equal(await response.text(), "ok");
    };
    await within(call("first!"), "the first call");
    await within(call("second!"), "the second call").catch((error: TransportError) => {
      ended = `${error.code} ${error.processed}`;
    });
  } finally {
    await session.close();
    await within(server.close(), "the server's end");
  }
  return { seen: server.requests.filter((text) => text.includes("second!")).length, ended };
}

for (const client of ["sockets", "fetch"] as const) {
  for (const method of ["POST", "PATCH"]) {
    const behaviour = "is sent once where its kept-alive connection turns out to be dead, and says maybe";
    Deno.test(`a ${method} ${behaviour} [${client}]`, async () => {
      assert.deepEqual(await secondCall(method, false, client), { seen: 1, ended: "connection-lost maybe" });
    });
  }
}

Deno.test("with resend the platform may send a POST again, and it is answered", async () => {
  assert.deepEqual(await secondCall("POST", true, "fetch"), { seen: 2, ended: "answered" });
});

Deno.test("a PUT may be sent again by the platform, for that does no harm, and never is on own sockets", async () => {
  assert.deepEqual(await secondCall("PUT", false, "fetch"), { seen: 2, ended: "answered" });
  assert.deepEqual(await secondCall("PUT", true, "sockets"), { seen: 1, ended: "connection-lost maybe" });
});
