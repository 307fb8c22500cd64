/**
 * Two ends of jsonRpc() whose calls carry streams, and streams to send.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  chain,
  type Handler,
  jsonRpc,
  type JsonRpcOptions,
  ManualClock,
  memory,
  type MethodRequest,
  type Session,
  type SessionListener,
  type Streamed,
  TransportError,
} from "../../../mod.ts";
import { settle } from "../../support/calls.ts";

/** The two ends. */
export interface World {
  clock: ManualClock;
  session: Session<MethodRequest, unknown>;
  server: SessionListener;
  end(): Promise<void>;
}

/** Joins them, with small windows. */
export async function world(handler: Handler<MethodRequest, unknown>, options: JsonRpcOptions = {}): Promise<World> {
  const clock = new ManualClock();
  const wire = chain(memory({ clock }), jsonRpc({ clock, streamWindowItems: 4, ...options }));
  const server = await wire.listen(handler);
  const session = await wire.dial();
  const end = async (): Promise<void> => {
    await settle(200);
    assert.deepEqual([session.load, server.calls.inFlight], [0, 0]);
    const closed = Promise.all([session.close(), server.shutdown()]);
    await settle(200);
    await clock.advance(10_000);
    await closed;
  };
  return { clock, session, server, end };
}

/** Numbers up to a limit, and what became of them. */
export class Numbers implements AsyncIterable<number> {
  made = 0;
  left = false;
  constructor(readonly limit = Infinity, readonly failAt = Infinity) {}
  async *[Symbol.asyncIterator](): AsyncGenerator<number> {
    try {
      while (this.made < this.limit) {
        if (this.made === this.failAt) throw new TransportError("invalid-request", "No more", { details: { at: 3 } });
        yield this.made++;
      }
    } finally {
      this.left = true;
    }
  }
}

/** A reply with a stream. */
export type Reply = Streamed<unknown, unknown>;
