/**
 * Streams behind a reply over HTTP: the reply and its items as messages, each
 * on a line or as an event of its own.
 *
 * @module
 */

import { TransportError } from "../../core/errors.ts";
import type { Streamed } from "../../core/streamed.ts";
import { errorObject, errorOf, tooLarge } from "./json_rpc_errors.ts";
import { StreamMethod } from "./json_rpc_methods.ts";
import type { Id } from "./json_rpc_parse.ts";
import { errorText, notificationText, resultText } from "./json_rpc_text.ts";

/** How messages follow each other in a body. */
export interface StreamFormat {
  readonly type: string;
  write(text: string): string;
}

const lines: StreamFormat = { type: "application/x-ndjson", write: (text) => `${text}\n` };
const events: StreamFormat = { type: "text/event-stream", write: (text) => `data: ${text}\n\n` };

/** What the client takes; undefined where that is no stream. Lines go before events. */
export function streamFormat(accept: string | null): StreamFormat | undefined {
  if (accept === null) return undefined;
  const types = accept.toLowerCase().split(",").map((type) => type.split(";")[0].trim());
  return [lines, events].find(({ type }) => types.includes(type));
}

/** What a stream is called in a body: there is one. */
const number = 1;

/** The response with a stream; its items are asked for as they are read. */
export function streamResponse(id: Id, stream: Streamed<unknown, unknown>, { type, write }: StreamFormat): Response {
  const encoder = new TextEncoder();
  const items = stream[Symbol.asyncIterator]();
  let begun = false;
  const next = async (): Promise<{ text: string; last: boolean }> => {
    try {
      if (!begun) {
        begun = true;
        return { text: resultText(id, stream.head, { stream: number }), last: false };
      }
      const { done, value } = await items.next();
      if (done) return { text: notificationText(StreamMethod.end, `[${number}]`), last: true };
      const item = JSON.stringify(value) ?? "null";
      return { text: notificationText(StreamMethod.item, `[${number},${item}]`), last: false };
    } catch (error) {
      const object = errorObject(TransportError.from(error, "remote"));
      const text = error instanceof TransportError && error.code === "invalid-reply"
        ? errorText(id, object)
        : notificationText(StreamMethod.end, `[${number},${object}]`);
      return { text, last: true };
    }
  };
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { text, last } = await next();
      controller.enqueue(encoder.encode(write(text)));
      if (last) controller.close();
    },
    async cancel() {
      await items.return?.();
    },
  }, { highWaterMark: 0 });
  return new Response(body, { headers: { "content-type": type, "cache-control": "no-store" } });
}

/** Whether a response is such a stream. */
export function isStream(response: Response): boolean {
  return /^\s*(application\/x-ndjson|text\/event-stream)\b/i.test(response.headers.get("content-type") ?? "");
}

/** The messages of a body. Leaving the loop cancels it. Throws `message-too-large`. */
export async function* messagesOf(response: Response, maxBytes: number): AsyncGenerator<string, undefined> {
  if (response.body === null) return;
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of response.body) {
    const found = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = found.pop()!;
    if (rest.length > maxBytes) throw tooLarge(rest.length, maxBytes, "yes");
    for (const line of found) {
      const text = line.replace(/^data: ?/, "").trim();
      if (text.startsWith("{")) yield text;
    }
  }
}

/** The items that follow a reply, from its messages. */
export async function* itemsOf(messages: AsyncGenerator<string, undefined>): AsyncGenerator<unknown, undefined> {
  try {
    for await (const text of messages) {
      const { method, params } = JSON.parse(text) as { method?: unknown; params?: unknown };
      if (!Array.isArray(params)) continue;
      if (method === StreamMethod.item) yield params[1];
      if (method !== StreamMethod.end) continue;
      if (params[1] !== undefined) throw errorOf(params[1]);
      return;
    }
  } catch (error) {
    throw TransportError.from(error, "connection-lost", { processed: "maybe" });
  }
  throw new TransportError("connection-lost", "Stream lost: the response ended before it did", { processed: "maybe" });
}
