/**
 * `h2load` in place of our own HTTP/2 client: what the server can do where its
 * client costs less than itself.
 *
 * @module
 */

import { serverOf } from "./processes.ts";
import { Tally } from "./tally.ts";

/** What h2load did. */
export interface H2Load {
  tally: Tally;
  throughput: number;
}

/** Connections, and streams on each. */
const connections = 10;
const streams = 20;

/** Loads an echo server over HTTP/2; at `rate` calls a second, or without one as fast as it goes. */
export async function h2load(rate: number | undefined, seconds: number, size: number): Promise<H2Load> {
  const folder = await Deno.makeTempDir({ prefix: "wireway_load_" });
  const { server, places: [{ port }] } = await serverOf("h2", "1");
  try {
    const [log, body] = [`${folder}/log`, `${folder}/body`];
    await Deno.writeFile(body, new Uint8Array(size).fill(120));
    const paced = rate === undefined ? [] : ["--rps", String(rate / connections)];
    const timed = ["-D", String(Math.ceil(seconds)), "--warm-up-time", "1", "--log-file", log];
    const args = ["-c", String(connections), "-m", String(streams), "-d", body, ...timed, ...paced];
    const command = new Deno.Command("h2load", { args: [...args, `http://127.0.0.1:${port}/call`], stdin: "null" });
    const { success, stderr } = await command.output();
    if (!success) throw new Error(`h2load failed: ${new TextDecoder().decode(stderr)}`);
    const tally = new Tally();
    for (const line of (await Deno.readTextFile(log)).split("\n")) readLine(line, tally);
    return { tally, throughput: tally.ok / Math.ceil(seconds) };
  } finally {
    await server.stop();
    await Deno.remove(folder, { recursive: true });
  }
}

/** A line of the log: when the request was sent, its status (−1 where there is none), and how many µs it took. */
function readLine(line: string, tally: Tally): void {
  const [, status, micros] = line.split("\t").map(Number);
  if (!(micros >= 0)) return;
  if (status === 200) tally.succeed(micros / 1000);
  else tally.count(status > 0 ? `status ${status}` : "connection-lost", 1);
}
