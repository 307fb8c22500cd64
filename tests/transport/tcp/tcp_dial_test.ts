/**
 * tcp(): dialling that fails, takes too long, or is given up.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { join } from "node:path";
import { ManualClock, tcp, TransportError } from "../../../mod.ts";
import { testCert } from "../../support/certs.ts";
import { Recorder, turn, until, within } from "../../support/channels.ts";
import { echoServer } from "../_echo.ts";

/** A port of this machine on which nobody listens. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** A listener whose queue of connections is full, so that a further connect gets no answer. */
async function fullListener(): Promise<{ port: number; [Symbol.dispose](): void }> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 1 });
  const { port } = listener.addr;
  const waiting = [await Deno.connect({ port }), await Deno.connect({ port })];
  return {
    port,
    [Symbol.dispose]() {
      for (const conn of waiting) conn.close();
      listener.close();
    },
  };
}

Deno.test("tcp() says where nobody listens", async () => {
  const port = freePort();
  await assert.rejects(tcp({ port }).dial(), {
    code: "connect-failed",
    processed: "no",
    message: `Cannot connect to 127.0.0.1:${port}: connection refused: does anything listen there?`,
  });
  const path = join(Deno.makeTempDirSync({ prefix: "wireway_" }), "socket");
  await assert.rejects(tcp({ path }).dial(), {
    code: "connect-failed",
    message: `Cannot connect to ${path}: no such socket: does anything listen there?`,
  });
  Deno.removeSync(join(path, ".."));
});

Deno.test("tcp() gives up connecting after connectTimeoutMs, and leaves no socket behind", async () => {
  using full = await fullListener();
  const clock = new ManualClock();
  const dialling = tcp({ port: full.port, clock, connectTimeoutMs: 700 }).dial();
  const failed = assert.rejects(within(dialling, "the failed dial"), {
    code: "connect-timeout",
    message: `Cannot connect to 127.0.0.1:${full.port}: not connected after 700 ms`,
  });
  await clock.advance(699);
  assert.equal(clock.pending, 1);
  await clock.advance(1);
  await failed;
  assert.equal(clock.pending, 0);
});

Deno.test("denoland/deno#25265: tcp() gives up connecting when its caller does, with the caller's reason", async () => {
  using full = await fullListener();
  const clock = new ManualClock();
  for (
    const reason of [new TransportError("deadline-exceeded", "Test: too late"), new Error("Test: went away"), "bored"]
  ) {
    const controller = new AbortController();
    const dialling = tcp({ port: full.port, clock }).dial({ signal: controller.signal });
    await turn();
    controller.abort(reason);
    await assert.rejects(within(dialling, "the cancelled dial"), (error) => {
      assert.ok(error instanceof TransportError);
      assert.equal(error.code, reason instanceof TransportError ? reason.code : "cancelled");
      assert.match(error.message, /too late|went away|bored/);
      return true;
    });
    assert.equal(clock.pending, 0);
  }
});

Deno.test("tcp() gives up a TLS handshake when its caller does", async () => {
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const controller = new AbortController();
  const dialling = tcp({ port: silent.addr.port, tls: { caCerts: [testCert] } }).dial({ signal: controller.signal });
  using conn = await silent.accept();
  await conn.read(new Uint8Array(1000));
  controller.abort();
  await assert.rejects(within(dialling, "the cancelled dial"), { code: "cancelled", processed: "no" });
});

Deno.test("tcp() gives a dial that is given up at any moment either a whole channel or none", async () => {
  await using server = await echoServer();
  const { connect } = Deno;
  const outcomes = new Set<string>();
  try {
    for (let turns = 0; turns < 40; turns++) {
      const controller = new AbortController();
      // So many turns after the platform has connected, the caller goes away.
      const leave = async (): Promise<void> => {
        for (let i = 0; i < turns; i++) await undefined;
        controller.abort();
      };
      Deno.connect = (async (options: Deno.ConnectOptions) => {
        const conn = await connect(options);
        void leave();
        return conn;
      }) as typeof Deno.connect;
      try {
        const channel = await within(tcp({ port: server.port }).dial({ signal: controller.signal }), "the dial");
        const recorder = new Recorder();
        channel.receive(recorder);
        await channel.send("alive");
        await recorder.count(1);
        channel.abort(new TransportError("cancelled", "Test over"));
        outcomes.add("channel");
      } catch (error) {
        assert.ok(error instanceof TransportError && error.code === "cancelled", String(error));
        outcomes.add("none");
      }
    }
  } finally {
    Deno.connect = connect;
  }
  assert.equal(outcomes.size, 2, "some dials are given up in time and some too late");
});

Deno.test("tcp() forgets its caller's signal once it is connected", async () => {
  await using server = await echoServer();
  const controller = new AbortController();
  const channel = await tcp({ port: server.port }).dial({ signal: controller.signal });
  controller.abort();
  const recorder = new Recorder();
  channel.receive(recorder);
  await channel.send("alive");
  await recorder.count(1);
  channel.abort(new TransportError("cancelled", "Test over"));
});

Deno.test("tcp() knows the addresses of both ends", async () => {
  await using server = await echoServer();
  const channel = await tcp({ port: server.port }).dial();
  const { channel: far } = await server.connection(0);
  assert.deepEqual({ ...channel.remote }, { transport: "tcp", hostname: "127.0.0.1", port: server.port });
  assert.equal(far.remote.port, channel.local.port);
  assert.deepEqual(far.local, channel.remote);
  channel.abort(new TransportError("cancelled", "Test over"));
});

Deno.test("tcp() switches delays off and probes on at both ends, unless it is told not to", async () => {
  // The methods that set the options are heard, since the options of a socket can't be read.
  const sample = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const conn = await Deno.connect({ port: sample.addr.port });
  const prototype = Object.getPrototypeOf(conn) as Deno.TcpConn;
  conn.close();
  sample.close();
  const { setNoDelay, setKeepAlive } = prototype;
  const heard: string[] = [];
  prototype.setNoDelay = function (on): void {
    heard.push(`noDelay ${on}`);
    setNoDelay.call(this, on);
  };
  prototype.setKeepAlive = function (on): void {
    heard.push(`keepAlive ${on}`);
    setKeepAlive.call(this, on);
  };
  try {
    for (const on of [true, false]) {
      heard.length = 0;
      await using server = await echoServer(on ? {} : { noDelay: false, keepAlive: false });
      const channel = await tcp({ port: server.port, ...(on ? {} : { noDelay: false, keepAlive: false }) }).dial();
      await server.connection(0);
      const both = ["keepAlive true", "keepAlive true", "noDelay true", "noDelay true"];
      assert.deepEqual(heard.toSorted(), on ? both : []);
      channel.abort(new TransportError("cancelled", "Test over"));
    }
  } finally {
    Object.assign(prototype, { setNoDelay, setKeepAlive });
  }
});

Deno.test("tcp() takes the socket file away when a unix listener closes", async () => {
  const folder = Deno.makeTempDirSync({ prefix: "wireway_" });
  const path = join(folder, "socket");
  const listener = await tcp({ path }).listen((channel) => void channel.close());
  assert.deepEqual({ ...listener.addr }, { transport: "unix", path });
  const channel = await tcp({ path }).dial();
  assert.deepEqual({ ...channel.remote }, { transport: "unix", path });
  await within(channel.close(), "close()");
  await until(() => listener.counters.connectionsOpen === 0, "the end");
  await listener.close();
  assert.deepEqual([...Deno.readDirSync(folder)], []);
  Deno.removeSync(folder);
});
