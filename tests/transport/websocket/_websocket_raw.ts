/**
 * Opening handshakes of WebSocket written by hand.
 *
 * @module
 */

const encoder = new TextEncoder();

/** A request that any server of WebSockets takes. */
export const upgradeLines: readonly string[] = [
  "GET / HTTP/1.1",
  "Host: 127.0.0.1",
  "Upgrade: websocket",
  "Connection: Upgrade",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "Sec-WebSocket-Version: 13",
];

/** The request without a field. */
export function without(name: string): string[] {
  return upgradeLines.filter((line) => !line.startsWith(`${name}:`));
}

/** Writes a head and some bytes to a new connection. */
export async function openRaw(port: number, lines: readonly string[], bytes: number[] = []): Promise<Deno.Conn> {
  const conn = await Deno.connect({ port });
  await conn.write(new Uint8Array([...encoder.encode(`${lines.join("\r\n")}\r\n\r\n`), ...bytes]));
  return conn;
}

/** What a server answers to these lines and bytes, up to its end. */
export async function raw(
  port: number,
  lines: readonly string[],
  bytes: number[] = [],
): Promise<{ head: string; rest: number[] }> {
  const conn = await openRaw(port, lines, bytes);
  const received: number[] = [];
  const buffer = new Uint8Array(4096);
  for (let count = await conn.read(buffer); count !== null; count = await conn.read(buffer)) {
    received.push(...buffer.subarray(0, count));
  }
  conn.close();
  const text = String.fromCharCode(...received);
  const end = text.indexOf("\r\n\r\n") + 4;
  return { head: text.slice(0, end), rest: received.slice(end) };
}
