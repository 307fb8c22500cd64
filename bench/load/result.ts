/**
 * What a load test found, as plain data and as text.
 *
 * @module
 */

import type { Verdict } from "./objectives.ts";
import type { Breaking } from "./ramp.ts";
import type { Measured } from "./rig.ts";
import type { Growth } from "./soak.ts";
import type { Tally } from "./tally.ts";
import type { Usage } from "./usage.ts";

/** What was done, in a few words and numbers. */
export interface Setting {
  transport: string;
  mode: "open" | "closed";
  rate: number | undefined;
  concurrency: number | undefined;
  connections: number;
  clients: number;
  size: number;
  dialMs: number;
}

/** What was found. */
export interface Found {
  setting: Setting;
  measured: Measured | undefined;
  interrupted: boolean;
  verdict?: Verdict;
  breaking?: Breaking;
  growth?: { client: Growth; server?: Growth };
}

/** The percentiles that are reported. */
const percentiles = { p50: 0.5, p90: 0.9, p95: 0.95, p99: 0.99, p999: 0.999 };

/** Latencies of a tally, in milliseconds. */
export function latencies(tally: Tally): Record<string, number | undefined> {
  const entries = Object.entries(percentiles).map(([name, fraction]) => [name, tally.percentile(fraction)]);
  return Object.fromEntries([...entries, ["max", tally.latency.max], ["mean", tally.latency.mean]]);
}

/** All of it, for a program. */
export function asData({ setting, measured, interrupted, verdict, breaking, growth }: Found): Record<string, unknown> {
  const data: Record<string, unknown> = { ...setting, interrupted };
  if (measured !== undefined) {
    const { total, ticks, seconds, throughput, open, reconnects, client, server } = measured;
    Object.assign(data, {
      seconds,
      throughput,
      ok: total.ok,
      errors: Object.fromEntries(total.errors),
      errorShare: total.errorShare,
      latencyMs: latencies(total),
      startDelayMs: { p99: total.startDelay.percentile(0.99), max: total.startDelay.max },
      open,
      reconnects,
      client,
      server,
      ticks: ticks.map((tick) => ({ ok: tick.ok, errors: Object.fromEntries(tick.errors), ...latencies(tick) })),
    });
  }
  return { ...data, objectives: verdict, ramp: breaking, soak: growth };
}

/** All of it, for people. */
export function asText({ setting, measured, interrupted, verdict, breaking, growth }: Found): string {
  const lines = [heading(setting)];
  if (interrupted) lines.push("interrupted: what was measured until then");
  if (measured !== undefined) lines.push(...measuredLines(measured));
  if (growth !== undefined) {
    lines.push(growthLine("memory of the client", growth.client));
    if (growth.server !== undefined) lines.push(growthLine("memory of the server", growth.server));
  }
  if (verdict !== undefined) lines.push(`objectives   ${verdict.met ? "met" : "missed"}: ${verdict.reason}`);
  if (breaking !== undefined) lines.push(breakingLine(breaking));
  return lines.join("\n");
}

/** What was done, in a line. */
export function heading({ transport, mode, rate, concurrency, connections, clients, size, dialMs }: Setting): string {
  const load = mode === "closed" ? `${concurrency} calls at once` : `${amount(rate!)} calls a second`;
  const processes = clients === 1 ? "" : ` from ${clients} processes`;
  const ends = connections === 1 ? "1 connection" : `${amount(connections)} connections`;
  return `${transport}, ${mode} loop, ${load} of ${amount(size)} B, ${ends}${processes} opened in ${
    dialMs.toFixed(0)
  } ms`;
}

/** A line for a second that has passed. */
export function progressLine(second: number, tally: Tally): string {
  const at = (fraction: number): string => ms(tally.percentile(fraction));
  const errors = tally.failed === 0 ? "" : `  ${errorList(tally)}`;
  const seconds = `${second} s`.padStart(6);
  return `${seconds}  ${amount(tally.ok).padStart(9)}/s  p50 ${at(0.5)}  p95 ${at(0.95)}  p99 ${at(0.99)}  max ${
    ms(tally.latency.max)
  } ms${errors}`;
}

function measuredLines({ total, seconds, throughput, open, reconnects, client, server }: Measured): string[] {
  const values = Object.entries(latencies(total)).map(([name, value]) => `${name} ${ms(value)}`);
  const delay = total.startDelay.percentile(0.99);
  const share = total.failed === 0 ? "" : ` (${(100 * total.errorShare).toFixed(3)} %)`;
  return [
    `calls        ${amount(total.ok)} answered in ${seconds.toFixed(1)} s: ${amount(throughput)} a second`,
    `errors       ${total.failed === 0 ? "none" : errorList(total)}${share}`,
    `latency (ms) ${values.join("  ")}`,
    ...(delay === undefined
      ? []
      : [`start delay  p99 ${ms(delay)}  max ${ms(total.startDelay.max)} ms, part of the latency`]),
    `connections  ${amount(open)} open${reconnects === 0 ? "" : `, ${reconnects} opened again`}`,
    usageLine("client", client),
    ...(server === undefined ? [] : [usageLine("server", server)]),
  ];
}

function usageLine(name: string, { rssBytes, heapBytes, cpuShare }: Usage): string {
  return `${name.padEnd(11)}  ${(100 * cpuShare).toFixed(0)} % of a processor, ${megabytes(rssBytes)} resident, ${
    megabytes(heapBytes)
  } in objects`;
}

function growthLine(name: string, growth: Growth): string {
  const { rssBytes, rssLow, rssHigh, confidence, samples, rssAtEnd, heapBytes } = growth;
  return `${name}: ${signed(rssBytes)} over the run (95 %: ${signed(rssLow)} to ${signed(rssHigh)}; ${
    (100 * confidence).toFixed(0)
  } % sure that it grows), objects ${signed(heapBytes)}, ${
    megabytes(rssAtEnd)
  } at the end, ${samples} samples after collection`;
}

function breakingLine({ rate, beyond, confidence }: Breaking): string {
  const sure = `, with a confidence of ${(100 * confidence).toFixed(0)} %`;
  if (rate === 0) {
    return beyond === undefined ? "breaking point  not found" : `breaking point  no rate meets the objectives${sure}`;
  }
  if (beyond === undefined) return `breaking point  at least ${amount(rate)} calls a second${sure}`;
  return `breaking point  ${amount(rate)} calls a second met the objectives, ${amount(beyond)} did not${sure}`;
}

function errorList(tally: Tally): string {
  return [...tally.errors].map(([code, calls]) => `${code} ${amount(calls)}`).join(", ");
}

function signed(bytes: number): string {
  return Number.isFinite(bytes) ? `${bytes < 0 ? "−" : "+"}${megabytes(Math.abs(bytes))}` : "not known";
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

function ms(value: number | undefined): string {
  if (value === undefined) return "-";
  return value < 10 ? value.toFixed(3) : value.toFixed(1);
}

function amount(value: number): string {
  return Math.round(value).toLocaleString("en");
}
