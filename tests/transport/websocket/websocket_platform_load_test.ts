/**
 * platformWebSocket() where there is no `Deno`: as in a browser, and on an edge
 * runtime.
 *
 * @module
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { mux, serve, websocket } from "../../../mod.ts";
import { run } from "../../support/process.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const at = (path: string): string => JSON.stringify(new URL(`../../../${path}`, import.meta.url).href);

/** Runs a script without `Deno`; gives what it printed. */
async function withoutDeno(script: string): Promise<string> {
  const head = `
    delete globalThis.Deno;
    if (typeof Deno !== "undefined") throw new Error("Deno is still there");
    const { platformWebSocket } = await import(${at("src/transport/websocket/websocket_platform.ts")});
  `;
  const args = [
    "run",
    "--no-check",
    "--no-prompt",
    "--cached-only",
    `--allow-read=${root}`,
    "--allow-net=127.0.0.1",
    "-",
  ];
  const result = await run(Deno.execPath(), args, { stdin: head + script, timeoutMs: 60_000, cwd: root });
  assert.equal(result.code, 0, result.stderr);
  return result.stdout;
}

Deno.test("makes calls to websocket() where there is no Deno, as a browser does", async () => {
  const transport = websocket({ port: 0 });
  const server = await serve(mux()(transport), (request) => request.map((byte) => byte + 1));
  const url = `ws://127.0.0.1:${server.addr.port}/`;
  const out = await withoutDeno(`
    const { mux } = await import(${at("src/session/mux.ts")});
    const session = await mux()(platformWebSocket({ url: ${JSON.stringify(url)} })).dial();
    console.log([...await session.call(new Uint8Array([1, 2, 3]))].join());
    await session.close();
    const dial = platformWebSocket({ url: ${JSON.stringify(url)}, headers: { a: "b" } }).dial();
    console.log(await dial.catch((error) => error.code));
  `);
  assert.equal(out, "2,3,4\nunsupported\n");
  await server.shutdown();
});

const upgrade = `
  const request = new Request("http://a/", { headers: {
    upgrade: "websocket",
    connection: "Upgrade",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    "sec-websocket-version": "13",
    "sec-websocket-protocol": "b",
  } });
`;

Deno.test("answers 501 where the platform has no way to upgrade", async () => {
  const out = await withoutDeno(`
    ${upgrade}
    const socket = platformWebSocket();
    await socket.listen(() => {});
    const response = await socket.fetch(request);
    console.log(response.status, await response.text());
  `);
  assert.match(out, /^501 WebSocket handshake refused: this platform has no way/);
});

Deno.test("upgrades by the pair of an edge runtime, whose sockets tell less", async () => {
  const out = await withoutDeno(`
    ${upgrade}
    class End extends EventTarget {
      readyState = 0;
      sent = [];
      accept() { this.readyState = 1; }
      send(message) { this.sent.push(message); }
      close(code, reason) { this.sent.push(code + reason); }
      tell(type, fields) { this.dispatchEvent(Object.assign(new Event(type), fields)); }
    }
    globalThis.WebSocketPair = class { 0 = new End(); 1 = new End(); };
    const pairs = [];
    const Response = globalThis.Response;
    globalThis.Response = class {
      constructor(body, init) { Object.assign(this, init); pairs.push(this.webSocket); }
    };
    const heard = [];
    let own;
    const Pair = globalThis.WebSocketPair;
    globalThis.WebSocketPair = class extends Pair { constructor() { super(); own = this[1]; } };
    const socket = platformWebSocket({ protocols: ["b"] });
    await socket.listen((channel) => channel.receive({
      message: (message) => channel.send(message),
      end: () => heard.push("end"),
      closed: (error) => heard.push(error?.code ?? "closed"),
    }));
    const response = await socket.fetch(request);
    console.log(response.status, JSON.stringify(response.headers), response.webSocket === pairs[0]);
    own.tell("message", { data: "hello" });
    own.tell("message", { data: new Uint8Array([1, 2]).buffer });
    console.log(own.sent.map(String).join(" "));
    own.tell("close", { code: 1001, reason: "moved" });
    console.log(heard.join());
  `);
  assert.equal(out, '101 {"sec-websocket-protocol":"b"} true\nhello 1,2\nend,draining\n');
});
