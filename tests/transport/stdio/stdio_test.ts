/**
 * stdio(): programs that are started, talked to, and ended.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { fileURLToPath } from "node:url";
import {
  batch,
  chain,
  type Channel,
  type ChannelTransport,
  describe,
  jsonRpc,
  lengthPrefix,
  newline,
  stdio,
  type StdioExit,
  type StdioOptions,
  TransportError,
} from "../../../mod.ts";
import { failure } from "../../support/calls.ts";
import { bytesOf, numbered, Recorder, sameBytes, until, untilStill, within } from "../../support/channels.ts";

const program = fileURLToPath(new URL("_programs.ts", import.meta.url));

/** The program of the tests, doing one thing. */
function running(what: string[], options: StdioOptions = {}, exits: StdioExit[] = []): ChannelTransport {
  const args = ["run", "--no-check", "--allow-all", program, ...what];
  return stdio({
    framing: lengthPrefix(),
    stderr: "ignore",
    command: { program: Deno.execPath(), args, onExit: (exit) => exits.push(exit) },
    ...options,
  });
}

async function heard(transport: ChannelTransport): Promise<{ channel: Channel; recorder: Recorder }> {
  const channel = await transport.dial();
  const recorder = new Recorder();
  channel.receive(recorder);
  return { channel, recorder };
}

const text = (recorder: Recorder): string[] =>
  recorder.messages.map((message) => new TextDecoder().decode(bytesOf(message)));

Deno.test("stdio() talks to a program that answers through stdio(), and is over when the program is", async () => {
  const exits: StdioExit[] = [];
  const { channel, recorder } = await heard(running(["echo"], {}, exits));
  assert.equal(channel.remote.path, Deno.execPath());
  for (let i = 0; i < 50; i++) await channel.send(numbered(i, 1 + i * 1000));
  await recorder.count(50);
  recorder.messages.forEach((message, i) => sameBytes(bytesOf(message), numbered(i, 1 + i * 1000), `message ${i}`));
  const closing = channel.close();
  assert.equal(channel.close(), closing);
  await within(closing, "close()");
  assert.deepEqual(exits, [{ exitCode: 0, signal: null }]);
  assert.equal(await recorder.over(), undefined);
  recorder.checkOver();
});

Deno.test("stdio() ends the channel, and not the program, where the program does not accept it", async () => {
  const { channel, recorder } = await heard(running(["throw"]));
  assert.equal(await recorder.until(() => recorder.ends === 1, "the end"), undefined);
  await within(channel.close(), "close()");
  assert.equal(await recorder.over(), undefined);
});

Deno.test("stdio() says with which code a program has exited, after what it had said", async () => {
  const { channel, recorder } = await heard(running(["exit", "7"]));
  await recorder.count(1);
  await channel.send("go");
  const error = await recorder.over();
  assert.deepEqual([error?.code, error?.details], ["connection-lost", { exitCode: 7, signal: null }]);
  assert.match(error!.message, /is gone: it exited with code 7$/);
  assert.deepEqual(text(recorder), ["hello"]);
  await within(channel.close(), "close()");
});

Deno.test("stdio() takes an exit with 0 for the end of the far side", async () => {
  const { channel, recorder } = await heard(running(["exit", "0"]));
  await recorder.count(1);
  await channel.send("go");
  await recorder.until(() => recorder.ends === 1, "the end");
  await within(channel.close(), "close()");
  assert.equal(await recorder.over(), undefined);
});

Deno.test("stdio() says by which signal a program was ended", async () => {
  const { channel, recorder } = await heard(running(["stubborn"], { graceMs: 10_000 }));
  await recorder.count(1);
  const pid = await pidOf("stubborn");
  Deno.kill(pid, "SIGKILL");
  assert.deepEqual((await recorder.over())?.details, { exitCode: 137, signal: "SIGKILL" });
  await within(channel.close(), "close()");
});

/** The process of this test's own that runs the program. */
async function pidOf(what: string): Promise<number> {
  const { stdout } = await new Deno.Command("ps", { args: ["-o", "pid=,args=", "--ppid", `${Deno.pid}`] }).output();
  const line = new TextDecoder().decode(stdout).split("\n").find((each) => each.includes(`_programs.ts ${what}`));
  assert.ok(line !== undefined, "the program runs");
  return Number.parseInt(line);
}

Deno.test("stdio() ends a program that does not end by itself: by SIGTERM, and by SIGKILL where that is not enough", async () => {
  for (const [how, signal] of [["term", "SIGTERM"], ["not even", "SIGKILL"]]) {
    const exits: StdioExit[] = [];
    const { channel, recorder } = await heard(running(["stubborn", how], { graceMs: 50 }, exits));
    await recorder.count(1);
    await within(channel.close(), "close()");
    assert.equal(exits[0].signal, signal);
    await recorder.over();
    recorder.checkOver();
  }
});

