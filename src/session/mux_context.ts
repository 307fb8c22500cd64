/**
 * What of a context travels with a call of mux().
 *
 * @module
 */

import { background, type CallContext } from "../core/context.ts";
import { contextRefusal } from "../core/context_refusal.ts";
import { TransportError } from "../core/errors.ts";
import { head, type MuxLink } from "./mux_link.ts";
import { tooLarge } from "./mux_refusals.ts";
import * as wire from "./mux_wire.ts";

/**
 * Writes what a call carries beside its payload into the link's head and
 * returns where it ends. Throws `message-too-large` and `deadline-exceeded`.
 */
export function writeContext(link: MuxLink, offset: number, request: Uint8Array, context: CallContext): number {
  const { maxMessageBytes } = link.peer!;
  if (request.length > maxMessageBytes) throw tooLarge(request.length, maxMessageBytes);
  if (context === background) return offset;
  let timeLeftMs: number | undefined;
  if (context.deadline !== Infinity) {
    const refusal = contextRefusal(context);
    if (refusal !== undefined) throw refusal;
    timeLeftMs = context.deadline - link.settings.clock.now();
    if (timeLeftMs <= 0) {
      throw new TransportError("deadline-exceeded", "Call not sent: its deadline has passed", { processed: "no" });
    }
  }
  const priority = context.priority === background.priority ? undefined : context.priority;
  const headLength = wire.writeCallHead(head, offset, timeLeftMs, priority, context.metadata);
  // What the peer's channel takes bounds the whole frame.
  const frameBytes = headLength + request.length - wire.callHeadBytes;
  if (frameBytes > maxMessageBytes) throw tooLarge(frameBytes, maxMessageBytes);
  return headLength;
}
