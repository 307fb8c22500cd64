/**
 * Everything that needs no sockets, where there is no Deno: Node, Bun, workerd
 * and Chromium, each with a bundle of its own.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import {
  chain,
  EventStreamParser,
  http,
  httpCalls,
  mountedSse,
  mux,
  platformWebSocket,
  reconnect,
  serve,
  text,
  websocket,
} from "../../mod.ts";
import { chromium, openPage } from "../support/browser.ts";
import { peerTest, run, start } from "../support/peer.ts";
import { bundle, npx, runtime } from "./_runtimes.ts";
import { expected, scenario } from "./_scenario.ts";

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("the scenario is what it must be in Deno itself", async () => {
  assert.deepEqual(await scenario(), expected);
});

for (const name of ["node", "bun"] as const) {
  peerTest(`everything without sockets works in ${name}`, [npx], () =>
    inFolder(async (folder) => {
      const program = await bundle("_script.ts", folder);
      const { code, stdout, stderr } = await run(await runtime(name), [program], { timeoutMs: 60_000 });
      assert.equal(code, 0, stderr);
      assert.deepEqual(JSON.parse(stdout), { deno: "undefined", result: expected });
    }));
}

/** The configuration of workerd for one worker. */
function configOf(program: string): string {
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .worker)],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
const worker :Workerd.Worker = (
  modules = [(name = "worker", esModule = embed "${program}")],
  compatibilityDate = "2026-01-01",
);
`;
}

peerTest(
  "everything without sockets works in workerd, made at load and asked over the network",
  [npx],
  () =>
    inFolder(async (folder) => {
      await bundle("_worker.ts", folder);
      await Deno.writeTextFile(join(folder, "config.capnp"), configOf("_worker.mjs"));
      const args = ["serve", "config.capnp", "--control-fd=1"];
      await using worker = start(await runtime("workerd"), args, {
        cwd: folder,
        timeoutMs: 60_000,
        stopSignal: "SIGTERM",
      });
      const [, digits] = await worker.until(/"port":(\d+)/);
      const port = Number(digits);
      const at = `http://127.0.0.1:${port}`;

      const { deno, budget, result } = await (await fetch(`${at}/scenario`)).json();
      assert.deepEqual([deno, budget], ["undefined", true]);
      assert.deepEqual(result, expected);

      for (const path of ["/calls", "/hono-calls"]) {
        await using call = chain(http({ port }), httpCalls({ path }), reconnect());
        assert.deepEqual(await call(new Uint8Array([1, 2, 3])), new Uint8Array([3, 2, 1]));
      }

      const seen: string[] = [];
      const parser = new EventStreamParser({ event: ({ data, id }) => seen.push(`${id} ${data}`) });
      for await (const chunk of (await fetch(`${at}/events`)).body!) parser.push(chunk);
      assert.deepEqual(seen, ["1 event 1", "2 event 2", "3 event 3"]);

      const session = await chain(websocket({ port, path: "/socket" }), mux(), text()).dial();
      assert.equal(await session.call("worker"), "hello worker");
      await session.close();

      const statuses = [await fetch(`${at}/limited/page`), await fetch(`${at}/limited/page`)];
      assert.deepEqual(statuses.map(({ status }) => status), [200, 429]);
      for (const response of statuses) await response.body?.cancel();
      assert.equal(worker.stderr, "");
    }),
);

peerTest(
  "everything without sockets works in Chromium, with calls to a server from there",
  [chromium],
  () =>
    inFolder(async (folder) => {
      const script = await Deno.readFile(await bundle("_page.ts", folder));
      const [socket, live] = [platformWebSocket(), mountedSse()];
      const hello = (name: string): string => `hello ${name}`;
      const sockets = await serve(chain(socket, mux(), text()), hello);
      const lives = await serve(chain(live, mux(), text()), hello);
      const page = `<!doctype html><link rel="icon" href="data:,"><script type="module" src="/page.mjs"></script>`;
      const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request, info) => {
        const { pathname } = new URL(request.url);
        if (pathname === "/socket") return socket.fetch(request, info);
        if (pathname === "/live") return live.fetch(request, info);
        if (pathname === "/hello") return new Response(hello(await request.text()));
        if (pathname === "/page.mjs") return new Response(script, { headers: { "content-type": "text/javascript" } });
        return new Response(page, { headers: { "content-type": "text/html" } });
      });
      {
        await using open = await openPage(`http://127.0.0.1:${server.addr.port}/`);
        await open.until("document.title.startsWith('{')");
        assert.deepEqual(JSON.parse(await open.page.title()), {
          deno: "undefined",
          result: expected,
          calls: ["hello over a socket", "hello over events", `hello ${"x".repeat(14)}`, "hello over fetch"],
        });
        assert.deepEqual(open.errors, []);
      }
      await sockets.shutdown();
      await lives.shutdown();
      await server.shutdown();
    }),
);