Deno.test("stdio() ends the program of a channel that is aborted, and its close() waits for that", async () => {
  const exits: StdioExit[] = [];
  const { channel, recorder } = await heard(running(["stubborn"], { graceMs: 50 }, exits));
  await recorder.count(1);
  const why = new TransportError("cancelled", "Test: enough");
  channel.abort(why);
  assert.equal(recorder.error, why);
  assert.equal(exits.length, 0);
  await within(channel.close(), "close()");
  assert.equal(exits[0].signal, "SIGKILL");
  recorder.checkOver();
});

Deno.test("stdio() gives the lines of a program's standard error to a function, the last one too", async () => {
  const lines: string[] = [];
  const take = (line: string): void => {
    lines.push(line);
    throw new Error("Test: a fault of the listener's own");
  };
  const { channel, recorder } = await heard(running(["errors"], { stderr: take }));
  await recorder.until(() => recorder.ends === 1, "the end");
  await within(channel.close(), "close()");
  assert.deepEqual(lines, ["first", "grüße", "", "no end"]);
});

Deno.test("stdio() stops a program whose messages are not taken", async () => {
  const gate = Promise.withResolvers<void>();
  const channel = await running(["echo"], { highWaterBytes: 65_536 }).dial();
  const recorder = new Recorder(() => gate.promise);
  channel.receive(recorder);
  let sent = 0;
  // The program's echo can't go out, so it reads no more, and then this end is told to wait.
  let held = 0;
  while (held === 0 && sent < 1000) {
    const room = channel.send(numbered(sent++, 50_000));
    if (room !== undefined) held = await Promise.race([room.then(() => 0), untilStill(() => channel.bufferedBytes)]);
  }
  assert.ok(held > 0, "nothing held the sender back");
  gate.resolve();
  await recorder.count(sent);
  recorder.messages.forEach((message, i) => sameBytes(bytesOf(message), numbered(i, 50_000), `message ${i}`));
  await within(channel.close(), "close()");
});

Deno.test("stdio() says what it can't do", async () => {
  const missing = stdio({ command: { program: "no-such-program-at-all" } });
  const error = await failure(missing.dial(), "connect-failed", "no");
  assert.equal(error.message, "Cannot start no-such-program-at-all: there is no such program, or no such folder");
  await failure(missing.listen(() => {}), "unsupported", "no");
  await failure(missing.dial({ signal: AbortSignal.abort() }), "cancelled", "no");
  assert.throws(() => stdio({ command: { program: "" } }), { code: "invalid-option" });
  assert.throws(() => stdio({ command: {} as never }), { code: "invalid-option", message: /program is undefined/ });
  assert.throws(() => stdio({ stderr: "loud" as never }), { code: "invalid-option" });
  assert.throws(() => stdio({ highWaterBytes: 10, maxBufferedBytes: 5 }), { code: "invalid-option" });
  assert.match(describe(stdio({ command: { program: "deno", args: ["lsp"] } })), /^stdio\(\{ .*command: "deno lsp"/);
});

Deno.test("stdio() is the channel of its own process once only", async () => {
  const { channel, recorder } = await heard(running(["twice"], { framing: newline() }));
  await recorder.count(1);
  assert.match(text(recorder)[0], /^address-in-use: Cannot use standard input and output/);
  await within(channel.close(), "close()");
});

Deno.test("stdio() serves calls in both directions, and the server is finished when its parent is", async () => {
  const lines: string[] = [];
  const wire = chain(
    running(["serve"], { framing: newline(), stderr: (line) => lines.push(line) }),
    jsonRpc(),
  );
  const session = await wire.dial({ handler: (request) => ["back", request] });
  assert.deepEqual(await session.call({ method: "forth", params: { a: 1 } }), ["back", {
    method: "back",
    params: { a: 1 },
  }]);
  await within(session.close(), "the session's end");
  assert.deepEqual(lines, ["finished"]);
});

Deno.test("calls in flight learn the exit code of a program that dies", async () => {
  const wire = chain(running(["exit", "3"]), jsonRpc());
  const session = await wire.dial();
  const error = await failure(session.call({ method: "anything" }), "connection-lost", "maybe");
  assert.deepEqual(error.details, { exitCode: 3, signal: null });
  await session.finished;
});

Deno.test("batch() in lines sends the messages of a turn to a program as one write, each on its line", async () => {
  const wire = chain(
    stdio({ command: { program: "cat" }, framing: newline({ manyLines: true }) }),
    batch({ format: "newline" }),
  );
  const { channel, recorder } = await heard(wire);
  for (let i = 0; i < 250; i++) void channel.send(`message ${i}`);
  await recorder.count(250);
  assert.deepEqual(text(recorder), Array.from({ length: 250 }, (_, i) => `message ${i}`));
  await within(channel.close(), "close()");
  await until(() => recorder.closes === 1, "the end");
});
