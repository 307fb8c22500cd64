/**
 * Conformance of sessions: a server that is replaced under load, again and again.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { type Handler, pool, TransportError } from "../../mod.ts";
import { numbered, turns, until } from "../support/channels.ts";
import type { Bytes } from "./_session_world.ts";
import type { Capabilities, SessionTest } from "./session_suite.ts";

const restarts = 4;
const callsBetween = 150;
const workers = 16;

/** The number that a request begins with. */
function numberOf(request: Bytes): number {
  return new DataView(request.buffer, request.byteOffset).getUint32(0);
}

/** Registers them. */
export function restartTests(test: SessionTest, can: Capabilities): void {
  const behaviour = can.goaway
    ? "loses no call and runs none twice while the server is restarted under load"
    : "runs no call twice while the server is restarted under load, and says maybe of those it loses";
  test(behaviour, {}, async (world) => {
    const runs = new Map<number, number>();
    const handler: Handler<Bytes, Bytes> = async (request) => {
      const number = numberOf(request);
      runs.set(number, (runs.get(number) ?? 0) + 1);
      await turns(number % 3);
      return request;
    };
    let server = await world.serve(handler, 20_000);
    const client = pool<Bytes, Bytes>({
      max: 3,
      callsPerConnection: 4,
      waitForReady: true,
      acquireTimeoutMs: 20_000,
      initialBackoffMs: 5,
      maxBackoffMs: 20,
    })(world.transport);
    world.defer(() => client.close());

    let next = 0;
    let answered = 0;
    let stopped = false;
    const uncertain: TransportError[] = [];
    const work = async (): Promise<void> => {
      while (!stopped) {
        const number = next++;
        for (;;) {
          try {
            assert.equal(numberOf(await client(numbered(number, 20))), number);
            answered++;
            break;
          } catch (error) {
            if (!(error instanceof TransportError)) throw error;
            if (error.processed !== "no") {
              uncertain.push(error);
              break;
            }
            // Not sent, so it may be sent again, a little later.
            await turns(1);
          }
        }
      }
    };
    const working = Promise.all(Array.from({ length: workers }, work));
    try {
      for (let i = 0; i < restarts; i++) {
        const goal = answered + callsBetween;
        await until(() => answered >= goal, `${goal} answered calls`);
        const ending = server.shutdown();
        server = await world.replace(handler, 20_000);
        await ending;
      }
      const goal = answered + callsBetween;
      await until(() => answered >= goal, `${goal} answered calls`);
    } finally {
      stopped = true;
      await working;
    }
    for (const [number, times] of runs) assert.equal(times, 1, `call ${number} ran ${times} times`);
    if (can.goaway) {
      assert.deepEqual(uncertain.map(({ message }) => message), []);
      assert.equal(answered, next);
      assert.equal(runs.size, next);
    } else {
      for (const { code, processed } of uncertain) assert.deepEqual([code, processed], ["connection-lost", "maybe"]);
      assert.equal(answered + uncertain.length, next);
    }
  });
}
