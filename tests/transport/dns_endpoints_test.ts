/**
 * dnsEndpoints(): the addresses behind a name, as they come and go.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { balance, dnsEndpoints, ManualClock, type Resolve, type TransportEvent } from "../../mod.ts";
import { settle } from "../support/calls.ts";

/** Lookups whose answers the test sets. */
function scriptedLookups() {
  const clock = new ManualClock();
  const events: TransportEvent[] = [];
  const script = { answer: [] as string[] | Error, lookups: 0, signal: undefined as AbortSignal | undefined };
  const resolve: Resolve = (_, signal) => {
    script.lookups++;
    script.signal = signal;
    const { answer } = script;
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer.map((hostname) => ({ hostname })));
  };
  const endpoints = dnsEndpoints({
    hostname: "orders.internal",
    port: 9000,
    intervalMs: 1000,
    retryMs: 100,
    resolve,
    clock,
    observer: (event) => void events.push(event),
  });
  return { clock, events, script, endpoints };
}

Deno.test("the name is looked up again and again, and the addresses are given when they have changed", async () => {
  const { clock, script, endpoints } = scriptedLookups();
  script.answer = ["10.0.0.2", "10.0.0.1"];
  const lists: string[][] = [];
  const reading = (async () => {
    for await (const list of endpoints) {
      lists.push(list.map(({ hostname, port }) => `${hostname}:${port}`));
      if (lists.length === 2) break;
    }
  })();
  await settle();
  assert.deepEqual(lists, [["10.0.0.1:9000", "10.0.0.2:9000"]]);
  script.answer = ["10.0.0.1", "10.0.0.2"];
  await clock.advance(1000);
  assert.deepEqual([script.lookups, lists.length], [2, 1]);
  script.answer = ["10.0.0.3"];
  await clock.advance(1000);
  await reading;
  assert.deepEqual(lists[1], ["10.0.0.3:9000"]);
  await clock.advance(10_000);
  assert.equal(script.lookups, 3);
  assert.equal(clock.pending, 0);
});

Deno.test("a lookup that fails or finds nothing changes nothing, is told, and is tried again soon", async () => {
  const { clock, script, endpoints, events } = scriptedLookups();
  const connected: string[] = [];
  script.answer = new Error("SERVFAIL");
  const client = balance({
    endpoints,
    connect: ({ hostname }) => {
      connected.push(hostname!);
      return (request: string) => Promise.resolve(`${hostname} ${request}`);
    },
    clock,
  });
  const waiting = client("hello");
  await settle();
  assert.match((events[0] as { error: Error }).error.message, /Cannot look up orders\.internal: SERVFAIL/);
  script.answer = ["10.0.0.1"];
  await clock.advance(100);
  assert.equal(await waiting, "10.0.0.1 hello");
  script.answer = [];
  await clock.advance(1000);
  script.answer = new Error("SERVFAIL");
  await clock.advance(1000);
  assert.equal(await client("again"), "10.0.0.1 again");
  assert.deepEqual(connected, ["10.0.0.1"]);
  await client.close();
  assert.equal(script.signal?.aborted, true);
  assert.equal(clock.pending, 0);
});

Deno.test("the platform's own lookup finds this machine", async () => {
  const iterator = dnsEndpoints({ hostname: "localhost", port: 9000 })[Symbol.asyncIterator]();
  const { value } = await iterator.next();
  assert.ok(value.some(({ hostname }: { hostname: string }) => ["127.0.0.1", "::1"].includes(hostname)));
  await iterator.return!();
});

Deno.test("dnsEndpoints() refuses options that make no sense, naming them", () => {
  assert.throws(() => dnsEndpoints({} as { hostname: string }), { code: "invalid-option" });
  assert.throws(() => dnsEndpoints({ hostname: "a", port: 0 }), { code: "invalid-option" });
});
