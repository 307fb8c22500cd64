/**
 * Programs whose telemetry Deno exports to a collector.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { run } from "../support/process.ts";
import type { Collector } from "./_collector.ts";

/** The root of the project, where the programs run. */
export const root: string = new URL("../../", import.meta.url).pathname;

/** The arguments that run a program of this folder with Deno. */
export function argumentsOf(name: string): string[] {
  return ["run", "--no-check", "--allow-all", new URL(name, import.meta.url).pathname];
}

/** The environment that has Deno export to a collector, in protobuf unless said otherwise. */
export function exportingTo(collector: Collector, more: Record<string, string> = {}): Record<string, string> {
  return {
    OTEL_DENO: "true",
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf",
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
    ...more,
  };
}

/** Runs a program of this folder to its end; gives what it printed. */
export async function runExporting(
  name: string,
  collector: Collector,
  protocol: string,
  intervalMs: number,
): Promise<string> {
  const env = exportingTo(collector, {
    OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
    OTEL_METRIC_EXPORT_INTERVAL: `${intervalMs}`,
  });
  const options = { cwd: root, timeoutMs: 30_000, env };
  const { code, stdout, stderr } = await run(Deno.execPath(), argumentsOf(name), options);
  assert.equal(code, 0, stderr);
  return stdout;
}
