/**
 * What is read of the host, and that nothing is made up where it can't be.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { HostMeter, ManualClock, processUsage, tcpCounters } from "../../mod.ts";
import { tcpCountersIn } from "../../src/tuning/host_tcp.ts";
import { run } from "../support/process.ts";

const isLinux = Deno.build.os === "linux";

/** Runs a program that prints what it reads as JSON, with these permissions. */
async function readIn(args: string[], script: string): Promise<Record<string, unknown>> {
  const mod = JSON.stringify(new URL("../../mod.ts", import.meta.url).href);
  const stdin = `import { HostMeter, processUsage, tcpCounters } from ${mod};\n${script}`;
  const cwd = new URL("../../", import.meta.url).pathname;
  const result = await run(Deno.execPath(), ["run", "--no-check", "--no-prompt", ...args, "-"], { stdin, cwd });
  assert.equal(result.code, 0, result.stderr);
  return JSON.parse(result.stdout);
}

/** Whether a descriptor that was listed is one still: that of the list itself is not. */
function isOpen(path: string): boolean {
  try {
    return Deno.readLinkSync(path) !== "";
  } catch {
    return false;
  }
}

Deno.test("memory and processor time are those that the platform tells", () => {
  const usage = processUsage();
  const { rss } = Deno.memoryUsage();
  assert.ok(Math.abs(usage.residentBytes! - rss) < rss / 4, `${usage.residentBytes}, ${rss}`);
  assert.ok(usage.heapUsedBytes! > 0 && usage.heapUsedBytes! < rss);
  assert.ok(usage.cpuMs! > 0);
});

Deno.test({
  name: "open descriptors grow with what is opened",
  ignore: !isLinux,
  fn() {
    const before = processUsage().openDescriptors!;
    const listeners = Array.from({ length: 10 }, () => Deno.listen({ port: 0 }));
    assert.equal(processUsage().openDescriptors, before + 10);
    const listed = Array.from(Deno.readDirSync("/proc/self/fd"), ({ name }) => `/proc/self/fd/${name}`);
    assert.equal(listed.filter(isOpen).length, before + 10);
    for (const listener of listeners) listener.close();
    assert.equal(processUsage().openDescriptors, before);
  },
});

Deno.test({
  name: "the system's TCP has counted segments",
  ignore: !isLinux,
  fn() {
    const counters = tcpCounters()!;
    assert.ok(counters.segmentsOut! >= 0 && counters.segmentsRetransmitted! >= 0, JSON.stringify(counters));
  },
});

Deno.test("without the permission nothing is said, and nothing is 0", async () => {
  const script = "console.log(JSON.stringify({ tcp: tcpCounters() ?? 'absent', ...processUsage() }));";
  const { tcp, openDescriptors, residentBytes } = await readIn([], script);
  assert.equal(tcp, "absent");
  assert.equal(openDescriptors, undefined);
  assert.ok((residentBytes as number) > 0);
});

Deno.test("a platform that tells nothing makes no figures", async () => {
  const script = `
    delete globalThis.Deno;
    delete globalThis.process;
    console.log(JSON.stringify(new HostMeter().read()));
  `;
  assert.deepEqual(await readIn([], script), {});
  const pretending = `
    delete globalThis.Deno;
    globalThis.process = { memoryUsage: () => ({ rss: 0, heapUsed: 0 }) };
    console.log(JSON.stringify(processUsage()));
  `;
  assert.deepEqual(await readIn([], pretending), {});
});

Deno.test("the texts of the kernel are read by name, whatever their order", () => {
  const snmp = "Ip: A B\nIp: 1 2\nTcp: RetransSegs CurrEstab OutSegs InSegs\nTcp: 7 -3 1000 900\nUdp: X\nUdp: 1\n";
  const netstat = "TcpExt: ListenOverflows TCPTimeouts TCPLostRetransmit\nTcpExt: 1 2 3\nIpExt: A\nIpExt: 4\n";
  assert.deepEqual(tcpCountersIn(snmp, netstat), {
    segmentsIn: 900,
    segmentsOut: 1000,
    segmentsRetransmitted: 7,
    retransmissionsLost: 3,
    segmentsDamaged: undefined,
    timeouts: 2,
    backlogOverflows: 1,
    established: -3,
  });
  const nothing = Object.values(tcpCountersIn("", "TcpExt: TCPTimeouts\n"));
  assert.deepEqual(nothing, new Array(8).fill(undefined));
});

Deno.test("shares are of the time and of the segments since the last look", async () => {
  const clock = new ManualClock();
  const none = { residentBytes: 1, heapUsedBytes: 1, openDescriptors: undefined };
  let [cpuMs, out, repeated]: (number | undefined)[] = [100, 1000, 10];
  const meter = new HostMeter({
    clock,
    process: () => ({ ...none, cpuMs }),
    tcp: () => ({ ...tcpCountersIn("", ""), segmentsOut: out, segmentsRetransmitted: repeated }),
  });
  await clock.advance(1000);
  [cpuMs, out, repeated] = [600, 1099, 11];
  let { cpuShare, retransmittedShare } = meter.read();
  assert.deepEqual([cpuShare, retransmittedShare], [0.5, 0.01]);

  ({ cpuShare, retransmittedShare } = meter.read());
  assert.deepEqual([cpuShare, retransmittedShare], [undefined, undefined], "no time has passed, no segment was sent");

  await clock.advance(1000);
  [cpuMs, out, repeated] = [500, 2099, 5];
  ({ cpuShare, retransmittedShare } = meter.read());
  assert.deepEqual([cpuShare, retransmittedShare], [undefined, undefined], "the counters were set back");

  await clock.advance(1000);
  [cpuMs, out, repeated] = [1500, undefined, 5];
  ({ cpuShare, retransmittedShare } = meter.read());
  assert.deepEqual([cpuShare, retransmittedShare], [1, undefined]);
});
