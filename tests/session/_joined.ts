/**
 * A server and a session that has dialled it, in one process, on a clock that
 * the test moves.
 *
 * @module
 */

import {
  chain,
  type Handler,
  ManualClock,
  type Session,
  type SessionListener,
  type SessionTransport,
} from "../../src/core/mod.ts";
import { mux, type MuxOptions } from "../../src/session/mux.ts";
import { memory, type MemoryOptions } from "../../src/transport/memory/memory.ts";

/** See the module. */
export interface Joined {
  readonly clock: ManualClock;
  readonly wire: SessionTransport<Uint8Array, Uint8Array>;
  readonly server: SessionListener;
  /** The end that dialled. */
  readonly session: Session<Uint8Array, Uint8Array>;
  /** The end that was accepted. */
  readonly accepted: Session<Uint8Array, Uint8Array>;
}

/** What the two ends may be given. */
export interface JoinedOptions extends MuxOptions {
  /** Answers what the server calls. */
  dialHandler?: Handler<Uint8Array, Uint8Array>;
  memory?: MemoryOptions;
}

/** Serves and dials. */
export async function joined(
  handler: Handler<Uint8Array, Uint8Array>,
  options: JoinedOptions = {},
): Promise<Joined> {
  const clock = new ManualClock();
  const { dialHandler, memory: memoryOptions, ...muxOptions } = options;
  const wire = chain(memory({ ...memoryOptions, clock }), mux({ ...muxOptions, clock }));
  const { promise, resolve } = Promise.withResolvers<Session<Uint8Array, Uint8Array>>();
  const server = await wire.listen(handler, { onSession: resolve });
  const session = await wire.dial({ handler: dialHandler });
  return { clock, wire, server, session, accepted: await promise };
}

/** Bytes of a few numbers. */
export function bytes(...values: number[]): Uint8Array {
  return new Uint8Array(values);
}

/** A handler whose calls the test answers one by one, in the order it likes. */
export class HeldCalls {
  /** The calls so far. */
  readonly calls: {
    request: Uint8Array;
    context: Parameters<Handler<Uint8Array, Uint8Array>>[1];
    reply: (reply: Uint8Array) => void;
    fail: (error: unknown) => void;
  }[] = [];

  /** The handler. */
  readonly handler: Handler<Uint8Array, Uint8Array> = (request, context) => {
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    this.calls.push({ request, context, reply: resolve, fail: reject });
    return promise;
  };
}
