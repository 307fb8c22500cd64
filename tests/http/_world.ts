/**
 * A server on a port of the system's choice, and a client of it.
 *
 * @module
 */

import {
  type Handler,
  http,
  type HttpOptions,
  pool,
  type PooledClient,
  serve,
  type Server,
  type Session,
} from "../../mod.ts";
import { within } from "../support/channels.ts";

/** See the module. */
export interface HttpWorld {
  readonly server: Server;
  /** Where it is. */
  readonly origin: string;
  /** A session to it. */
  dial(options?: Partial<HttpOptions>): Promise<Session<Request, Response>>;
  /** A client of it. */
  client(options?: Partial<HttpOptions>): PooledClient<Request, Response>;
}

/** The forms of the calling end. */
export const forms = ["sockets", "fetch"] as const;

/** Registers a test for each form of the calling end. */
export function bothForms(name: string, run: (client: typeof forms[number]) => Promise<void>): void {
  for (const client of forms) Deno.test(`${name} [${client}]`, () => run(client));
}

/** Runs a test in a world of its own, and ends it. */
export async function httpWorld(
  handler: Handler<Request, Response>,
  run: (world: HttpWorld) => Promise<void>,
  options: Partial<HttpOptions> = {},
): Promise<void> {
  const ends: (() => Promise<unknown>)[] = [];
  const server = await serve(http({ port: 0, ...options }), handler, { graceMs: 1000 });
  ends.push(() => server.shutdown());
  const origin = `${server.addr.transport}://127.0.0.1:${server.addr.port}`;
  const transport = (more: Partial<HttpOptions> = {}) => http({ origin, ...options, ...more, port: undefined });
  try {
    await within(
      run({
        server,
        origin,
        async dial(more) {
          const session = await transport(more).dial();
          ends.push(() => session.close());
          return session;
        },
        client(more) {
          const client = pool<Request, Response>()(transport(more));
          ends.push(() => client.close());
          return client;
        },
      }),
      "the end of the test",
    );
  } finally {
    for (const end of ends.reverse()) await within(end(), "the end of all that was begun");
  }
}

/** A body that goes on until it is cancelled. */
export function endless(onCancel: (reason: unknown) => void = () => {}): ReadableStream<Uint8Array> {
  let sent = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  return new ReadableStream({
    async pull(controller): Promise<void> {
      // The first pieces go at once, the others as slowly as an event stream's.
      if (sent++ > 2) await new Promise((resolve) => timer = setTimeout(resolve, 1));
      controller.enqueue(new Uint8Array(10).fill(sent));
    },
    cancel(reason): void {
      clearTimeout(timer);
      onCancel(reason);
    },
  });
}
