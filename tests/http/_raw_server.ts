/**
 * A server that says what a test wants, byte for byte.
 *
 * @module
 */

import { http, type HttpOptions, type Session } from "../../mod.ts";
import { within } from "../support/channels.ts";

/** One connection, as the server has it. */
export class RawConnection {
  /** Which one it is, from 1. */
  readonly number: number;
  readonly #conn: Deno.Conn;
  #text = "";

  /** Takes a connection over. */
  constructor(conn: Deno.Conn, number: number) {
    this.#conn = conn;
    this.number = number;
  }

  /** Reads a head; throws where the client ends before. */
  head(): Promise<string> {
    return this.#upTo("\r\n\r\n");
  }

  /** Reads a request with a body of known length or in chunks; gives its text. */
  async request(): Promise<string> {
    const head = await this.head();
    const length = /\r\ncontent-length: (\d+)\r\n/i.exec(head)?.[1];
    if (length !== undefined) return head + await this.take(Number(length));
    return /\r\ntransfer-encoding: chunked\r\n/i.test(head) ? head + await this.#upTo("\r\n0\r\n\r\n") : head;
  }

  /** Reads so many bytes. */
  async take(count: number): Promise<string> {
    while (this.#text.length < count) await this.#more();
    const taken = this.#text.slice(0, count);
    this.#text = this.#text.slice(count);
    return taken;
  }

  /** What has been read and not been taken yet, once something has come. */
  async some(): Promise<string> {
    if (this.#text === "") await this.#more();
    return this.take(this.#text.length);
  }

  /** Writes bytes, or a text, a byte for each character. */
  async write(text: string | Uint8Array): Promise<void> {
    const bytes = typeof text === "string" ? Uint8Array.from(text, (char) => char.charCodeAt(0)) : text;
    for (let at = 0; at < bytes.length;) at += await this.#conn.write(bytes.subarray(at));
  }

  /** Waits for the client's end. */
  async ended(): Promise<void> {
    const buffer = new Uint8Array(65_536);
    try {
      while (await this.#conn.read(buffer) !== null);
    } catch {
      // A reset is an end, too.
    }
  }

  async #upTo(mark: string): Promise<string> {
    while (!this.#text.includes(mark)) await this.#more();
    return this.take(this.#text.indexOf(mark) + mark.length);
  }

  async #more(): Promise<void> {
    const buffer = new Uint8Array(65_536);
    const count = await this.#conn.read(buffer);
    if (count === null) throw new Error("The client has ended the connection");
    this.#text += String.fromCharCode(...buffer.subarray(0, count));
  }
}

/** What a test has of it. */
export interface RawWorld {
  readonly origin: string;
  readonly port: number;
  /** How many connections there have been. */
  readonly accepted: number;
  /** Dials a session on own sockets. */
  dial(options?: Partial<HttpOptions>): Promise<Session<Request, Response>>;
}

/** Runs a test against a server that runs `script` on each connection, and then closes it. */
export async function rawWorld(
  script: (connection: RawConnection) => Promise<void>,
  run: (world: RawWorld) => Promise<void>,
): Promise<void> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const origin = `http://127.0.0.1:${port}`;
  const running: Promise<void>[] = [];
  const failures: unknown[] = [];
  const open = new Set<Deno.Conn>();
  let accepted = 0;
  let over = false;
  const one = async (conn: Deno.TcpConn): Promise<void> => {
    conn.setNoDelay(true);
    open.add(conn);
    try {
      await script(new RawConnection(conn, ++accepted));
    } catch (error) {
      if (!over) failures.push(error);
    } finally {
      open.delete(conn);
      try {
        conn.close();
      } catch {
        // It was closed at the end of the test.
      }
    }
  };
  const accepting = (async () => {
    for await (const conn of listener) running.push(one(conn));
  })();
  const sessions: Session<Request, Response>[] = [];
  try {
    await within(
      run({
        origin,
        port,
        get accepted() {
          return accepted;
        },
        async dial(options) {
          const session = await http({ origin, client: "sockets", ...options }).dial();
          sessions.push(session);
          return session;
        },
      }),
      "the end of the test",
    );
  } finally {
    over = true;
    await within(Promise.all(sessions.map((session) => session.close())), "the end of the sessions");
    listener.close();
    await accepting;
    for (const conn of open) conn.close();
    await within(Promise.all(running), "the end of the scripts");
  }
  const told = failures.filter((error) => !/ended the connection|reset|Broken pipe/i.test(String(error)));
  if (told.length > 0) throw told[0];
}

/** A whole response with a body of known length. */
export function fixed(body: string, more = ""): string {
  return `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n${more}\r\n${body}`;
}
