/**
 * What `close()` of a session waits for: all that its channel has to let go of,
 * which may be more than the end that the channel tells of.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  type Channel,
  type ChannelTransport,
  compress,
  heartbeat,
  jsonRpc,
  memory,
  mux,
  pipeline,
  type Session,
  type SessionTransport,
  TransportError,
} from "../../mod.ts";
import { settle } from "../support/calls.ts";
import { within } from "../support/channels.ts";

/** Dials channels that are over long before they have let go of what they had. */
function slowToLetGo(inner: ChannelTransport, letGo: Promise<void>): ChannelTransport {
  return {
    listen: (accept) => inner.listen(accept),
    async dial(options): Promise<Channel> {
      const channel = await inner.dial(options);
      const close = channel.close.bind(channel);
      channel.close = () => close().then(() => letGo);
      return channel;
    },
  };
}

type AnySession = Session<never, unknown>;

const ways: Record<string, (wire: ChannelTransport) => SessionTransport<never, unknown>> = {
  "mux()": (wire) => mux()(wire) as SessionTransport<never, unknown>,
  "jsonRpc()": (wire) => jsonRpc()(wire) as SessionTransport<never, unknown>,
  "pipeline()": (wire) => pipeline()(wire) as SessionTransport<never, unknown>,
  "mux() over heartbeat()": (wire) => mux()(heartbeat()(wire)) as SessionTransport<never, unknown>,
  "mux() over compress()": (wire) => mux()(compress()(wire)) as SessionTransport<never, unknown>,
};

const ends: Record<string, (session: AnySession) => void> = {
  "ended in order": () => {},
  "was aborted": (session) => session.abort(new TransportError("cancelled", "Given up")),
};

for (const [name, way] of Object.entries(ways)) {
  for (const [how, end] of Object.entries(ends)) {
    Deno.test(`close() of ${name} waits for all that a channel lets go of that ${how}`, async () => {
      const letGo = Promise.withResolvers<void>();
      const wire = memory({ name: `close of ${name} that ${how}` });
      const server = await way(wire).listen(() => Promise.reject(new Error("nobody calls")));
      const session = await way(slowToLetGo(wire, letGo.promise)).dial();
      end(session);
      let closed = false;
      const closing = session.close().then(() => closed = true);
      await within(session.finished, "the end of the session");
      await settle();
      assert.equal(closed, false);
      letGo.resolve();
      await within(closing, "the end of all");
      await server.shutdown();
    });
  }
}

Deno.test("a dial that is given up before the peer's hello has failed when nothing is left of it", async () => {
  const letGo = Promise.withResolvers<void>();
  const wire = memory({ name: "a dial that is given up" });
  const accepted = Promise.withResolvers<Channel>();
  const listener = await wire.listen((channel) => accepted.resolve(channel));
  const giveUp = new AbortController();
  let failed = false;
  const dialling = mux()(slowToLetGo(wire, letGo.promise)).dial({ signal: giveUp.signal }).catch(() => failed = true);
  const far = await accepted.promise;
  await settle();
  giveUp.abort();
  await settle();
  assert.equal(failed, false);
  letGo.resolve();
  await within(dialling, "the end of the dial");
  assert.equal(failed, true);
  await Promise.all([far.close(), listener.close()]);
});
