/**
 * A body that goes in pieces, each in its turn.
 *
 * @module
 */

import { type BodyGate, BodyTurn } from "./body_gate.ts";

/** What `body` yields, in pieces of at most `pieceBytes`, as `gate` lets them through. Nothing is read ahead. */
export function shapedBody(
  body: ReadableStream<Uint8Array>,
  gate: BodyGate,
  priority: number,
  pieceBytes: number,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  const turn = new BodyTurn(priority);
  let over = false;
  let rest: Uint8Array = new Uint8Array(0);
  return new ReadableStream<Uint8Array>({
    start(controller): void {
      // What fails while a piece waits is told at once, not when its turn has come.
      reader.closed.catch((error) => {
        over = true;
        gate.leave(turn);
        controller.error(error);
      });
    },
    async pull(controller): Promise<void> {
      while (rest.length === 0) {
        const { done, value } = await reader.read();
        if (done) return controller.close();
        rest = value;
      }
      const piece = rest.subarray(0, pieceBytes);
      await gate.pass(turn, piece.length);
      if (over) return;
      rest = rest.subarray(piece.length);
      controller.enqueue(piece);
    },
    cancel(reason): Promise<void> {
      over = true;
      gate.leave(turn);
      return reader.cancel(reason);
    },
  }, { highWaterMark: 0 });
}
