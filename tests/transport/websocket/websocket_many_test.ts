/**
 * websocket(): many connections that send their frames in pieces, each in the
 * middle of those of others, are told apart.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { websocket } from "../../../mod.ts";
import { frame } from "../../framing/websocket/websocket_feed.ts";
import { until, within } from "../../support/channels.ts";
import { Random } from "../../support/random.ts";
import { openRaw, raw, upgradeLines } from "./_websocket_raw.ts";

const [continuation, text, binary, ping, pong, final] = [0, 1, 2, 9, 10, 0x80];

/** What one client sends, and what an echo answers to it. */
interface Script {
  readonly sent: Uint8Array[];
  readonly expected: number[];
}

/** Texts and bytes in one frame or in several, with pings between and among them. */
function scriptOf(random: Random, name: string): Script {
  const script: Script = { sent: [], expected: [] };
  const say = (first: number, payload: string) =>
    script.sent.push(frame(first, payload, random.below(0xffff_ffff) | 1));
  const maybePing = (): void => {
    if (!random.oneIn(3)) return;
    say(ping | final, `${name}?`);
    script.expected.push(...frame(pong | final, `${name}?`));
  };
  for (let i = 0; i < 8; i++) {
    const kind = random.pick([text, binary]);
    const message = `${name}${i} ${"é".repeat(random.below(90))}`;
    maybePing();
    const cut = random.oneIn(2) ? 0 : random.below(message.length);

    if (cut === 0) say(kind | final, message);
    else {
      say(kind, message.slice(0, cut));
      maybePing();
      say(continuation | final, message.slice(cut));
    }
    script.expected.push(...frame(kind | final, message));
  }
  return script;
}

Deno.test("frames that come in pieces, among those of other connections, are each its own connection's", async () => {
  const random = new Random(7);
  const kept: [given: Uint8Array, copy: Uint8Array][] = [];
  const listener = await websocket({ port: 0 }).listen((channel) => {
    channel.receive({
      message(message) {
        if (message instanceof Uint8Array) kept.push([message, message.slice()]);
        return channel.send(message);
      },
      end: () => void channel.close(),
      closed: () => {},
    });
  });
  // One that has said goodbye is not taken for those that come after it.
  const goodbye = [...frame(8 | final, Uint8Array.of(3, 232), 5)];
  assert.deepEqual((await raw(listener.addr.port!, upgradeLines, goodbye)).rest, [0x88, 2, 3, 232]);
  const scripts = Array.from({ length: 8 }, (_, i) => scriptOf(random, `c${i}`));
  const conns = await Promise.all(scripts.map(() => openRaw(listener.addr.port!, upgradeLines)));
  const answers = conns.map(async (conn, i) => {
    const got: number[] = [];
    const buffer = new Uint8Array(4096);
    const headEnd = () => String.fromCharCode(...got.slice(0, 1000)).indexOf("\r\n\r\n") + 4;
    while (got.length < 4 || got.length < headEnd() + scripts[i].expected.length) {
      const count = await conn.read(buffer);
      if (count === null) break;
      got.push(...buffer.subarray(0, count));
    }
    return got.slice(headEnd());
  });
  const left = scripts.map(({ sent }) => sent);
  await until(() => listener.counters.connectionsOpen === conns.length, "the handshakes");
  let bytesIn = listener.counters.bytesIn;
  while (left.some((frames) => frames.length > 0)) {
    const frames = random.pick(left.filter((frames) => frames.length > 0));
    // Half of the time to the end of a frame: its connection is at rest then.
    const piece = random.oneIn(2) ? frames[0] : frames[0].subarray(0, 1 + random.below(40));
    if (piece.length === frames[0].length) frames.shift();
    else frames[0] = frames[0].subarray(piece.length);
    await conns[left.indexOf(frames)].write(piece);
    bytesIn += piece.length;
    // Each piece is looked at before the next one comes.
    await until(() => listener.counters.bytesIn === bytesIn, "the piece");
  }
  for (const [i, answer] of answers.entries()) {
    assert.deepEqual(await within(answer, `the answers of connection ${i}`), scripts[i].expected);
  }
  // What was handed out is the receiver's.
  assert.ok(kept.length > 0);
  for (const [given, copy] of kept) assert.deepEqual(given, copy);
  for (const conn of conns) conn.close();
  await listener.close();
});
