/**
 * What the command line of the load test takes, what it refuses, and what the
 * machine's limits make of it.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { provide } from "../../bench/load/capacity.ts";
import { type LoadOptions, readLoadOptions, usage } from "../../bench/load/options.ts";
import { shareOf } from "../../bench/load/rig.ts";
import { UsageError } from "../../bench/load/usage_error.ts";

function read(line: string): LoadOptions {
  const options = readLoadOptions(line === "" ? [] : line.split(" "));
  assert.ok(options !== "help");
  return options;
}

Deno.test("without options the load is an open loop on tcp with a server of our own", () => {
  const { transport, server, rate, concurrency, connections, seconds, ramp, soak, p99Ms } = read("");
  assert.deepEqual([transport, server, rate, concurrency], ["tcp", undefined, 1000, undefined]);
  assert.deepEqual([connections, seconds, ramp, soak, p99Ms], [4, 10, false, false, undefined]);
});

Deno.test("HTTP/1.1 gets as many connections as calls are to be in flight", () => {
  assert.equal(read("--transport http --concurrency 200").connections, 200);
  assert.equal(read("--transport http --concurrency 8").connections, 64);
});

Deno.test("the ramp has objectives, and the soak a time in minutes", () => {
  const ramp = read("--ramp");
  assert.deepEqual([ramp.p99Ms, ramp.errorPercent, ramp.rate, ramp.seconds], [50, 0.1, 1000, 3]);
  assert.equal(read("--soak --minutes 2").seconds, 120);
});

Deno.test("a URL says which transport it is, and where", () => {
  assert.deepEqual(read("--url tcp://10.0.0.1:9000").server, {
    hostname: "10.0.0.1",
    port: 9000,
    path: undefined,
    secure: undefined,
  });
  assert.equal(read("--url unix:///run/a%20b.sock").server?.path, "/run/a b.sock");
  const wss = read("--url wss://shop.example/live");
  assert.deepEqual([wss.transport, wss.server?.port, wss.server?.path, wss.server?.secure], [
    "websocket",
    443,
    "/live",
    true,
  ]);
  assert.equal(read("--url http://127.0.0.1:8000/call --transport h2").transport, "h2");
  assert.deepEqual(read("--port 9000 --transport sse").server, { hostname: "127.0.0.1", port: 9000 });
});

const refused: [line: string, message: RegExp][] = [
  ["--rate 0", /^Cannot use --rate 0: a number from 0\.1 to 5000000 is allowed$/],
  ["--rate nan", /--rate nan: a number/],
  ["--connections 1.5", /--connections 1\.5: a whole number from 1 to 1000000 is allowed/],
  ["--seconds 1e9", /--seconds 1e9/],
  ["--port 70000", /--port 70000: a whole number from 1 to 65535/],
  ["--rate 10 --concurrency 5", /--rate and --concurrency: a loop is open or closed/],
  ["--ramp --concurrency 5", /--ramp and --concurrency/],
  ["--ramp --soak", /--ramp and --soak/],
  ["--precision 1", /--precision without --ramp/],
  ["--max-rate 100", /--max-rate without --ramp/],
  ["--minutes 1", /--minutes without --soak/],
  ["--soak --seconds 5", /--seconds and --soak: use --minutes/],
  ["--arrivals sometimes", /--arrivals sometimes: constant and poisson are allowed/],
  ["--concurrency 5 --arrivals poisson", /--arrivals and --concurrency/],
  ["--transport udp", /--transport udp: tcp, tls, .* are allowed/],
  ["--transport memory --port 5", /--port with --transport memory: it has none/],
  ["--transport unix --port 5", /--port with --transport unix/],
  ["--host example", /--host without --port/],
  ["--url tcp://a:1 --port 5", /--url with --port or --host/],
  ["--url nonsense", /--url nonsense: a URL of tcp:\/\//],
  ["--url ftp://a", /--url ftp:\/\/a/],
  ["--url tcp://a", /names no host and port/],
  ["--url unix:///", /names no path/],
  ["--url http://a --transport websocket", /--transport websocket with http:\/\/: it goes with http, h2, sse/],
  ["--speed 5", /Cannot read the command line: Unknown option '--speed'; --help lists the options/],
  ["--rate", /Cannot read the command line: .*--rate/],
  ["more", /Cannot read the command line/],
];

for (const [line, message] of refused) {
  Deno.test(`the load test refuses: ${line}`, () => {
    assert.throws(() => read(line), (error: Error) => error instanceof UsageError && message.test(error.message));
  });
}

Deno.test("--help names every option", () => {
  assert.equal(readLoadOptions(["--help"]), "help");
  for (const name of ["rate", "url", "plot", "ramp", "soak", "json", "max-in-flight"]) {
    assert.match(usage(), new RegExp(`^  --${name} `, "m"));
  }
});

const limits = { openFiles: 20_000, clientPorts: 28_000 };
const tcp = { transport: "tcp", connections: 10_000, clients: 1, ownServer: true } as const;

Deno.test("connections that fit take one process and one address", () => {
  assert.deepEqual(provide(tcp, limits), { clients: 1, addresses: 1 });
  assert.deepEqual(provide({ ...tcp, clients: 3 }, limits), { clients: 3, addresses: 1 });
});

Deno.test("many connections take several processes, and several addresses for their ports", () => {
  const roomy = { ...limits, openFiles: 100_000 };
  assert.deepEqual(provide({ ...tcp, connections: 60_000 }, roomy), { clients: 1, addresses: 3 });
  assert.deepEqual(provide({ ...tcp, connections: 25_000, ownServer: false }, limits), { clients: 2, addresses: 1 });
});

Deno.test("a limit that stands in the way is named", () => {
  const refusedBy = (demand: Partial<typeof tcp> & object, message: RegExp) =>
    assert.throws(
      () => provide({ ...tcp, ...demand }, limits),
      (error: Error) => error instanceof UsageError && message.test(error.message),
    );
  refusedBy({ connections: 30_000 as 10_000 }, /server process may have 20000 files open, which is enough for 19900/);
  refusedBy({ connections: 30_000 as 10_000, ownServer: false as true }, /28000 client ports to one address/);
  refusedBy({ clients: 20_000 as 1 }, /--clients 20000: there are 10000 connections to share/);
  refusedBy({ transport: "memory" as "tcp", clients: 2 as 1 }, /both ends are in one process/);
  refusedBy({ transport: "sse" as "tcp" }, /enough for 6633/);
});

Deno.test("what is shared among processes is neither more nor less than the whole", () => {
  assert.deepEqual([0, 1, 2].map((index) => shareOf(11, 3, index)), [4, 4, 3]);
});
