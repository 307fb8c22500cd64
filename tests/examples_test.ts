/**
 * The example server and client, run as a user runs them.
 *
 * @module
 */

import assert from "node:assert/strict";
import { run, type RunningProcess, type RunResult, start } from "./support/process.ts";

const root = new URL("..", import.meta.url).pathname;
const places = ["tcp", "line", "frame", "http", "chat", "ticker"];
const anyPorts = places.flatMap((name) => [`--${name}-port`, "0"]);
/** Long enough for a first run that compiles and type-checks nothing else. */
const timeoutMs = 60_000;

function startServer(...flags: string[]): RunningProcess {
  const args = ["run", "--allow-net", "--allow-env", "--allow-read=examples/pages", "examples/server.ts", ...flags];
  return start(Deno.execPath(), args, { cwd: root, timeoutMs, stopSignal: "SIGINT" });
}

/** The ports in what the server prints, once it has said everything. */
async function portsOf(server: RunningProcess): Promise<Record<string, number>> {
  const ports: Record<string, number> = {};
  for (const name of places) {
    ports[name] = Number((await server.until(new RegExp(`^${name} +127\\.0\\.0\\.1:(\\d+)`)))[1]);
  }
  await server.until(/^Ctrl-C ends it/);
  return ports;
}

function call(args: string[], stdin?: string): Promise<RunResult> {
  const command = ["run", "--allow-net", "--allow-env", "examples/call.ts", ...args];
  return run(Deno.execPath(), command, { cwd: root, timeoutMs, stdin });
}

Deno.test("the example server answers the example client over TCP and HTTP, and ends in order on SIGINT", async () => {
  await using server = startServer(...anyPorts);
  const ports = await portsOf(server);
  const [overTcp, overHttp] = await Promise.all([
    call(["--to", `tcp://127.0.0.1:${ports.tcp}`, "hello", "world"]),
    call(["--to", `http://127.0.0.1:${ports.http}`, "sum", "1", "2", "3"]),
  ]);
  assert.match(overTcp.stdout, /^hello, world\n +[\d.]+ ms\n$/);
  assert.equal(overTcp.code, 0);
  assert.match(overHttp.stdout, /^6\n +[\d.]+ ms\n$/);
  assert.equal(await server.stop(), 0);
});

Deno.test("the example client sends each line that is piped in, and says what went wrong", async () => {
  await using server = startServer(...anyPorts);
  const { tcp } = await portsOf(server);
  const { stdout, stderr, code } = await call(["--to", `tcp://127.0.0.1:${tcp}`], "hello a\nsum 1 x\nhello b\n");
  assert.match(stdout, /hello, a[^]*hello, b/);
  assert.match(stderr, /invalid-request: Cannot add x: it is not a number/);
  assert.equal(code, 1);
});

Deno.test("the example client makes a burst and prints its percentiles", async () => {
  await using server = startServer(...anyPorts);
  const { tcp } = await portsOf(server);
  const burst = ["--count", "2000", "--concurrency", "50", "--to", `tcp://127.0.0.1:${tcp}`, "hello"];
  const { stdout, code } = await call(burst);
  assert.match(stdout, /^2000 calls, 50 at once: \d+ a second\np50 [\d.]+ ms {2}p95 [\d.]+ ms {2}p99 [\d.]+ ms/);
  assert.equal(code, 0);
});

Deno.test("the example server says in one line that a port is taken", async () => {
  const taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  try {
    await using server = startServer(...anyPorts, "--frame-port", String(taken.addr.port));
    assert.equal(await server.exited, 1);
    assert.equal(
      server.stderr,
      `Cannot listen on 127.0.0.1:${taken.addr.port}: another program does; ` +
        "--frame-port or WIREWAY_FRAME_PORT chooses another\n",
    );
  } finally {
    taken.close();
  }
});

Deno.test("the example server says what is wrong with its command line before it listens", async () => {
  const server = (...flags: string[]) =>
    run(Deno.execPath(), ["run", "--allow-all", "examples/server.ts", ...flags], { cwd: root });
  const help = await server("--help");
  assert.deepEqual([help.code, help.stderr], [0, ""]);
  assert.match(help.stdout, /^Usage: deno task start .*\[--ticker-port N\]\n$/);
  for (
    const [flags, why] of [
      [["--bogus"], /^Cannot read the command line: Unknown option '--bogus'\nUsage: /],
      [["--load", "abc"], /^Cannot make a load of abc: /],
    ] as const
  ) {
    const { code, stdout, stderr } = await server(...flags);
    assert.deepEqual([code, stdout], [1, ""], stderr);
    assert.match(stderr, why);
  }
});

Deno.test("the example client says in one line that nobody listens", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const { stderr, code } = await call(["--to", `tcp://127.0.0.1:${port}`, "hello"]);
  assert.match(stderr, new RegExp(`^connect-failed: Cannot connect to 127\\.0\\.0\\.1:${port}: connection refused`));
  assert.equal(code, 1);
});
