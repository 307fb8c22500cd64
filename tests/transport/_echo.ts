/**
 * An echo server over tcp() for tests of one misbehaving connection beside a
 * good one, and raw connections to misbehave with.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { type Channel, type Listener, tcp, type TcpOptions, TransportError, type TransportEvent } from "../../mod.ts";
import { bytesOf, Recorder, until, within } from "../support/channels.ts";

/** One accepted connection. */
export interface Served {
  readonly channel: Channel;
  readonly recorder: Recorder;
}

/** A running echo server. Disposing closes it and all its connections. */
export interface EchoServer extends AsyncDisposable {
  readonly listener: Listener;
  readonly port: number;
  /** The connections, in the order in which they came. */
  readonly served: Served[];
  /** What its observer heard. */
  readonly events: TransportEvent[];
  /** Waits for a connection. */
  connection(number: number): Promise<Served>;
}

/** Listens with tcp() on a port of the system's choice, and echoes. */
export async function echoServer(options: Partial<TcpOptions> = {}): Promise<EchoServer> {
  const served: Served[] = [];
  const events: TransportEvent[] = [];
  const observer = (event: TransportEvent): void => void events.push(event);
  const listener = await tcp({ observer, ...options, port: 0 }).listen((channel) => {
    const recorder = new Recorder((message) => channel.send(message));
    served.push({ channel, recorder });
    channel.receive(recorder);
  });
  return {
    listener,
    port: listener.addr.port!,
    served,
    events,
    async connection(number) {
      await until(() => served.length > number, `connection ${number}`);
      return served[number];
    },
    async [Symbol.asyncDispose]() {
      await within(
        Promise.all([listener.close(), ...served.map(({ channel }) => channel.close())]),
        "the server's end",
      );
      assert.equal(listener.counters.connectionsOpen, 0);
      for (const { recorder } of served) recorder.checkOver();
    },
  };
}

/** A good connection that is there before the trouble and must be served during and after it. */
export async function bystander(options: TcpOptions): Promise<{ check(): Promise<void>; leave(): void }> {
  const channel = await tcp(options).dial();
  const recorder = new Recorder();
  channel.receive(recorder);
  async function check(): Promise<void> {
    const text = `message ${recorder.messages.length}`;
    const count = recorder.messages.length + 1;
    await channel.send(text);
    await recorder.count(count);
    assert.equal(new TextDecoder().decode(bytesOf(recorder.messages[count - 1])), text);
    assert.equal(recorder.closes, 0);
  }
  await check();
  return { check, leave: () => channel.abort(new TransportError("cancelled", "Test over")) };
}

/** Reads to the end or the reset of a raw connection; gives what came. */
export async function readAll(conn: Deno.Conn): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  const buffer = new Uint8Array(256 * 1024);
  try {
    for (let count; (count = await conn.read(buffer)) !== null;) parts.push(buffer.slice(0, count));
  } catch (error) {
    if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
  }
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Writes all of the bytes to a raw connection. */
export async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
}

/** Joins a raw connection and a channel that dialled it. */
export async function dialRaw(options: Partial<TcpOptions> = {}): Promise<{ conn: Deno.Conn; channel: Channel }> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const [conn, channel] = await Promise.all([
    listener.accept(),
    tcp({ ...options, port: listener.addr.port }).dial(),
  ]);
  return { conn, channel };
}
