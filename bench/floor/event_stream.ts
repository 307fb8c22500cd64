/**
 * The floor for event streams: a ReadableStream per reader on Deno.serve, given
 * the same bytes each.
 *
 * @module
 */

import { runProgram } from "./command.ts";
import { control, eventData, isControl } from "./event_stream_control.ts";

const encoder = new TextEncoder();
const headers = { "content-type": "text/event-stream", "cache-control": "no-store" };
const readers = new Set<ReadableStreamDefaultController<Uint8Array>>();
let number = 0;

await runProgram({
  server: () => Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, handle).addr.port,
});

async function handle(request: Request): Promise<Response> {
  if (isControl(request.url)) return new Response(`data: ${await control(request.url, publish)}\n\n`, { headers });
  let reader: ReadableStreamDefaultController<Uint8Array>;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      readers.add(reader = controller);
    },
    cancel() {
      readers.delete(reader);
    },
  });
  return new Response(body, { headers });
}

function publish(): void {
  const bytes = encoder.encode(`id: ${++number}\ndata: ${eventData(number)}\n\n`);
  for (const reader of readers) reader.enqueue(bytes);
}
