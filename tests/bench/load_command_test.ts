/**
 * The load test as it is run from a command line: on each transport, with its
 * own server and with one that runs already.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { join } from "node:path";
import { transportNames } from "../../bench/load/transports.ts";
import { chain, http, httpCalls, mux, serve, tcp } from "../../mod.ts";
import { until } from "../support/channels.ts";
import { run, type RunResult, start } from "../support/process.ts";

const root = new URL("../..", import.meta.url).pathname;
const timeoutMs = 60_000;
const env = { NO_COLOR: "1" };
const short = ["--seconds", "1", "--warmup", "0.2"];

function load(...flags: string[]): Promise<RunResult> {
  return run(Deno.execPath(), ["run", "--allow-all", "bench/load.ts", ...flags], { cwd: root, timeoutMs, env });
}

/** What the JSON of a run has that is looked at here. */
interface Found {
  ok: number;
  errors: Record<string, number>;
  seconds: number;
  throughput: number;
  open: number;
  interrupted: boolean;
  connections: number;
  clients: number;
  latencyMs: Record<string, number>;
  client: { rssBytes: number; cpuShare: number };
  server?: { rssBytes: number };
  ticks: { ok: number }[];
  ramp?: { rate: number; beyond?: number; confidence: number; steps: unknown[] };
  soak?: Record<"client" | "server", { samples: number; rssAtEnd: number; confidence: number }>;
}

async function loaded(...flags: string[]): Promise<Found> {
  const { code, stdout, stderr } = await load("--json", "--quiet", ...flags);
  assert.equal(code, 0, stderr);
  assert.equal(stderr, "");
  return JSON.parse(stdout);
}

for (const transport of transportNames) {
  Deno.test(`the load test drives ${transport} for a second`, async () => {
    const found = await loaded("--transport", transport, "--rate", "100", ...short);
    assert.deepEqual([found.ok, found.errors, found.interrupted], [100, {}, false]);
    assert.equal(found.open, found.connections);
    assert.ok(found.latencyMs.p50 > 0 && found.latencyMs.p50 <= found.latencyMs.p99);
    // One second, and no lull behind it.
    assert.deepEqual(found.ticks.map(({ ok }) => ok), [100]);
    assert.ok(found.client.rssBytes > 10e6);
    // In memory both ends are one process.
    assert.equal(found.server !== undefined && found.server.rssBytes > 10e6, !["memory", "stdio"].includes(transport));
  });
}

Deno.test("a closed loop from two processes over many connections counts what the server counts", async () => {
  let calls = 0;
  await using server = await serve(chain(tcp({ port: 0 }), mux()), (request) => {
    calls++;
    return request;
  });
  const port = String(server.addr.port);
  const flags = ["--port", port, "--concurrency", "30", "--connections", "500", "--clients", "2", "--warmup", "0"];
  const found = await loaded(...flags, "--seconds", "1", "--size", "1000");
  assert.deepEqual([found.connections, found.clients, found.open, found.server], [500, 2, 500, undefined]);
  assert.equal(found.ok, calls);
  assert.deepEqual(found.errors, {});
});

Deno.test("a server's errors are told by their codes, and an objective that is missed ends with 1", async () => {
  const refusing = (): never => {
    throw new Error("No");
  };
  await using server = await serve(chain(http({ port: 0 }), httpCalls({ path: "/rpc" })), refusing);
  const url = `http://127.0.0.1:${server.addr.port}/rpc`;
  const { code, stdout, stderr } = await load(
    "--url",
    url,
    "--rate",
    "50",
    "--errors",
    "1",
    "--p99",
    "5000",
    "--seconds",
    "2",
  );
  assert.equal(code, 1, stderr);
  assert.match(stdout, /^errors +remote 100 \(100\.000 %\)$/m);
  assert.match(stdout, /^objectives +missed: no call was answered$/m);
  assert.match(stderr, /^ +1 s +0\/s .* remote \d+$/m);
});

