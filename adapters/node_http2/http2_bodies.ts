/**
 * Bodies on a stream of HTTP/2, with backpressure both ways.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { constants, type ServerHttp2Stream } from "node:http2";

/** The body of a request: read from the stream as its reader asks, which is what opens the client's window again. */
export function bodyOf(stream: ServerHttp2Stream): ReadableStream<Uint8Array<ArrayBuffer>> {
  let over = false;
  return new ReadableStream<Uint8Array<ArrayBuffer>>({
    start(controller) {
      stream.on("data", (chunk: Uint8Array<ArrayBuffer>) => {
        if (over) return;
        controller.enqueue(chunk);
        if ((controller.desiredSize ?? 0) <= 0) stream.pause();
      });
      stream.on("end", () => {
        if (!over) controller.close();
        over = true;
      });
      stream.on("close", () => {
        if (!over) controller.error(new TypeError("Cannot read body: the client went away before its end"));
        over = true;
      });
      stream.pause();
    },
    pull() {
      stream.resume();
    },
    cancel() {
      over = true;
      // Nobody reads the rest: the client is told to send no more once it has its answer.
      if (stream.writableFinished) stream.close(constants.NGHTTP2_NO_ERROR);
    },
  }, { highWaterMark: 0 });
}

/** Sends a response's body, no faster than it is taken. Rejects where the body fails. */
export async function sendBody(stream: ServerHttp2Stream, body: ReadableStream<Uint8Array>): Promise<void> {
  const reader = body.getReader();
  // A body that waits for something would never hear that its reader is gone.
  const gone = (): void => void reader.cancel().catch(() => {});
  stream.once("close", gone);
  for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
    if (stream.destroyed || stream.closed) return;
    const { buffer, byteOffset, byteLength } = chunk.value;
    if (!stream.write(Buffer.from(buffer, byteOffset, byteLength))) await drained(stream);
  }
  if (stream.destroyed || stream.closed) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  stream.once("close", () => resolve());
  stream.end(() => resolve());
  await promise;
  stream.off("close", gone);
}

/** Resolves when the stream takes more, or is closed. */
function drained(stream: ServerHttp2Stream): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const done = (): void => {
    stream.off("drain", done);
    stream.off("close", done);
    resolve();
  };
  stream.on("drain", done);
  stream.on("close", done);
  return promise;
}
