/**
 * The doctor, with hosts that are made up and with this one.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { fileURLToPath } from "node:url";
import {
  diagnose,
  type Finding,
  type HostLimits,
  hostLimits,
  showFindings,
  steadyV8Flags,
} from "../../../src/tuning/doctor/doctor.ts";
import { run } from "../../support/process.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));

const host: HostLimits = {
  somaxconn: 4096,
  tcpMaxSynBacklog: 2048,
  portRange: [32_768, 60_999],
  tcpRmem: [4096, 131_072, 6_291_456],
  tcpWmem: [4096, 16_384, 4_194_304],
  tcpTimestamps: 1,
  tcpWindowScaling: 1,
  tcpSack: 1,
  tcpFinTimeout: 60,
  tcpTwReuse: 2,
  openFiles: { soft: 1024, hard: 524_288 },
  v8Flags: "",
};

function found(findings: readonly Finding[], name: string): Finding {
  const finding = findings.find((one) => one.name === name);
  assert.ok(finding !== undefined, name);
  return finding;
}

function toChange(
  limits: Partial<HostLimits>,
  load: Parameters<typeof diagnose>[1],
): Record<string, readonly string[]> {
  const findings = diagnose({ ...host, ...limits }, load).filter(({ verdict }) => verdict === "change");
  return Object.fromEntries(findings.map(({ name, commands }) => [name, commands]));
}

Deno.test("a small load on a usual host needs nothing", () => {
  assert.deepEqual(toChange({}, { connections: 500 }), {});
  assert.match(showFindings(diagnose(host, { connections: 500 })), /Nothing is to be changed that is known\./);
});

Deno.test("10 000 connections need as many open files, and a backlog for the second in which they come", () => {
  assert.deepEqual(toChange({}, { connections: 10_000, connectionsPerSecond: 5000 }), {
    "open files": ["ulimit -n 10256", "systemctl edit your-service  # [Service] LimitNOFILE=10256"],
    "net.core.somaxconn": ["sudo sysctl -w net.core.somaxconn=8192"],
    "net.ipv4.tcp_max_syn_backlog": ["sudo sysctl -w net.ipv4.tcp_max_syn_backlog=8192"],
  });
  const hard = toChange({ openFiles: { soft: 1024, hard: 4096 } }, { connections: 10_000, connectionsPerSecond: 1 });
  assert.equal(hard["open files"].length, 3);
  assert.match(hard["open files"][0], /hard nofile 10256/);
  assert.deepEqual(
    toChange({ openFiles: { soft: Infinity, hard: Infinity } }, { connections: 1e6, connectionsPerSecond: 1 }),
    {},
  );
});

Deno.test("thousands of calls a second need V8's heap sizes chosen, beside what is set already", () => {
  const load = { connections: 100, callsPerSecond: 20_000 };
  assert.deepEqual(toChange({}, load), { DENO_V8_FLAGS: [`export DENO_V8_FLAGS=${steadyV8Flags}`] });
  assert.deepEqual(toChange({ v8Flags: "--max-old-space-size=500" }, load), {
    DENO_V8_FLAGS: [`export DENO_V8_FLAGS=--max-old-space-size=500,${steadyV8Flags}`],
  });
  for (const v8Flags of [steadyV8Flags, "--heap_growing_percent=900,--max_semi_space_size=8", undefined]) {
    assert.deepEqual(toChange({ v8Flags }, load), {});
  }
  assert.equal(found(diagnose({ ...host, v8Flags: undefined }, load), "DENO_V8_FLAGS").verdict, "unknown");
  assert.deepEqual(toChange({}, { connections: 100, callsPerSecond: 4999 }), {});
  assert.equal(diagnose(host).some(({ name }) => name === "DENO_V8_FLAGS"), false);
});

Deno.test("the flags of V8 are read from this process' variables", () => {
  const flagsIn = (environ: string | undefined): string | undefined =>
    hostLimits((path) => path === "/proc/self/environ" ? environ : undefined).v8Flags;
  assert.equal(flagsIn("HOME=/root\0DENO_V8_FLAGS=--expose-gc,--a=b\0PATH=/bin\0"), "--expose-gc,--a=b");
  assert.equal(flagsIn("DENO_V8_FLAGS=\0PATH=/bin\0"), "");
  assert.equal(flagsIn("OLD_DENO_V8_FLAGS=--a\0PATH=DENO_V8_FLAGS=--b\0"), "");
  assert.equal(flagsIn(undefined), undefined);
});

Deno.test("V8 takes the flags that are advised, and has them", async () => {
  const program = "import v8 from 'node:v8';" +
    "for (let kept = [], i = 0; i < 3e6; i++) if (kept.push({ i }) > 100_000) kept = [];" +
    "console.log(v8.getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space').space_size)";
  const { code, stdout } = await run(Deno.execPath(), ["eval", program], { env: { DENO_V8_FLAGS: steadyV8Flags } });
  assert.equal(code, 0);
  // Two halves of 2 MB; by itself it grows to seven times of that.
  assert.ok(Number(stdout) <= 4 * 1024 * 1024, `${stdout} bytes for young objects`);
});

Deno.test("connections out of a host need ports, also for those that have ended", () => {
  const few = toChange({ openFiles: { soft: 1e6, hard: 1e6 } }, {
    connections: 20_000,
    connectionsPerSecond: 500,
    outgoing: true,
  });
  assert.deepEqual(few, {
    "net.ipv4.ip_local_port_range": ['sudo sysctl -w net.ipv4.ip_local_port_range="1024 65535"'],
    "net.ipv4.tcp_tw_reuse": ["sudo sysctl -w net.ipv4.tcp_tw_reuse=1"],
  });
  const load = { connections: 100_000, connectionsPerSecond: 0, outgoing: true };
  const { why } = found(diagnose(host, load), "net.ipv4.ip_local_port_range");
  assert.match(why, /64512 are the most: share the load over more addresses/);
  const some = { connections: 1000, connectionsPerSecond: 0, outgoing: true };
  assert.equal(found(diagnose(host, some), "net.ipv4.tcp_tw_reuse").verdict, "good");
});

Deno.test("a wide and far link needs buffers of twice what is on its way", () => {
  assert.deepEqual(toChange({}, { connections: 10, bandwidthBitsPerSecond: 1e9, roundTripMs: 100 }), {
    "net.ipv4.tcp_rmem": ['sudo sysctl -w net.ipv4.tcp_rmem="4096 131072 33554432"'],
    "net.ipv4.tcp_wmem": ['sudo sysctl -w net.ipv4.tcp_wmem="4096 16384 33554432"'],
  });
  assert.deepEqual(toChange({}, { connections: 10, bandwidthBitsPerSecond: 1e7, roundTripMs: 100 }), {});
});

Deno.test("what TCP does without is named", () => {
  const off = { tcpSack: 0, tcpTimestamps: 0, tcpWindowScaling: 0, tcpFinTimeout: 120 };
  assert.deepEqual(Object.keys(toChange(off, { connections: 10 })), [
    "net.ipv4.tcp_window_scaling",
    "net.ipv4.tcp_sack",
    "net.ipv4.tcp_timestamps",
    "net.ipv4.tcp_fin_timeout",
  ]);
});

Deno.test("what can't be read is said to be unknown, and nothing is made up for it", () => {
  const limits = hostLimits(() => undefined);
  assert.ok(Object.values(limits).every((limit) => limit === undefined));
  for (const outgoing of [true, false]) {
    const findings = diagnose(limits, { connections: 10_000, bandwidthBitsPerSecond: 1e9, outgoing });
    assert.ok(findings.length >= 8);
    assert.ok(findings.every(({ verdict, commands }) => verdict === "unknown" && commands.length === 0));
    assert.match(showFindings(findings), /limits could not be read/);
  }
  const odd = hostLimits((path) =>
    path.endsWith("somaxconn") ? "many" : path.endsWith("limits") ? "Max open files unlimited 5 files" : "1 2"
  );
  assert.deepEqual([odd.somaxconn, odd.openFiles, odd.portRange, odd.tcpRmem], [
    undefined,
    { soft: Infinity, hard: 5 },
    [1, 2],
    undefined,
  ]);
});

Deno.test("a load that is none is refused by name", () => {
  for (
    const load of [{ connections: 0 }, { connectionsPerSecond: -1 }, { roundTripMs: NaN }, { outgoing: 1 }, { rate: 5 }]
  ) {
    assert.throws(() => diagnose(host, load as object), { code: "invalid-option" });
  }
});

Deno.test({
  name: "the task reads this host, names every limit, and changes none",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const before = hostLimits();
    const { code, stdout, stderr } = await run(
      Deno.execPath(),
      ["task", "--quiet", "doctor", "--connections", "1000000", "--bandwidth", "1e10", "--rtt", "80"],
      { cwd: root, timeoutMs: 60_000 },
    );
    assert.equal(code, 0, stderr);
    for (
      const name of [
        "open files",
        "net.core.somaxconn",
        "net.ipv4.tcp_rmem",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.tcp_sack",
        "net.ipv4.tcp_timestamps",
        "net.ipv4.tcp_window_scaling",
      ]
    ) {
      assert.ok(stdout.includes(name), `${name} in ${stdout}`);
    }
    assert.match(stdout, /sudo sysctl -w net\.core\.somaxconn=131072/);
    const somaxconn = (await Deno.readTextFile("/proc/sys/net/core/somaxconn")).trim();
    assert.ok(stdout.includes(`net.core.somaxconn: ${somaxconn}`));
    const { soft } = before.openFiles!;
    assert.ok(stdout.includes(`open files: ${soft === Infinity ? "no limit" : soft} (soft)`), stdout);
    assert.deepEqual(hostLimits(), before);
  },
});

Deno.test("the doctor's command line says what is wrong by the names that were typed, and what there is", async () => {
  const doctor = (...flags: string[]) =>
    run(Deno.execPath(), ["run", "--allow-all", "examples/doctor.ts", ...flags], { cwd: root, timeoutMs: 60_000 });
  const help = await doctor("--help");
  assert.deepEqual([help.code, help.stderr], [0, ""]);
  assert.match(help.stdout, /^Usage: deno task doctor[^]*--connections N/);
  for (
    const [flags, why] of [
      ["--connections none", "Cannot use --connections none: allowed is an integer from 1 to 100000000"],
      ["--connections 1.5", "Cannot use --connections 1.5: allowed is an integer from 1 to 100000000"],
      ["--rate=", "Cannot use --rate : allowed is a number from 0 to 100000000"],
      ["--bandwidth 0", "Cannot use --bandwidth 0: allowed is a number from 1 to"],
      ["--bandwidth 1e9 --rtt soon", "Cannot use --rtt soon: allowed is a number from 0 to"],
      ["--rtt 5", "Cannot use --rtt without --bandwidth"],
      ["--conections 5", "Unknown option '--conections'"],
    ] as const
  ) {
    const { code, stdout, stderr } = await doctor(...flags.split(" "));
    assert.deepEqual([code, stdout], [2, ""], flags);
    assert.ok(stderr.startsWith(why), `${flags}: ${stderr}`);
    assert.match(stderr, /\nUsage: /);
  }
});
