/**
 * A to-do list: one contract, served to programs over TCP and to a page over
 * WebSocket.
 *
 * - `deno task todos` serves it, and its page;
 * - `deno task todos:call add "buy milk"`, `… list`, `… done 1`, `… watch` call it.
 *
 * `--tcp-port N` and `--http-port N` say where; 0 is any free port.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { chain, implement, methods, mux, platformWebSocket, serve, tcp, Topic, TransportError } from "@wireway/wireway";
import { type Todo, todos } from "./contract.ts";

const hostname = "127.0.0.1";
const maxTodos = 1000;

/** Where the list is served; 0 is any free port. */
export interface TodosOptions {
  tcpPort: number;
  httpPort: number;
}

/** The list, and what its methods do. */
function todoList() {
  const list = new Map<number, Todo>();
  const changes = new Topic<Todo>();
  let lastId = 0;
  const changed = (todo: Todo): Todo => {
    list.set(todo.id, todo);
    changes.publish(todo);
    return todo;
  };
  return implement(todos, {
    add({ text }) {
      if (list.size >= maxTodos) {
        throw new TransportError("overloaded", `The list is full: it has ${list.size} entries`);
      }
      return changed({ id: ++lastId, text, done: false });
    },
    done({ id, done }) {
      const todo = list.get(id);
      if (todo === undefined) throw new TransportError("invalid-request", `There is no entry ${id}`);
      return changed({ ...todo, done });
    },
    list: () => [...list.values()],
    async *watch(_, { signal }) {
      // Listens before it tells what there is, so that nothing falls between.
      const updates = changes.messages({ signal });
      yield [...list.values()];
      for await (const _ of updates) yield [...list.values()];
    },
  });
}

/** The page's program, bundled as browsers want it. */
async function bundled(): Promise<Uint8Array<ArrayBuffer>> {
  const page = new URL("page.ts", import.meta.url).pathname;
  const args = ["bundle", "--quiet", "--platform", "browser", page];
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
  if (code !== 0) throw new Error(new TextDecoder().decode(stderr));
  return stdout;
}

/** Serves the list over both, and its page; disposing ends it. */
export async function serveTodos({ tcpPort, httpPort }: TodosOptions) {
  const handler = todoList();
  const [script, html] = await Promise.all([bundled(), Deno.readFile(new URL("page.html", import.meta.url))]);
  const socket = platformWebSocket();
  const streams = { streams: true } as const;
  const overSocket = await serve(chain(socket, mux(streams), methods()), handler);
  const overTcp = await serve(chain(tcp({ hostname, port: tcpPort }), mux(streams), methods()), handler);
  const pages = Deno.serve({ hostname, port: httpPort, onListen() {} }, (request, info) => {
    switch (new URL(request.url).pathname) {
      case "/":
        return new Response(html, { headers: { "content-type": "text/html; charset=utf-8" } });
      case "/page.js":
        return new Response(script, { headers: { "content-type": "text/javascript; charset=utf-8" } });
      case "/calls":
        return socket.fetch(request, info);
      default:
        return new Response("Not found\n", { status: 404 });
    }
  });
  return {
    tcpPort: overTcp.addr.port!,
    httpPort: pages.addr.port,
    async [Symbol.asyncDispose](): Promise<void> {
      await Promise.all([overSocket, overTcp].map((server) => server.shutdown({ graceMs: 500 })));
      await pages.shutdown();
    },
  };
}

if (import.meta.main) {
  const { values: flags } = parseArgs({
    options: {
      "tcp-port": { type: "string", default: "9005" },
      "http-port": { type: "string", default: "8005" },
    },
  });
  const { tcpPort, httpPort } = await serveTodos({
    tcpPort: Number(flags["tcp-port"]),
    httpPort: Number(flags["http-port"]),
  });
  console.log(`page:  http://${hostname}:${httpPort}/`);
  console.log(`calls: deno task todos:call --port ${tcpPort} add "buy milk"`);
}
