/**
 * eventStream(): answers a request with a stream of server-sent events, on any
 * HTTP server.
 *
 * @module
 */

import { openBodiesOf } from "../../core/open_bodies.ts";
import { readOptions } from "../../core/options.ts";
import { EventStreamBody } from "./event_stream_body.ts";
import { eventStreamFields, eventStreamRules, type EventStreamStart, lastEventIdOf } from "./event_stream_options.ts";
import type { EventStreamOptions } from "./event_stream_options.ts";

export type { EventStream, EventStreamOptions, EventStreamStart } from "./event_stream_options.ts";

/**
 * Answers a request with a stream of server-sent events, in any handler: of
 * `Deno.serve`, of a web framework, on the edge.
 *
 * `start` is called at once with the stream. What it returns says how long the
 * stream lives: a promise, until that has settled (a rejection cuts the
 * connection, and `closed` says why); a `Disposable`, such as the subscription
 * of a {@linkcode Topic}, until the reader leaves, whereupon it is disposed of;
 * nothing, until `close()` or the reader ends it.
 *
 * Where `replay` is given and the request names a `Last-Event-ID`, what came
 * after that event goes out first. If the id is not known any more, an event
 * named `gap` goes before, with the data `{"missed":null}`; the same, with the
 * number of events, stands where a slow reader lost some.
 *
 * What is sent in one turn of the event loop goes out as one chunk. Where a
 * round of writing had 200 streams or more, what comes in the rest after it goes
 * out together: the rest is twice as long as the round kept the event loop busy,
 * at least 10 µs a stream, at most 50 ms. Past the high-water mark, and at the
 * end of a stream, nothing waits for that.
 *
 * Where it is open when its `http()` server's grace is over it is ended, and
 * `closed` resolves with `closed`: its reader comes back, to another server.
 *
 * The response can't be compressed or stored by what is in between. A HEAD
 * request gets the headers alone, and `start` is not called.
 *
 * Errors: `invalid-option`, and what `start` throws before it returns.
 *
 * @example
 * ```ts
 * import { eventStream } from "@wireway/wireway";
 * Deno.serve((request) =>
 *   eventStream(request, async ({ send }) => {
 *     for (let left = 3; left > 0; left--) {
 *       await send({ event: "countdown", data: `${left}` });
 *       await new Promise((resolve) => setTimeout(resolve, 1000));
 *     }
 *   })
 * );
 * ```
 *
 * @example The same to thousands of readers, who get what they missed when they come back
 * ```ts
 * import { eventEncoding, eventStream, Topic } from "@wireway/wireway";
 * const encodings = { events: eventEncoding((euros: number) => ({ event: "price", data: `${euros}` })) };
 * const prices = new Topic({ encodings, replay: true });
 * Deno.serve((request) =>
 *   eventStream(request, (events) =>
 *     prices.subscribe("events", events.send, { after: events.lastEventId, closed: events.close }))
 * );
 * prices.publish(17);
 * ```
 */
export function eventStream(
  request: Request,
  start: EventStreamStart,
  options: EventStreamOptions = {},
): Response {
  const { headers, lastEventId, ...settings } = readOptions("eventStream()", options, eventStreamRules);
  const init = { headers: eventStreamFields(headers) };
  if (request.method === "HEAD") return new Response(null, init);
  const after = lastEventId ?? lastEventIdOf(request.headers.get("last-event-id") ?? "");
  const body = new EventStreamBody(settings, after, openBodiesOf(request));
  const stream = new ReadableStream(body, { highWaterMark: 1 });
  body.run(start);
  return new Response(stream, init);
}
