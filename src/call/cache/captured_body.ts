/**
 * Keeping a copy of a body while somebody else reads it.
 *
 * @module
 */

import { responseAround } from "../../core/completion.ts";
import { joinBytes } from "../../util/join_bytes.ts";

/**
 * Passes a response on, and gives its body to `whole` once it was read to its
 * end; or `undefined`, as soon as it is clear that this will not be: it has
 * more than `maxBytes`, it failed, or it was cancelled.
 */
export function captured(
  response: Response,
  maxBytes: number,
  whole: (body: Uint8Array<ArrayBuffer> | undefined) => void,
): Response {
  const claimed = response.headers.has("content-encoding") ? null : response.headers.get("content-length");
  if (response.body === null) {
    whole(new Uint8Array(0));
    return response;
  }
  if (Number(claimed ?? 0) > maxBytes || response.body.locked) {
    whole(undefined);
    return response;
  }
  const reader = response.body.getReader();
  let chunks: Uint8Array[] | undefined = [];
  let bytes = 0;
  const lost = (): void => {
    if (chunks !== undefined) whole(undefined);
    chunks = undefined;
  };
  const body = new ReadableStream<Uint8Array>({
    async pull(controller): Promise<void> {
      try {
        const { done, value } = await reader.read();
        if (!done) {
          bytes += value.length;
          if (bytes > maxBytes) lost();
          // What is given out may be changed by whoever gets it.
          chunks?.push(value.slice());
          return controller.enqueue(value);
        }
      } catch (error) {
        lost();
        return controller.error(error);
      }
      // A body that is shorter than was said is torn.
      if (claimed !== null && Number(claimed) !== bytes) lost();
      if (chunks !== undefined) whole(joinBytes(chunks));
      controller.close();
    },
    cancel(reason): Promise<void> {
      lost();
      return reader.cancel(reason);
    },
  }, { highWaterMark: 0 });
  return responseAround(response, body);
}
