/**
 * nats(): servers that are killed, brokers that go away, and other programs on
 * the same subject.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { connect, headers } from "@nats-io/transport-node";
import {
  callContext,
  chain,
  idempotent,
  pool,
  reconnect,
  retry,
  serve,
  text,
  timeout,
  TransportError,
} from "../../mod.ts";
import { nats, type NatsConnectionOptions } from "../../adapters/nats.ts";
import { natsServer, startNats } from "../support/brokers.ts";
import { failure } from "../support/calls.ts";
import { until, within } from "../support/channels.ts";
import { peerTest, start } from "../support/peer.ts";

const worker = new URL("./_nats_worker.ts", import.meta.url).pathname;

async function startWorker(servers: string[], name: string) {
  const process = start(Deno.execPath(), ["run", "--allow-all", "--quiet", worker, servers[0], name]);
  await process.until(/serving/);
  return process;
}

peerTest("nats() settles every call when one of several servers is killed under load, and retry() saves them", [
  natsServer,
], async () => {
  await using broker = await startNats();
  const { servers } = broker;
  const workers = await Promise.all(["one", "two", "three"].map((name) => startWorker(servers, name)));
  const wire = chain(nats({ servers, subject: "work", heartbeatMs: 100 }), text());
  const bare = chain(wire, reconnect());
  const retried = chain(wire, pool({ max: 2 }), retry({ maxAttempts: 5 }), timeout({ ms: 15_000 }));
  const safe = callContext().set(idempotent, true);

  const answeredBy = new Map<string, number>();
  const settled = { answered: 0, lost: 0, retried: 0 };
  let running = true;
  const note = (reply: string, request: string): void => {
    const [name, rest] = reply.split(": ");
    assert.equal(rest, request);
    answeredBy.set(name, (answeredBy.get(name) ?? 0) + 1);
  };
  const load = Promise.all(Array.from({ length: 32 }, async (_, i) => {
    for (let n = 0; running; n++) {
      const request = `${i} ${n}`;
      if (i % 2 === 0) {
        note(await retried(request, safe), request);
        settled.retried++;
        continue;
      }
      try {
        note(await bare(request), request);
        settled.answered++;
      } catch (error) {
        assert.ok(error instanceof TransportError);
        assert.deepEqual([error.code, error.processed], ["connection-lost", "maybe"]);
        settled.lost++;
      }
    }
  }));
  await until(() => answeredBy.size === 3 && settled.answered > 200, "a load on all three");
  Deno.kill(workers[0].pid, "SIGKILL");
  const [answered, again] = [settled.answered, settled.retried];
  await until(() => settled.answered > answered + 200 && settled.retried > again + 200, "a load on the other two");
  running = false;
  await within(load, "the end of all calls");
  assert.ok(settled.lost <= 16, `${settled.lost} lost, more than were in flight`);
  await bare.close();
  await retried.close();
  await workers[0].stop();
  for (const process of workers.slice(1)) assert.equal(await process.stop(), 0);
});

peerTest(
  "nats() fails calls by their type while the broker is away, and recovers by itself",
  [natsServer],
  async () => {
    await using broker = await startNats();
    const wire = chain(nats({ servers: broker.servers, subject: "away", connectTimeoutMs: 1000 }), text());
    const gate = Promise.withResolvers<string>();
    const server = await serve(wire, (request) => request === "slow" ? gate.promise : request);
    const call = chain(wire, reconnect({ initialBackoffMs: 20, maxBackoffMs: 50 }));
    const session = await wire.dial();
    assert.equal(await call("a"), "a");
    const slow = failure(call("slow"), "connection-lost", "maybe");
    await until(() => server.calls.inFlight === 1, "the slow call");
    await broker.kill();
    await slow;
    const lost = await within(session.finished, "the session's end");
    assert.deepEqual([lost?.code, session.state], ["connection-lost", "closed"]);
    await failure(session.call("b"), "closed", "no");
    for (let i = 0; i < 3; i++) await failure(call("b"), ["connect-failed", "connection-lost"]);
    gate.resolve("too late");
    await broker.start();
    let answer = "";
    await within(
      (async () => {
        while (answer !== "c") answer = await call("c").catch(() => "");
      })(),
      "an answer",
    );
    assert.equal(server.calls.inFlight, 0);
    await call.close();
    await within(server.shutdown(), "the server's end");
  },
);

peerTest("nats() ends a server in time while the broker is away", [natsServer], async () => {
  await using broker = await startNats();
  const server = await serve(nats({ servers: broker.servers, subject: "stuck" }), (request) => request);
  await broker.kill();
  await within(server.shutdown({ graceMs: 50 }), "the server's end");
  await server.finished;
});

peerTest("nats() takes a broker that is about to go for a session that drains", [natsServer], async () => {
  await using broker = await startNats();
  const wire = chain(nats({ servers: broker.servers, subject: "lame" }), text());
  const server = await serve(wire, (request) => request);
  const session = await wire.dial();
  assert.equal(await session.call("a"), "a");
  Deno.kill(broker.process.pid, "SIGUSR2");
  assert.equal(await within(session.finished, "the session's end"), undefined, "it ended in order");
  await failure(session.call("b"), ["closed", "draining"], "no");
  await server.shutdown({ graceMs: 50 });
});

peerTest("nats() serves and calls programs that know nothing of Wireway", [natsServer], async () => {
  await using broker = await startNats();
  const { servers } = broker;
  const other = await connect({ servers });
  const server = await serve(chain(nats({ servers, subject: "ours" }), text()), (request, context) => {
    if (request === "fail") throw new TransportError("invalid-request", "Cannot do that");
    return `${request} ${context.metadata["x-user"] ?? ""} ${context.priority}`;
  });
  const asked = headers();
  asked.set("X-User", "ann");
  asked.set("wireway-priority", "1");
  assert.equal((await other.request("ours", "hello", { headers: asked, timeout: 5000 })).string(), "hello ann 1");
  const refused = await other.request("ours", "fail");
  assert.deepEqual([refused.headers?.get("wireway-error"), refused.json<{ message: string }>().message], [
    "invalid-request",
    "Cannot do that",
  ]);
  for (const [field, value] of [["wireway-priority", "9"], ["wireway-time-left-ms", "soon"]]) {
    const odd = headers();
    odd.set(field, value);
    const answer = await other.request("ours", "hello", { headers: odd, timeout: 5000 });
    assert.equal(answer.headers?.get("wireway-error"), "invalid-request", field);
  }
  other.subscribe("theirs", { callback: (_, message) => void message.respond(`they say ${message.string()}`) });
  await other.flush();
  const session = await chain(nats({ servers, subject: "theirs" }), text()).dial();
  assert.equal(await session.call("hi", callContext({ metadata: { a: "b" }, timeoutMs: 5000 })), "they say hi");
  await session.close();
  await server.shutdown();
  await other.close();
});

peerTest("nats() shows who it is to a broker that asks, and says where that is not enough", [natsServer], async () => {
  // The client of NATS leaves its socket without a listener for errors for a moment: a broker that turns it away by a
  // reset, or ends, can then be heard by nobody but the process.
  using _unheard = unheardResets();
  await using broker = await startNats(`authorization { user: "ann", password: "secret" }`);
  const as = (connection: NatsConnectionOptions) => nats({ servers: broker.servers, subject: "safe", connection });
  const server = await serve(as({ user: "ann", password: "secret", name: "one" }), (request) => request);
  const session = await as({ user: "ann", password: "secret" }).dial();
  assert.equal((await session.call(new Uint8Array(3))).length, 3);
  await failure(as({ user: "ann", password: "wrong" }).dial(), "connect-failed", "no");
  await failure(as({}).dial(), "connect-failed", "no");
  assert.throws(() => as({ pass: "secret" } as object), { code: "invalid-option", message: /no option "pass"/ });
  await session.close();
  await server.shutdown();
});

/** Takes the resets that nobody hears of, until it is disposed of. */
function unheardResets(): Disposable {
  const onError = (event: ErrorEvent): void => {
    if ((event.error as { code?: string }).code === "ECONNRESET") event.preventDefault();
  };
  globalThis.addEventListener("error", onError);
  return { [Symbol.dispose]: () => globalThis.removeEventListener("error", onError) };
}
