/**
 * Channels that send urgent messages first, strictly: what the rules of mux()
 * for the order of its frames are there for.
 *
 * @module
 */

import { type Channel, type ChannelTransport, type Message, TransportError } from "../../src/core/mod.ts";
import { settle } from "./_settle.ts";

/** How much such a channel holds: where it says that it is full, and where it takes no more. */
export interface OrderingLimits {
  readonly highWaterMessages: number;
  readonly maxMessages: number;
}

/** Both ends order what they send; a message goes every few turns of the event loop's microtasks. */
export function ordering(bare: ChannelTransport, limits: OrderingLimits): ChannelTransport {
  return {
    dial: async (how) => ordered(await bare.dial(how), limits),
    listen: (accept) => bare.listen((channel) => accept(ordered(channel, limits))),
  };
}

function ordered(channel: Channel, { highWaterMessages, maxMessages }: OrderingLimits): Channel {
  const lines: Message[][] = Array.from({ length: 9 }, () => []);
  const waiting = (): number => lines.reduce((sum, line) => sum + line.length, 0);
  let room: PromiseWithResolvers<void> | undefined;
  let closed: PromiseWithResolvers<void> | undefined;
  let pumping = false;
  const send = channel.send.bind(channel);
  const close = channel.close.bind(channel);
  const pump = async (): Promise<void> => {
    pumping = true;
    for (let line; (line = lines.find((each) => each.length > 0)) !== undefined;) {
      try {
        void send(line.shift()!);
      } catch {
        break;
      }
      if (waiting() <= highWaterMessages >> 1) {
        room?.resolve();
        room = undefined;
      }
      await settle(5);
    }
    pumping = false;
    room?.resolve();
    if (closed !== undefined) void close().then(closed.resolve);
  };
  channel.sendParts = undefined;
  channel.send = (message, priority = 3) => {
    if (waiting() >= maxMessages) throw new TransportError("overloaded", "Cannot send: too much waits");
    lines[priority].push(message);
    if (!pumping) {
      pumping = true;
      void settle(3).then(pump);
    }
    return waiting() > highWaterMessages ? (room ??= Promise.withResolvers<void>()).promise : undefined;
  };
  channel.close = () => {
    if (closed === undefined) {
      closed = Promise.withResolvers<void>();
      if (!pumping) void pump();
    }
    return closed.promise;
  };
  return channel;
}
