/**
 * A server on the HTTP/1.1 core, and clients that send what they like.
 *
 * @module
 */

import { readOptions } from "../../../src/core/options.ts";
import type { TransportError } from "../../../mod.ts";
import {
  type Http1Handler,
  type Http1Listener,
  type Http1ServerOptions,
  http1ServerRules,
  http1ServerSettings,
  listenHttp1,
} from "../../../src/transport/http1_server/http1_server.ts";

const encoder = new TextEncoder();

/** A running server, and how its connections have ended. */
export interface TestServer extends AsyncDisposable {
  readonly listener: Http1Listener;
  readonly port: number;
  readonly ends: (TransportError | undefined)[];
}

/** Starts a server on a free port. */
export async function serving(handler: Http1Handler, options: Partial<Http1ServerOptions> = {}): Promise<TestServer> {
  const ends: (TransportError | undefined)[] = [];
  const given = {
    port: 0,
    observer: (event: { type: string; error?: TransportError }) => {
      if (event.type === "connection-closed") ends.push(event.error);
    },
    ...options,
  };
  const settings = http1ServerSettings("test", readOptions("test", given, http1ServerRules));
  const listener = await listenHttp1(settings, handler);
  return {
    listener,
    port: listener.addr.port!,
    ends,
    async [Symbol.asyncDispose]() {
      await listener.close();
      await listener.ended;
    },
  };
}

/** A client on a connection of its own. */
export class RawClient implements Disposable {
  /** What has come so far. */
  text = "";
  readonly conn: Deno.TcpConn;
  readonly #decoder = new TextDecoder();

  constructor(conn: Deno.TcpConn) {
    this.conn = conn;
  }

  static async connect(port: number): Promise<RawClient> {
    return new RawClient(await Deno.connect({ hostname: "127.0.0.1", port }));
  }

  /** Sends a text as it is. */
  async send(text: string): Promise<void> {
    const bytes = encoder.encode(text);
    for (let offset = 0; offset < bytes.length;) offset += await this.conn.write(bytes.subarray(offset));
  }

  /** Reads until what has come matches, or up to the end; returns all of it. */
  async read(until?: RegExp): Promise<string> {
    const buffer = new Uint8Array(16 * 1024);
    while (until === undefined || !until.test(this.text)) {
      const count = await this.conn.read(buffer).catch(() => null);
      if (count === null) break;
      this.text += this.#decoder.decode(buffer.subarray(0, count), { stream: true });
    }
    return this.text;
  }

  [Symbol.dispose](): void {
    this.conn[Symbol.dispose]();
  }
}

/** Sends a text on a connection of its own and returns all that comes back, up to the end. */
export async function ask(port: number, text: string): Promise<string> {
  using client = await RawClient.connect(port);
  await client.send(text);
  return await client.read();
}

/** A request head with a Host, from its first line and further lines. */
export function head(first: string, ...lines: string[]): string {
  return [`${first} HTTP/1.1`, "host: a", ...lines, "", ""].join("\r\n");
}

/** The status of the first response in a text. */
export function statusOf(text: string): number {
  return Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1]);
}
