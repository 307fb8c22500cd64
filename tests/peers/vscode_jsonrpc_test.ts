/**
 * JSON-RPC as editors speak it: vscode-jsonrpc as the client of our server, and
 * our client with a real language server, `deno lsp`.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { once } from "node:events";
import { connect } from "node:net";
import {
  CancellationTokenSource,
  createMessageConnection,
  ResponseError,
  StreamMessageReader,
  StreamMessageWriter,
} from "vscode-jsonrpc/node";
import {
  chain,
  contentLength,
  type Handler,
  jsonRpc,
  jsonRpcError,
  type MethodCall,
  type MethodRequest,
  serve,
  stdio,
  type StdioExit,
  tcp,
} from "../../mod.ts";
import { until, within } from "../support/channels.ts";

Deno.test("vscode-jsonrpc calls, notifies, cancels, is called back and hears errors over contentLength() on TCP", async () => {
  const notified: unknown[] = [];
  let cancelled = 0;
  const handler: Handler<MethodRequest, unknown> = async (request, context) => {
    const { method, params } = request as MethodCall;
    switch (method) {
      case "echo":
        return params;
      case "back":
        return await context.peer!.call({ method: "who", params: [1] });
      case "note":
        return notified.push(params);
      case "fail":
        throw jsonRpcError(17, "No such account", { account: 7 });
      default:
        return await new Promise((_, reject) => {
          context.signal.addEventListener("abort", () => {
            cancelled++;
            reject(context.signal.reason);
          });
        });
    }
  };
  await using server = await serve(chain(tcp({ port: 0, framing: contentLength() }), jsonRpc()), handler);
  const socket = connect(server.addr.port!, "127.0.0.1");
  await once(socket, "connect");
  const connection = createMessageConnection(new StreamMessageReader(socket), new StreamMessageWriter(socket));
  connection.onRequest("who", (number: number) => `vscode ${number}`);
  connection.listen();
  assert.deepEqual(await connection.sendRequest("echo", { text: "grüße", list: [1, null] }), {
    text: "grüße",
    list: [1, null],
  });
  const many = await Promise.all(Array.from({ length: 100 }, (_, i) => connection.sendRequest("echo", [i])));
  // It puts a lone array into the list of arguments.
  assert.deepEqual(many, Array.from({ length: 100 }, (_, i) => [[i]]));
  assert.equal(await connection.sendRequest("back"), "vscode 1");
  await connection.sendNotification("note", "a word");
  await until(() => notified.length === 1, "the notification");
  assert.deepEqual(notified, [["a word"]]);
  await assert.rejects(connection.sendRequest("fail"), (error) => {
    assert.ok(error instanceof ResponseError);
    assert.deepEqual([error.code, error.message, error.data], [17, "No such account", { account: 7 }]);
    return true;
  });
  const source = new CancellationTokenSource();
  const forever = connection.sendRequest("forever", source.token);
  await until(() => server.calls.inFlight === 1, "the call");
  source.cancel();
  await assert.rejects(forever, { code: -32800 });
  assert.equal(cancelled, 1);
  connection.dispose();
  const closed = once(socket, "close");
  socket.end();
  await closed;
});

Deno.test("our client speaks with a real language server: deno lsp", async () => {
  const exits: StdioExit[] = [];
  const wire = chain(
    stdio({
      command: { program: Deno.execPath(), args: ["lsp"], onExit: (exit) => exits.push(exit) },
      framing: contentLength(),
      stderr: "ignore",
      graceMs: 5000,
    }),
    jsonRpc(),
  );
  const asked: string[] = [];
  const session = await wire.dial({
    // What a language server asks of its editor.
    handler: (request) => {
      const { method, params } = request as MethodCall;
      asked.push(method);
      return method === "workspace/configuration"
        ? (params as { items: unknown[] }).items.map(() => ({ enable: true }))
        : null;
    },
  });
  const capabilities = { workspace: { configuration: true }, textDocument: { hover: { contentFormat: ["markdown"] } } };
  const initialized = await within(
    session.call({ method: "initialize", params: { processId: Deno.pid, rootUri: null, capabilities } }),
    "initialize",
  ) as { serverInfo: { name: string } };
  assert.match(initialized.serverInfo.name, /deno/);
  await session.send({ method: "initialized", params: {} });
  const uri = "file:///wireway_hover.ts";
  const text = "/** The answer. */\nconst answer = 42;\nconsole.log(answer);\n";
  await session.send({
    method: "textDocument/didOpen",
    params: { textDocument: { uri, languageId: "typescript", version: 1, text } },
  });
  const hover = await within(
    session.call({
      method: "textDocument/hover",
      params: { textDocument: { uri }, position: { line: 2, character: 14 } },
    }),
    "hover",
  );
  assert.match(JSON.stringify(hover), /const answer: 42/);
  await assert.rejects(session.call({ method: "no/such/method" }), { code: "remote", processed: "no" });
  assert.equal(await session.call({ method: "shutdown" }), null);
  await session.send({ method: "exit" });
  await within(session.finished, "the end of the language server");
  assert.deepEqual(exits, [{ exitCode: 0, signal: null }]);
});

Deno.test("vscode-jsonrpc speaks with deno lsp through our channels: TCP on the one side, stdio() on the other", async () => {
  const exits: StdioExit[] = [];
  const framing = contentLength();
  const command = { program: Deno.execPath(), args: ["lsp"], onExit: (exit: StdioExit) => exits.push(exit) };
  const server = await stdio({ command, framing, stderr: "ignore", graceMs: 5000 }).dial();
  const over = Promise.withResolvers<void>();
  const listener = await tcp({ port: 0, framing }).listen((editor) => {
    editor.receive({
      message: (message) => server.send(message),
      end: () => void server.close(),
      closed: () => over.resolve(),
    });
    server.receive({
      message: (message) => editor.send(message),
      end: () => void editor.close(),
      closed: () => void editor.close(),
    });
  });
  const socket = connect(listener.addr.port!, "127.0.0.1");
  await once(socket, "connect");
  const gone = once(socket, "close");
  const connection = createMessageConnection(new StreamMessageReader(socket), new StreamMessageWriter(socket));
  connection.listen();
  const params = { processId: Deno.pid, rootUri: null, capabilities: {} };
  const { serverInfo } = await within(
    connection.sendRequest<{ serverInfo: { name: string } }>("initialize", params),
    "initialize",
  );
  assert.match(serverInfo.name, /deno/);
  await connection.sendNotification("initialized", {});
  assert.equal(await within(connection.sendRequest("shutdown"), "shutdown"), null);
  await connection.sendNotification("exit");
  await until(() => exits.length === 1, "the exit of the language server");
  assert.deepEqual(exits, [{ exitCode: 0, signal: null }]);
  connection.dispose();
  socket.end();
  await within(gone, "the end of the socket");
  await within(over.promise, "the end of the editor's channel");
  await listener.close();
});