Deno.test("Ctrl-C ends the load test with what was measured", async () => {
  await using running = start(
    Deno.execPath(),
    ["run", "--allow-all", "bench/load.ts", "--rate", "100", "--seconds", "600", "--json", "--arrivals", "poisson"],
    { cwd: root, timeoutMs, env },
  );
  await until(() => /^ +2 s /m.test(running.stderr), "two lines of progress");
  Deno.kill(-running.pid, "SIGINT");
  const [json] = await running.until(/^\{.*\}$/);
  const found: Found = JSON.parse(json);
  assert.equal(found.interrupted, true);
  assert.ok(found.ok > 150 && found.seconds >= 2 && found.seconds < 60, `${found.ok} in ${found.seconds}`);
  assert.deepEqual(found.errors, {});
  assert.equal(await running.exited, 0);
});

Deno.test("the ramp of the command line finds a breaking point between its first rate and its last", async () => {
  const flags = ["--transport", "memory", "--ramp", "--rate", "100", "--max-rate", "200", "--p99", "2000"];
  const { ramp } = await loaded(...flags, "--errors", "50", "--seconds", "0.2", "--warmup", "0");
  assert.equal(ramp?.rate, 200);
  assert.equal(ramp.beyond, undefined);
  assert.equal(ramp.steps.length, 5);
});

Deno.test("a soak samples the memory of both processes", async () => {
  const { soak, ok, errors } = await loaded("--soak", "--minutes", "0.15", "--rate", "200", "--warmup", "0");
  assert.deepEqual([ok, errors], [1800, {}]);
  for (const side of ["client", "server"] as const) {
    const growth = soak![side];
    assert.ok(growth.samples >= 4, `${growth.samples} samples`);
    assert.ok(growth.rssAtEnd > 10e6);
    assert.ok(growth.confidence >= 0 && growth.confidence <= 1);
  }
});

Deno.test("the plot is written to the file that is named", async () => {
  const folder = await Deno.makeTempDir({ prefix: "wireway_" });
  try {
    const path = join(folder, "load.svg");
    await loaded("--rate", "200", "--plot", path, ...short);
    assert.match(await Deno.readTextFile(path), /^<\?xml[^]*<svg [^]*200 calls a second[^]*<\/svg>\n$/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a plot that can't be written is told before the run, and so is one that is no SVG", async () => {
  const nowhere = await load("--plot", join(root, "no_such_folder", "load.svg"), "--minutes", "60", "--soak");
  assert.deepEqual([nowhere.code, nowhere.stdout], [2, ""]);
  assert.match(nowhere.stderr, /^Cannot use --plot .*load\.svg: No such file or directory.*\n$/);
  const other = await load("--plot", "load.png", ...short);
  assert.deepEqual([other.code, other.stderr], [2, "Cannot use --plot load.png: a picture is an .svg file\n"]);
});

Deno.test("latencies are told with their unit, as they go and in the end", async () => {
  const { code, stdout, stderr } = await load("--rate", "100", ...short);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /^ +1 s .*p99 [\d.]+ {2}max [\d.]+ ms$/m);
  assert.match(stdout, /^latency \(ms\) p50 [\d.]+ /m);
  assert.match(stdout, /^start delay {2}p99 [\d.]+ {2}max [\d.]+ ms, part of the latency$/m);
});

Deno.test("a server that is not there is said in one line", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const { code, stdout, stderr } = await load("--port", String(port), ...short);
  assert.equal(code, 1);
  assert.equal(stdout, "");
  assert.match(stderr, new RegExp(`^connect-failed: Cannot connect to 127\\.0\\.0\\.1:${port}: .*\n$`));
});

Deno.test("a wrong option and --help are answered before anything is started", async () => {
  const wrong = await load("--rate", "fast");
  assert.deepEqual([wrong.code, wrong.stdout], [2, ""]);
  assert.equal(wrong.stderr, "Cannot use --rate fast: a number from 0.1 to 5000000 is allowed\n");
  const help = await load("--help");
  assert.equal(help.code, 0);
  assert.match(help.stdout, /--connections N/);
});
