/**
 * tcp() with TLS: handshakes that agree, fail, or never end.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { ManualClock, tcp, type TlsOptions, TransportError } from "../../../mod.ts";
import { testCert, testKey } from "../../support/certs.ts";
import { bytesOf, Recorder, until, within } from "../../support/channels.ts";
import { bystander, echoServer, readAll, writeAll } from "../_echo.ts";

const tls = { cert: testCert, key: testKey, caCerts: [testCert] } satisfies TlsOptions;

const refused = (pattern: RegExp) => (error: unknown): boolean => {
  assert.ok(error instanceof TransportError, String(error));
  assert.equal(error.code, "connect-failed");
  assert.equal(error.processed, "no");
  assert.match(error.message, pattern);
  return true;
};

Deno.test("tcp() tells a TLS client from a plain one by its first bytes, and closes only that connection", async () => {
  await using server = await echoServer();
  const other = await bystander({ port: server.port });
  await assert.rejects(
    within(tcp({ port: server.port, tls }).dial(), "the failed dial"),
    refused(/^Cannot connect to 127\.0\.0\.1:\d+: /),
  );
  const { recorder } = await server.connection(1);
  const error = await recorder.over();
  assert.equal(error?.code, "message-too-large");
  assert.match(String(error?.message), /the bytes look like a TLS handshake: is TLS switched on at one end only\?$/);
  await other.check();
  other.leave();
});

Deno.test("tcp() turns a plain client away from a TLS port, and tells it why", async () => {
  await using server = await echoServer({ tls });
  const other = await bystander({ port: server.port, tls });
  const channel = await tcp({ port: server.port }).dial();
  const recorder = new Recorder();
  channel.receive(recorder);
  await channel.send("is anybody there?");
  const error = await recorder.over();
  assert.equal(error?.code, "message-too-large");
  assert.match(String(error?.message), /the bytes look like a TLS alert: is TLS switched on at one end only\?$/);
  await until(() => server.listener.counters.connectionsRefused === 1, "the refusal");
  const refusal = server.events.find((event) => event.type === "connection-refused");
  assert.equal(refusal?.error.code, "protocol");
  assert.match(String(refusal?.error.message), /^Connection from 127\.0\.0\.1:\d+ refused: TLS handshake failed: /);
  assert.equal(server.served.length, 1, "it was never accepted");
  assert.equal(server.listener.counters.connectionsFailed, 0);
  await other.check();
  other.leave();
});

Deno.test("tcp() turns garbage away from a TLS port", async () => {
  await using server = await echoServer({ tls });
  const other = await bystander({ port: server.port, tls });
  using conn = await Deno.connect({ port: server.port });
  await writeAll(conn, new Uint8Array(3000).fill(0xaa));
  await readAll(conn);
  await until(() => server.listener.counters.connectionsRefused === 1, "the refusal");
  await other.check();
  other.leave();
});

Deno.test("tcp() refuses a certificate that it does not trust, and leaves no socket behind", async () => {
  await using server = await echoServer({ tls });
  await assert.rejects(
    tcp({ port: server.port, tls: true }).dial(),
    refused(/TLS handshake failed: .*UnknownIssuer/),
  );
  await assert.rejects(
    tcp({ port: server.port, tls: { caCerts: [testCert], serverName: "elsewhere.example" } }).dial(),
    refused(/TLS handshake failed: .*not valid for name "elsewhere\.example"/),
  );
  await assert.rejects(tcp({ port: server.port, tls: { caCerts: ["no certificate"] } }).dial(), refused(/./));
  await until(() => server.listener.counters.connectionsRefused >= 2, "the refusals");
  assert.equal(server.listener.counters.connectionsOpen, 0);
});

Deno.test("tcp() listens with a certificate that it can read, or says why not", async () => {
  for (const broken of [{ cert: "no certificate", key: testKey }, { cert: testCert, key: "no key" }]) {
    const listening = tcp({ port: 0, tls: broken }).listen(() => {});
    await assert.rejects(
      listening,
      (error) => error instanceof TransportError && /^Cannot listen on/.test(error.message),
    );
  }
  await assert.rejects(tcp({ port: 0, tls: { caCerts: [testCert] } }).listen(() => {}), {
    code: "invalid-option",
    message: 'Cannot use tcp(): option tls is "without cert and key", allowed is cert and key, to listen',
  });
});

Deno.test("tcp() agrees on the first protocol of the listener that both ends name", async () => {
  await using server = await echoServer({ tls: { ...tls, alpnProtocols: ["wireway/2", "wireway/1"] } });
  const cases: [string[] | undefined, string | null][] = [
    [["wireway/1"], "wireway/1"],
    [["other", "wireway/1", "wireway/2"], "wireway/2"],
    [undefined, null],
  ];
  for (const [number, [alpnProtocols, agreed]] of cases.entries()) {
    const channel = await tcp({ port: server.port, tls: { caCerts: [testCert], alpnProtocols } }).dial();
    const { channel: far } = await server.connection(number);
    assert.equal(channel.alpnProtocol, agreed);
    assert.equal(far.alpnProtocol, agreed);
    channel.abort(new TransportError("cancelled", "Test over"));
  }
});

Deno.test("tcp() makes no connection where the ends share no protocol, on either side", async () => {
  await using server = await echoServer({ tls: { ...tls, alpnProtocols: ["wireway/2"] } });
  const other = await bystander({ port: server.port, tls: { caCerts: [testCert], alpnProtocols: ["wireway/2"] } });
  await assert.rejects(
    tcp({ port: server.port, tls: { caCerts: [testCert], alpnProtocols: ["wireway/1"] } }).dial(),
    refused(/TLS handshake failed: .*NoApplicationProtocol/),
  );
  await until(() => server.listener.counters.connectionsRefused === 1, "the refusal");
  assert.equal(server.served.length, 1);
  await other.check();
  other.leave();
});

Deno.test("tcp() waits for a TLS handshake no longer than connectTimeoutMs when it dials", async () => {
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const clock = new ManualClock();
  const dialling = tcp({ port: silent.addr.port, tls, clock, connectTimeoutMs: 5000 }).dial();
  using conn = await silent.accept();
  const hello = new Uint8Array(1000);
  assert.ok((await conn.read(hello))! > 0, "the handshake has begun");
  const failed = assert.rejects(within(dialling, "the failed dial"), {
    code: "connect-timeout",
    processed: "no",
    message: `Cannot connect to 127.0.0.1:${silent.addr.port}: not connected after 5000 ms`,
  });
  await clock.advance(5000);
  await failed;
  assert.equal(clock.pending, 0);
});

Deno.test("tcp() waits for a TLS handshake no longer than connectTimeoutMs when it listens", async () => {
  const clock = new ManualClock();
  await using server = await echoServer({ tls, clock, connectTimeoutMs: 5000, maxConnections: 1 });
  using _silent = await Deno.connect({ port: server.port });
  await until(() => clock.pending === 1, "the beginning of the handshake");
  // A handshake takes a place like a connection does.
  using _second = await Deno.connect({ port: server.port });
  await until(() => server.listener.counters.connectionsRefused === 1, "the first refusal");
  await clock.advance(5000);
  await until(() => server.listener.counters.connectionsRefused === 2, "the second refusal");
  assert.deepEqual(server.events.map(({ type }) => type), ["connection-refused", "connection-refused"]);
  const channel = await tcp({ port: server.port, tls }).dial();
  const { recorder } = await server.connection(0);
  channel.abort(new TransportError("cancelled", "Test over"));
  await recorder.until(() => recorder.ends + recorder.closes > 0, "the end");
});

Deno.test("tcp() ends handshakes that are under way when its listener closes", async () => {
  const clock = new ManualClock();
  const server = await echoServer({ tls, clock });
  using _silent = await Deno.connect({ port: server.port });
  await until(() => clock.pending === 1, "the beginning of the handshake");
  await server[Symbol.asyncDispose]();
  await until(() => clock.pending === 0, "no timer left");
});

Deno.test("tcp() with TLS sends all before it closes, and is told of the peer's end", async () => {
  const received = new Recorder();
  const listener = await tcp({ port: 0, tls }).listen((channel) => {
    received.end = () => {
      received.ends++;
      void channel.send("got it all");
      void channel.close();
    };
    channel.receive(received);
  });
  const channel = await tcp({ port: listener.addr.port, tls }).dial();
  const recorder = new Recorder();
  channel.receive(recorder);
  for (let i = 0; i < 30; i++) void channel.send(new Uint8Array(200_000).fill(i));
  await within(channel.close(), "close()");
  assert.equal(received.messages.length, 30);
  assert.equal(new TextDecoder().decode(bytesOf(recorder.messages[0])), "got it all");
  assert.equal(recorder.error, undefined);
  await received.over();
  await listener.close();
});
