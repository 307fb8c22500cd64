/**
 * The table of README.md that says what each transport can do is what the
 * transports do when they are tried.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { fileURLToPath } from "node:url";
import { chain, http, httpCalls, type HttpOptions, methods, serve } from "../mod.ts";
import * as httpProbes from "./matrix/_http_probes.ts";
import * as probes from "./matrix/_probes.ts";
import { service } from "./matrix/_service.ts";
import { transports } from "./matrix/_transports.ts";
import { run } from "./support/process.ts";

const columns = ["duplex", "streaming", "backpressure", "resume", "browser", "edge", "across machines"] as const;
type Row = Record<(typeof columns)[number], string>;

const heading = "## What each transport can do";

async function byCalls(): Promise<Record<string, Omit<Row, "browser" | "edge">>> {
  const rows: Record<string, Omit<Row, "browser" | "edge">> = {};
  for (const [name, open] of Object.entries(transports)) {
    const opened = await open();
    try {
      rows[name] = {
        duplex: await probes.duplex(opened),
        streaming: await probes.streaming(opened),
        backpressure: await probes.backpressure(opened),
        resume: await probes.resume(opened),
        "across machines": opened.named ? "yes" : "no",
      };
    } catch (error) {
      throw new Error(`Cannot tell what ${name} can do`, { cause: error });
    } finally {
      await opened.end();
    }
  }
  return rows;
}

async function byRequests(client: NonNullable<HttpOptions["client"]>): Promise<Omit<Row, "browser" | "edge">> {
  const server = await serve(http({ port: 0 }), () => new Response());
  const { hostname, port } = server.addr;
  await server.shutdown();
  return {
    duplex: await httpProbes.duplex(client),
    streaming: await httpProbes.streaming(client),
    backpressure: await httpProbes.backpressure(client),
    resume: await httpProbes.resume(client),
    "across machines": hostname !== undefined && port !== undefined ? "yes" : "no",
  };
}

/** What works where there is no `Deno`: in a process that takes it away. */
async function withoutDeno(): Promise<Record<string, Pick<Row, "browser" | "edge">>> {
  const server = await serve(chain(http({ port: 0 }), httpCalls(), methods()), service());
  const ends = [() => server.shutdown()];
  const ports: Record<string, number> = { "`http()`": server.addr.port! };
  try {
    for (const [name, open] of Object.entries(transports)) {
      const opened = await open();
      ends.push(() => opened.end());
      if (opened.port !== undefined) ports[name] = opened.port;
    }
    const program = fileURLToPath(new URL("./matrix/_runtime.ts", import.meta.url));
    const args = ["run", "--no-check", "--allow-all", "--cached-only", program, JSON.stringify(ports)];
    const { code, stdout, stderr } = await run(Deno.execPath(), args, { timeoutMs: 60_000 });
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout);
  } finally {
    for (const end of ends) await end();
  }
}

/** As the formatter has it. */
function table(rows: Record<string, Row>): string {
  const cells = [["transport", ...columns]];
  for (const [name, row] of Object.entries(rows)) cells.push([name, ...columns.map((column) => row[column])]);
  const widths = cells[0].map((_, i) => Math.max(...cells.map((line) => line[i].length)));
  const lines = cells.map((line) => `| ${line.map((cell, i) => cell.padEnd(widths[i])).join(" | ")} |`);
  lines.splice(1, 0, `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`);
  return lines.join("\n");
}

Deno.test("README.md says of each transport what it does when it is tried", async () => {
  const [called, bySockets, byFetch] = [await byCalls(), await byRequests("sockets"), await byRequests("fetch")];
  assert.deepEqual(byFetch, bySockets, "both clients of http() can do the same");
  const elsewhere = await withoutDeno();
  const rows: Record<string, Row> = {};
  for (const [name, row] of Object.entries({ ...called, "`http()`": bySockets })) {
    rows[name] = { ...row, ...elsewhere[name] };
  }
  const expected = table(rows);
  const readme = await Deno.readTextFile(new URL("../README.md", import.meta.url));
  const section = readme.split(`\n${heading}\n`)[1]?.split("\n## ")[0] ?? "";
  const found = section.split("\n").filter((line) => line.startsWith("|")).join("\n");
  assert.ok(found === expected, `README.md, "${heading}": the table must be\n\n${expected}\n\nand is\n\n${found}\n`);
});
