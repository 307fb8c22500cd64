/**
 * Who may open a WebSocket: the same table for both forms.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  type Channel,
  type ChannelTransport,
  type Listener,
  type TransportEvent,
  websocket,
  type WebSocketCommonOptions,
  type WebSocketRequest,
} from "../../../mod.ts";
import { until } from "../../support/channels.ts";
import { mountedServer } from "../../support/mounted.ts";
import { openRaw, raw, upgradeLines, without } from "./_websocket_raw.ts";

/** A form of WebSocket, listening. */
interface Served {
  readonly listener: Listener;
  readonly port: number;
  end(): Promise<void>;
}

const echo = (channel: Channel): void =>
  channel.receive({ message: (message) => channel.send(message), end: () => void channel.close(), closed: () => {} });

async function serveOn(transport: ChannelTransport): Promise<Listener> {
  return await transport.listen(echo);
}

const forms: Record<string, (options: WebSocketCommonOptions) => Promise<Served>> = {
  "websocket()": async (options) => {
    const listener = await serveOn(websocket({ port: 0, ...options }));
    return { listener, port: listener.addr.port!, end: () => listener.close() };
  },
  "platformWebSocket()": async (options) => {
    const server = mountedServer(options);
    const listener = await serveOn(server.transport);
    const end = async (): Promise<void> => {
      await listener.close();
      await server.end();
    };
    return { listener, port: server.port, end };
  },
};

const bearer = ({ headers }: WebSocketRequest): boolean => {
  if (headers.get("authorization") === "Bearer broken") throw new Error("the secret of the database");
  return headers.get("authorization") !== "Bearer wrong";
};

/** What each request is answered with. */
const table: [status: number, says: RegExp, lines: string[]][] = [
  [405, /allow: GET/i, upgradeLines.with(0, "POST / HTTP/1.1")],
  [426, /sec-websocket-version: 13/i, without("Upgrade")],
  [426, /upgrade: websocket/i, upgradeLines.with(2, "Upgrade: h2c")],
  [426, /sec-websocket-version: 13/i, [...without("Connection"), "Connection: close"]],
  [426, /sec-websocket-version: 13/i, upgradeLines.with(5, "Sec-WebSocket-Version: 8")],
  [426, /sec-websocket-version: 13/i, without("Sec-WebSocket-Version")],
  [400, /./, without("Sec-WebSocket-Key")],
  [400, /./, upgradeLines.with(4, "Sec-WebSocket-Key: short")],
  [400, /./, [...upgradeLines, "Sec-WebSocket-Protocol: a, , b"]],
  [403, /./, [...upgradeLines, "Origin: https://evil.example"]],
  [403, /./, [...upgradeLines, "Origin: null"]],
  [401, /./, [...upgradeLines, "Authorization: Bearer wrong"]],
  [500, /./, [...upgradeLines, "Authorization: Bearer broken"]],
];

/** A close frame of a client, so that a connection that was let in ends. */
const close = [0x88, 0x80, 0, 0, 0, 0];

for (const [name, serve] of Object.entries(forms)) {
  Deno.test(`${name} answers a handshake that is not one with the status that says why`, async () => {
    const events: TransportEvent[] = [];
    const options = { origins: ["https://shop.example"], protocols: ["b"], authenticate: bearer };
    const served = await serve({ ...options, observer: (event) => events.push(event) });
    for (const [status, says, lines] of table) {
      // Somebody else's server keeps the connection, so the body ends by its length there.
      const conn = await openRaw(served.port, lines);
      const buffer = new Uint8Array(4096);
      let text = "";
      while (!/\r\n\r\n[^]*\n$/.test(text)) {
        const count = await conn.read(buffer);
        if (count === null) break;
        text += new TextDecoder().decode(buffer.subarray(0, count));
      }
      conn.close();
      assert.match(text, new RegExp(`^HTTP/1\\.1 ${status} `), lines.join(" | "));
      assert.match(text, says);
      assert.match(text, /WebSocket handshake refused: /);
      assert.doesNotMatch(text, /secret/);
    }
    assert.equal(served.listener.counters.connectionsRefused, table.length);
    assert.equal(served.listener.counters.connectionsAccepted, 0);
    assert.equal(events.filter(({ type }) => type === "connection-refused").length, table.length);
    await served.end();
  });

  Deno.test(`${name} lets in pages of its own origin and of those that are listed`, async () => {
    const served = await serve({ origins: ["https://shop.example"] });
    for (const origin of ["http://127.0.0.1", "HTTP://127.0.0.1", "https://shop.example"]) {
      const { head } = await raw(served.port, [...upgradeLines, `Origin: ${origin}`], close);
      assert.match(head, /^HTTP\/1\.1 101 /, origin);
      assert.match(head, /sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/i);
    }
    await served.end();
    const open = await serve({ origins: ["*"] });
    assert.match(
      (await raw(open.port, [...upgradeLines, "Origin: https://any.example"], close)).head,
      /^HTTP\/1\.1 101 /,
    );
    await open.end();
  });

  Deno.test(`${name} answers with the first of its own protocols that the client offers, or with none`, async () => {
    const served = await serve({ protocols: ["b", "a"] });
    const ask = async (line: string): Promise<string | undefined> => {
      const { head } = await raw(served.port, [...upgradeLines, line], close);
      return /sec-websocket-protocol: (.*)\r\n/i.exec(head)?.[1];
    };
    assert.equal(await ask("Sec-WebSocket-Protocol: a, b, c"), "b");
    assert.equal(await ask("Sec-WebSocket-Protocol: a"), "a");
    assert.equal(await ask("Sec-WebSocket-Protocol: c"), undefined);
    assert.equal(await ask("X-Other: 1"), undefined);
    await served.end();
  });

  Deno.test(`${name} asks the hook with path, query and fields, and waits for it`, async () => {
    const asked: WebSocketRequest[] = [];
    const served = await serve({
      authenticate: async (request) => {
        asked.push(request);
        await Promise.resolve();
        return true;
      },
    });
    const { head } = await raw(served.port, [...upgradeLines.with(0, "GET /?token=7 HTTP/1.1"), "X-User: eve"], close);
    assert.match(head, /^HTTP\/1\.1 101 /);
    assert.deepEqual(asked.map(({ target, headers }) => [target, headers.get("x-user")]), [["/?token=7", "eve"]]);
    await served.end();
  });

  Deno.test(`${name} turns away who is over the limit, those included that are still looked at`, async () => {
    const gate = Promise.withResolvers<boolean>();
    const served = await serve({ maxConnections: 1, authenticate: () => gate.promise });
    const first = await openRaw(served.port, upgradeLines);
    // Its own server closes at once, since it has not read a byte; a mounted one answers.
    const { counters } = served.listener;
    const buffer = new Uint8Array(1000);
    let answers = 0;
    for (let i = 0; i < 3; i++) {
      const conn = await openRaw(served.port, upgradeLines);
      const count = await conn.read(buffer).catch(() => null);
      if (count !== null) {
        assert.match(new TextDecoder().decode(buffer.subarray(0, count)), /^HTTP\/1\.1 503 /);
        answers++;
      }
      conn.close();
    }
    assert.equal(answers, name === "websocket()" ? 0 : 3);
    assert.equal(counters.connectionsRefused, 3);
    gate.resolve(true);
    await until(() => counters.connectionsOpen === 1, "the first to be let in");
    await first.write(new Uint8Array(close));
    await until(() => counters.connectionsOpen === 0, "its end");
    first.close();
    await served.end();
  });
}
