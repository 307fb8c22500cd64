/**
 * What a transport of calls can do, found by running it.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { callContext, type ErrorCode, Streamed, TransportError } from "../../mod.ts";
import { within } from "../support/channels.ts";
import { type Calls, Source, type Wire } from "./_service.ts";

/** A cell of the table. */
export type Answer = "yes" | "no" | "–";

/** A transport at whose far end the service of the probes is. */
export interface Opened {
  readonly wire: Wire;
  /** Whether its place has a name that another machine can dial. */
  readonly named: boolean;
  /** Where it listens, where it has a port. */
  readonly port?: number;
  /** Breaks the connection below a session; absent where there is none. */
  readonly cut?: (session: Calls) => void | Promise<void>;
  /** Ends the far end. */
  end(): Promise<void>;
}

/** Past so many items of 10 KB that nobody takes, nothing holds the producer back. */
const tooMany = 2000;
/** Round trips through which a producer must have been still. */
const stillFor = 50;

/** Yes where the probe comes to its end; no where it is rejected with one of the codes. */
export async function answerOf(probe: Promise<void>, ...codes: ErrorCode[]): Promise<Answer> {
  try {
    await within(probe, "the end of a probe");
    return "yes";
  } catch (error) {
    if (error instanceof TransportError && codes.includes(error.code)) return "no";
    throw error;
  }
}

function streamOf(reply: unknown): AsyncIterator<unknown> {
  assert.ok(reply instanceof Streamed, "a stream");
  return reply[Symbol.asyncIterator]();
}

/** A handler calls its caller back. */
export async function duplex({ wire }: Opened): Promise<Answer> {
  const session = await wire.dial({ handler: (request) => ({ heard: (request as { method: string }).method }) });
  const probe = async (): Promise<void> => {
    assert.deepEqual(await session.call({ method: "call back" }), { heard: "hello" });
  };
  const answer = await answerOf(probe(), "unsupported");
  await session.close();
  return answer;
}

/** Both ways item by item: the next one is made when the one before has come back. */
export async function streaming({ wire }: Opened): Promise<Answer> {
  const session = await wire.dial();
  const probe = async (): Promise<void> => {
    let back = Promise.withResolvers<void>();
    const up = async function* (): AsyncGenerator<number> {
      for (let n = 0; n < 20; n++) {
        yield n;
        await back.promise;
        back = Promise.withResolvers<void>();
      }
    };
    const down = streamOf(await session.call(new Streamed({ method: "echo" }, up())));
    for (let n = 0; n < 20; n++) {
      assert.deepEqual(await down.next(), { done: false, value: n });
      back.resolve();
    }
    assert.equal((await down.next()).done, true);
  };
  const answer = await answerOf(probe(), "unsupported", "invalid-request", "invalid-reply");
  await session.close();
  return answer;
}

/** A reader of one item holds an endless producer back: that of a reply, and that of a request. */
export async function backpressure({ wire }: Opened): Promise<Answer> {
  const session = await wire.dial();
  const still = async (asked: () => number | Promise<number>): Promise<boolean> => {
    let last = -1;
    for (let same = 0; same < stillFor; same++) {
      // A round trip: what was on its way has come.
      const there = await session.call({ method: "asked" }) as number;
      const now = await asked() + there;
      if (now !== last) same = 0;
      last = now;
      if (now > tooMany) return false;
    }
    return true;
  };
  let bounded = false;
  const probe = async (): Promise<void> => {
    const down = streamOf(await session.call({ method: "items" }));
    await down.next();
    const replies = await still(() => 0);
    await down.return?.();
    const [source, controller] = [new Source(), new AbortController()];
    const up = session.call(new Streamed({ method: "sip" }, source.items()), callContext(controller));
    bounded = replies && await still(() => source.asked) && source.asked > 0;
    controller.abort();
    await assert.rejects(up, { code: "cancelled" });
  };
  const answer = await answerOf(probe(), "unsupported", "invalid-request", "invalid-reply");
  await session.close();
  return answer === "yes" && !bounded ? "no" : answer;
}

/** A stream in whose middle the connection is cut goes on without a loss, on the same session. */
export async function resume({ wire, cut }: Opened): Promise<Answer> {
  if (cut === undefined) return "–";
  const session = await wire.dial();
  const items = 500;
  const probe = async (): Promise<void> => {
    const down = streamOf(await session.call({ method: "items", params: items }));
    for (let n = 0; n < items; n++) {
      if (n === 3) await cut(session);
      const { value } = await down.next();
      assert.equal((value as [number])[0], n);
    }
    assert.equal((await down.next()).done, true);
    assert.equal(await session.call({ method: "on" }), "on");
  };
  const answer = await answerOf(probe(), "connection-lost");
  await session.close();
  return answer;
}
