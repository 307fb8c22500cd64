/**
 * websocket() through nginx and haproxy.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { type Channel, type Message, TransportError, websocket } from "../../mod.ts";
import { bytesOf, numbered, Recorder, sameBytes, until } from "../support/channels.ts";
import { haproxy, startHaproxy } from "../support/haproxy.ts";
import { nginx, type Proxy, startNginx } from "../support/nginx.ts";
import { peerTest } from "../support/peer.ts";

const location = ["proxy_set_header Upgrade $http_upgrade", "proxy_set_header Connection upgrade"];
const proxies = {
  nginx: { peer: nginx, start: (upstreamPort: number): Promise<Proxy> => startNginx({ upstreamPort, location }) },
  haproxy: { peer: haproxy, start: (upstreamPort: number): Promise<Proxy> => startHaproxy({ upstreamPort }) },
};
const sizes = [0, 1, 125, 126, 65_535, 65_536, 1_000_000, 5_000_000];

for (const [name, { peer, start }] of Object.entries(proxies)) {
  for (const compression of [false, true]) {
    const how = compression ? "compressed" : "as they are";
    peerTest(`messages pass ${name} in both directions, ${how}, and so does the close`, [peer], async () => {
      const ends: (TransportError | undefined)[] = [];
      const listener = await websocket({ port: 0, compression }).listen((channel) => {
        const message = (message: Message): void | Promise<void> => channel.send(message);
        const closed = (error: TransportError | undefined): void => void ends.push(error);
        channel.receive({ message, end: () => void channel.close(), closed });
      });
      await using proxy = await start(listener.addr.port!);
      const channel = await websocket({ port: proxy.port, compression }).dial();
      const recorder = new Recorder();
      channel.receive(recorder);
      const sent: Message[] = sizes.flatMap((size, i) => [numbered(i, size), "é".repeat(size >> 1)]);
      for (const message of sent) await channel.send(message);
      await recorder.count(sent.length);
      for (const [i, message] of sent.entries()) {
        assert.equal(typeof recorder.messages[i], typeof message);
        sameBytes(bytesOf(recorder.messages[i]), bytesOf(message), `message ${i}`);
      }
      await channel.close();
      recorder.checkOver();
      assert.equal(recorder.error, undefined);
      await until(() => ends.length === 1, "the end behind the proxy");
      assert.deepEqual(ends, [undefined]);
      await listener.close();
    });
  }

  peerTest(`a server that is gone behind ${name} ends the connection`, [peer], async () => {
    const accepted = Promise.withResolvers<Channel>();
    const listener = await websocket({ port: 0 }).listen((channel) => {
      channel.receive(new Recorder());
      accepted.resolve(channel);
    });
    await using proxy = await start(listener.addr.port!);
    const channel = await websocket({ port: proxy.port }).dial();
    const recorder = new Recorder();
    channel.receive(recorder);
    (await accepted.promise).abort(new TransportError("cancelled", "Gone"));
    assert.equal((await recorder.over())?.code, "connection-lost");
    await listener.close();
    await assert.rejects(websocket({ port: proxy.port }).dial(), (error: TransportError) => {
      assert.equal(error.code, "connect-failed");
      // Bad gateway, or no server: what a proxy says whose server does not listen any more.
      assert.match(`${error.details?.status}`, /^50[23]$/);
      return true;
    });
  });
}
