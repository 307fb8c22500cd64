/**
 * Event streams in both of their forms, for tests that hold for either, and a
 * reader that reads as slowly as a test wants.
 *
 * @module
 */

import { eventStream, type EventStreamOptions, eventStreams, type EventStreamStart } from "../../../mod.ts";
import { RawClient } from "../http1_server/_http1_server.ts";

/** A server of event streams. */
export interface StreamServer extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
}

/** A way to serve event streams. */
export interface Form {
  readonly name: string;
  serve(start: EventStreamStart, options?: EventStreamOptions): Promise<StreamServer>;
}

/** Both. */
export const forms: readonly Form[] = [
  {
    name: "eventStream() on Deno.serve",
    serve(start, options) {
      const server = Deno.serve(
        { hostname: "127.0.0.1", port: 0, onListen() {} },
        (request) => eventStream(request, start, options),
      );
      return Promise.resolve(serverOf(server.addr.port, () => server.shutdown()));
    },
  },
  {
    name: "eventStreams()",
    async serve(start, options) {
      const listener = await eventStreams({ port: 0, ...options }).listen(start);
      return serverOf(listener.addr.port!, () => listener.shutdown());
    },
  },
];

function serverOf(port: number, end: () => Promise<void>): StreamServer {
  return { port, url: `http://127.0.0.1:${port}/`, [Symbol.asyncDispose]: end };
}

/** A reader that has asked for events, and got the head of the answer. */
export async function connectReader(port: number, ...fields: string[]): Promise<RawClient> {
  const client = await RawClient.connect(port);
  await client.send(["GET / HTTP/1.1", "host: a", ...fields, "", ""].join("\r\n"));
  await client.read(/\r\n\r\n/);
  return client;
}

/** The text of a chunked body, as far as it has come. */
export function bodyOf(answer: string): string {
  const end = answer.indexOf("\r\n\r\n") + 4;
  let body = "";
  for (let rest = answer.slice(end); rest !== "";) {
    const line = rest.indexOf("\r\n");
    const length = parseInt(rest, 16);
    if (line < 0 || length === 0) break;
    body += rest.slice(line + 2, line + 2 + length);
    rest = rest.slice(line + 2 + length + 2);
  }
  return body;
}
