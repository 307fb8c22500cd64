/**
 * Load that our own generator did not make: wrk and h2load on http(), Erlang
 * on tcp(). Both sides must have counted the same, and nothing may have failed.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { chain, http, httpCalls, type Listener, type Message, serve, tcp } from "../../mod.ts";
import { until } from "../support/channels.ts";
import { peer, peerTest, run } from "../support/peer.ts";

const wrk = peer("wrk", "wrk");
const h2load = peer("h2load", "nghttp2-client");
const erlang = peer("escript", "erlang-base");

const erlangProgram = new URL("../../bench/peers/erlang_tcp.escript", import.meta.url).pathname;

peerTest("wrk loads http() for a second: no error, and both sides count the same", [wrk], async () => {
  await using server = await serve(http({ port: 0 }), () => new Response("hello"));
  const connections = 32;
  const args = ["-t1", `-c${connections}`, "-d1s", "--latency", `http://127.0.0.1:${server.addr.port}/`];
  const { code, stdout, stderr } = await run("wrk", args);
  assert.equal(code, 0, stderr);
  const [, counted] = /^ *(\d+) requests in /m.exec(stdout)!;
  assert.doesNotMatch(stdout, /Socket errors|Non-2xx/);
  await until(() => server.calls.inFlight === 0, "the end of the calls that wrk left");
  const { started, failed, refused } = server.calls;
  // wrk leaves what is in flight when its time is over: one request on a connection.
  assert.ok(started >= Number(counted) && started <= Number(counted) + connections, `${started} of ${counted}`);
  assert.ok(started > 500, stdout);
  assert.deepEqual([failed, refused], [0, 0]);
});

for (const [name, flags] of [["HTTP/1.1", ["--h1", "-c", "64"]], ["HTTP/2", ["-c", "16", "-m", "32"]]] as const) {
  peerTest(`h2load makes 10 000 calls by ${name}: none fails, and both sides count the same`, [h2load], async () => {
    const body = await Deno.makeTempFile({ prefix: "wireway_" });
    try {
      await Deno.writeFile(body, new Uint8Array(64).fill(7));
      await using server = await serve(chain(http({ port: 0 }), httpCalls()), (request) => request);
      const url = `http://127.0.0.1:${server.addr.port}/call`;
      const { code, stdout, stderr } = await run("h2load", ["-n", "10000", ...flags, "-d", body, url], {
        timeoutMs: 30_000,
      });
      assert.equal(code, 0, stderr);
      assert.match(stdout, /10000 done, 10000 succeeded, 0 failed, 0 errored, 0 timeout/);
      assert.match(stdout, /status codes: 10000 2xx/);
      assert.match(stdout, /\(640000\) data/);
      assert.deepEqual(server.calls, { inFlight: 0, started: 10_000, failed: 0, refused: 0 });
    } finally {
      await Deno.remove(body);
    }
  });
}

/** Runs the Erlang program of the benches against a listener, to its end, and closes the listener. */
async function loadedByErlang(listener: Listener, mode: string, ...flags: string[]): Promise<Record<string, number>> {
  try {
    const args = [erlangProgram, mode, "client", "--port", String(listener.addr.port), "--seconds", "1", ...flags];
    const { code, stdout, stderr } = await run("escript", args, { timeoutMs: 30_000 });
    assert.equal(code, 0, stdout + stderr);
    return JSON.parse(stdout);
  } finally {
    await listener.close();
  }
}

peerTest("an Erlang client calls tcp() for a second from 64 processes: every call is answered", [erlang], async () => {
  let answered = 0;
  const errors: unknown[] = [];
  // The frames of the benches: a type, a number, the payload.
  const answer = (message: Message): Uint8Array => {
    const reply = (message as Uint8Array).slice();
    assert.equal(reply[0], 1);
    reply[0] = 2;
    answered++;
    return reply;
  };
  const listener = await tcp({ port: 0 }).listen((channel) =>
    channel.receive({
      message: (message) => channel.send(answer(message)),
      end: () => void channel.close(),
      closed: (error) => error !== undefined && errors.push(error),
    })
  );
  const { calls } = await loadedByErlang(listener, "calls", "--in-flight", "64", "--bytes", "200");
  assert.equal(calls, answered);
  assert.ok(calls > 500, `${calls} calls`);
  assert.deepEqual([errors, listener.counters.connectionsOpen], [[], 0]);
});

peerTest("an Erlang client sends to tcp() for a second: every message arrives", [erlang], async () => {
  let arrived = 0;
  const errors: unknown[] = [];
  const listener = await tcp({ port: 0 }).listen((channel) =>
    channel.receive({
      message(message) {
        assert.equal(message.length, 100);
        arrived++;
      },
      end() {
        const count = new Uint8Array(8);
        new DataView(count.buffer).setBigUint64(0, BigInt(arrived));
        void channel.send(count);
        void channel.close();
      },
      closed: (error) => error !== undefined && errors.push(error),
    })
  );
  // Erlang itself demands that the count it gets back is the count it sent.
  const { messages } = await loadedByErlang(listener, "one-way", "--bytes", "100");
  assert.equal(messages, arrived);
  assert.ok(messages > 5000, `${messages} messages`);
  assert.deepEqual(errors, []);
});
