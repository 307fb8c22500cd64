/**
 * A connection whose one end has a middleware and whose other end has none,
 * so that a test sees and says what goes over the wire.
 *
 * @module
 */

import { type Channel, type ChannelTransport, memory, type MemoryOptions } from "../../mod.ts";
import { Recorder } from "../support/channels.ts";

/** See the module. */
export interface Raw {
  /** The end with the middleware. */
  readonly channel: Channel;
  /** What the end with the middleware hands out. */
  readonly heard: Recorder;
  /** The bare end. */
  readonly peer: Channel;
  /** What went over the wire to the bare end. */
  readonly wire: Recorder;
}

/** Joins them. The end with the middleware receives into a recorder, unless it is to receive later. */
export async function raw<C extends Channel = Channel>(
  wrap: (transport: ChannelTransport) => { dial(): Promise<C> },
  { receives = true, onMessage, ...options }: MemoryOptions & {
    receives?: boolean;
    onMessage?: () => void | Promise<void>;
  } = {},
): Promise<Raw & { readonly channel: C }> {
  const transport = memory(options);
  const accepted = Promise.withResolvers<Channel>();
  const listener = await transport.listen(accepted.resolve);
  const channel = await wrap(transport).dial();
  await listener.close();
  const peer = await accepted.promise;
  const [heard, wire] = [new Recorder(onMessage), new Recorder()];
  peer.receive(wire);
  if (receives) channel.receive(heard);
  return { channel, heard, peer, wire };
}

/** Bytes that stand in a message, to compare with. */
export function hex(message: unknown): string {
  if (!(message instanceof Uint8Array)) return `not bytes: ${message}`;
  return Array.from(message, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

/** The hello of a middleware. */
export function hello(marker: number, ...more: number[]): Uint8Array {
  return Uint8Array.of(marker, 1, 0x77, 0x77, 1, 1, ...more);
}
