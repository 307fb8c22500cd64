/**
 * Accepting among peers that are gone before they are accepted: load balancers
 * that ask whether the port answers, scanners, attackers.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { ManualClock, tcp, type TransportEvent } from "../../../mod.ts";
import { turns, until } from "../../support/channels.ts";

/** Connects and resets at once, again and again. */
const resetting = `
  import net from "node:net";
  const connectAndReset = () => new Promise((resolve) => {
    const socket = net.connect(Number(Deno.args[0]), "127.0.0.1", () => socket.resetAndDestroy());
    socket.on("close", resolve).on("error", () => {});
  });
  for (let i = 0; i < 5; i++) await connectAndReset();
`;

Deno.test("peers that reset their connections before they are accepted hold up nobody else", async () => {
  const clock = new ManualClock(); // stands still: whatever waits would wait for ever
  const events: TransportEvent[] = [];
  const listener = await tcp({ port: 0, clock, observer: (event) => void events.push(event) }).listen((channel) =>
    channel.receive({ message: () => {}, end: () => void channel.close(), closed: () => {} })
  );
  // It has to be blocked meanwhile, or it would accept them before they are reset.
  const args = ["eval", "--no-config", resetting, "--", `${listener.addr.port}`];
  const { code, stderr } = new Deno.Command(Deno.execPath(), { args }).outputSync();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  const channel = await tcp({ port: listener.addr.port! }).dial();
  await until(() => listener.counters.connectionsAccepted === 1, "the one that came to stay");
  assert.equal(listener.counters.connectionsRefused, 5);
  assert.equal(events.filter(({ type }) => type === "connection-refused").length, 5);
  channel.receive({ message: () => {}, end: () => {}, closed: () => {} });
  await channel.close();
  await until(() => listener.counters.connectionsOpen === 0, "the end of the connection");
  await listener.close();
});

Deno.test("a system that has no descriptors left is asked again after a rest, not in a busy loop", async () => {
  const clock = new ManualClock();
  const { listen } = Deno;
  let asked = 0;
  const exhausted = (options: Deno.TcpListenOptions & { transport?: "tcp" }): Deno.TcpListener => {
    const listener = listen(options);
    const accept = listener.accept.bind(listener);
    listener.accept = (): Promise<Deno.TcpConn> =>
      ++asked <= 3 ? Promise.reject(new Error("Too many open files (os error 24)")) : accept();
    return listener;
  };
  Deno.listen = exhausted as typeof listen;
  try {
    const listener = await tcp({ port: 0, clock }).listen(() => {});
    for (let rests = 1; rests <= 3; rests++) {
      await turns(5);
      assert.equal(asked, rests);
      clock.advance(100);
    }
    await until(() => asked === 4, "the accepting that goes on");
    await listener.close();
  } finally {
    Deno.listen = listen;
  }
});
