/**
 * batchCalls() through thousands of random orders of events.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { batchCalls, callContext, deadlinesOf, ManualClock } from "../../../mod.ts";
import { scripted, settle, Watched } from "../../support/calls.ts";
import { Random } from "../../support/random.ts";

Deno.test("batchCalls() settles every call exactly once, in 5 000 random orders of events", async () => {
  for (let seed = 1; seed <= 5_000; seed++) {
    const random = new Random(seed);
    const clock = new ManualClock();
    const { service, calls } = scripted<readonly string[], readonly (string | Error)[]>();
    const call = batchCalls<string, string>({
      clock,
      lingerMs: random.pick([0, 10]),
      maxBatch: random.between(1, 4),
      key: random.oneIn(3) ? (request) => request : undefined,
    })(service);
    const all: { watched: Watched<string>; request: string; controller: AbortController }[] = [];
    let answered = 0;
    const answer = () => {
      const { request, resolve, reject } = calls[answered++];
      if (random.oneIn(4)) reject(new Error("batch"));
      else resolve(request.map((one) => random.oneIn(4) ? new Error("item") : one.toUpperCase()));
    };
    for (let step = 0; step < 20; step++) {
      const at = random.below(6);
      if (at < 3 || all.length === 0) {
        const controller = new AbortController();
        const request = random.pick(["a", "b", "c"]);
        const deadline = random.oneIn(3) ? clock.now() + random.between(1, 20) : undefined;
        const context = callContext({ signal: controller.signal, deadline, priority: random.below(8) });
        all.push({ watched: new Watched(call(request, context)), request, controller });
      } else if (at === 3) random.pick(all).controller.abort();
      else if (at === 4 && answered < calls.length) answer();
      else await clock.advance(random.between(0, 8));
      if (random.oneIn(2)) await settle(6);
    }
    const closing = call.close();
    while (answered < calls.length) answer();
    await closing;
    await settle();
    for (const { watched, request } of all) {
      assert.equal(watched.settled, 1, `seed ${seed}: a call settles exactly once`);
      if (watched.reply !== undefined) {
        assert.equal(watched.reply, request.toUpperCase(), `seed ${seed}: its own answer`);
      }
    }
    assert.equal(deadlinesOf(clock).size, 0, `seed ${seed}: nothing is left in the queue`);
  }
});
