/**
 * A client of sse() on streams that were damaged at random: what it hands out
 * is in order and without a gap, and it ends with an error of ours or not at
 * all. And a server on requests that were.
 *
 * `WIREWAY_FUZZ_INPUTS` says how many are tried, `WIREWAY_FUZZ_SEED` which. A
 * failure names the seed.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { type Channel, ManualClock, TransportError } from "../../../mod.ts";
import { formatItem } from "../../../src/framing/event_stream/sse_messages.ts";
import { Recorder } from "../../support/channels.ts";
import { firstSeed, fuzzInputs } from "../../support/mutation.ts";
import { Random } from "../../support/random.ts";
import { frame, frames, mountedForm, opened } from "./_sse_by_hand.ts";
import { dialTest, openEvent, TestCarrier, TestStream } from "./_sse_carrier.ts";

/** A channel takes as long as many streams. */
const inputs = Math.ceil(fuzzInputs / 10);

const snippets = [
  "id: 1\n",
  "id: 2\n",
  "id: 99\n",
  "id\n",
  "event: end\n",
  "event: abort\n",
  "event: bytes\n",
  "event: text\n",
  "event: open\n",
  "event: other\n",
  "data: x\n",
  "data: QUJD\n",
  "\n",
  "\n\n",
  ":\n",
  "retry: 1\n",
  "\r",
  "\0",
  "\ufeff",
];

function damaged(random: Random, text: string): Uint8Array {
  for (let left = random.below(4); left > 0; left--) {
    const at = random.below(text.length + 1);
    text = text.slice(0, at) + (random.oneIn(2) ? random.pick(snippets) : "") +
      text.slice(at + (random.oneIn(2) ? random.below(12) : 0));
  }
  const bytes = new TextEncoder().encode(text);
  if (random.oneIn(3) && bytes.length > 0) bytes[random.below(bytes.length)] ^= 1 << random.below(8);
  return bytes;
}

Deno.test("a mutated stream is never handed out with a gap, and ends the channel alone", async () => {
  for (let seed = firstSeed; seed < firstSeed + inputs; seed++) {
    const random = new Random(seed);
    const clock = new ManualClock();
    const stream = new TestStream().write(openEvent());
    let text = "";
    const count = random.below(8);
    for (let number = 1; number <= count; number++) {
      text += formatItem(number, random.oneIn(2) ? `#${number}` : new TextEncoder().encode(`#${number}`));
    }
    const carrier = new TestCarrier((attempt) => attempt === 1 ? stream : new TestStream(404, ""));
    const channel: Channel = await dialTest(carrier, clock);
    const recorder = new Recorder();
    channel.receive(recorder);
    const bytes = damaged(random, text);
    for (let at = 0; at < bytes.length;) {
      const end = at + 1 + random.below(60);
      stream.write(bytes.subarray(at, end));
      at = end;
    }
    stream.write(null);
    await clock.advance(50);
    const { error } = recorder;
    if (recorder.closes === 0) {
      assert.equal(recorder.ends, 1, `seed ${seed}: only a stream that was ended leaves the channel open`);
    } else {
      assert.ok(error instanceof TransportError, `seed ${seed}: ${error}`);
      assert.ok(["protocol", "connection-lost", "message-too-large"].includes(error.code), `seed ${seed}: ${error}`);
    }
    const handedOut = recorder.messages.length + recorder.ends;
    const last = Number(carrier.gets[1]?.["last-event-id"] ?? handedOut);
    assert.equal(handedOut, last, `seed ${seed}: what it says it has`);
    channel.abort(new TransportError("cancelled", "Test over"));
    await channel.close();
    recorder.checkOver();
    assert.equal(clock.pending, 0, `seed ${seed}`);
  }
});

Deno.test("a mutated request changes nothing but by what it says, and the next is served", async () => {
  const server = await mountedForm.start({ maxMessageBytes: 100, maxPostBytes: 300 });
  const hand = await opened(server);
  const [channel] = server.channels;
  void channel.send("one");
  const values = [
    "",
    "0",
    "1",
    "2",
    "3",
    "-1",
    "1e9",
    "999999999999999",
    "9999999999999999",
    "x",
    hand.id,
    " 1",
    "1, 2",
  ];
  let next = 1;
  for (let seed = firstSeed; seed < firstSeed + inputs; seed++) {
    const random = new Random(seed);
    const body = frames(...Array.from({ length: random.below(3) }, () => frame("t", "x".repeat(random.below(120)))));
    if (random.oneIn(3) && body.length > 0) body[random.below(body.length)] ^= 1 << random.below(8);
    const headers: Record<string, string> = {
      "wireway-channel": random.oneIn(6) ? random.pick(values) : hand.id,
      "wireway-first": random.oneIn(2) ? random.pick(values) : `${next}`,
      "wireway-ack": random.pick(values),
      "content-type": random.oneIn(8) ? random.pick(values) : "application/octet-stream",
    };
    for (const name of Object.keys(headers)) if (random.oneIn(8)) delete headers[name];
    const method = random.oneIn(10) ? random.pick(["OPTIONS", "PUT", "PATCH"]) : "POST";
    const before = server.messages.length;
    const { status } = await server.fetch({ method, headers, body: method === "POST" ? body : undefined });
    assert.ok([204, 400, 404, 405, 409, 413, 415].includes(status), `seed ${seed}: ${status}`);
    if (status !== 204) assert.equal(server.messages.length, before, `seed ${seed}: ${status}`);
    // An end that a flipped bit made is one: the next messages go to another channel.
    if (server.ends.length > 0 || await statusOfEmpty(next + server.messages.length - before) === 409) break;
    next += server.messages.length - before;
    const good = await hand.post(next, frames(frame("t", `good ${seed}`)));
    if (good.status === 409) break;
    assert.equal(good.status, 204, `seed ${seed}`);
    next++;
    assert.equal(server.messages.at(-1), `good ${seed}`);
  }
  async function statusOfEmpty(number: number): Promise<number> {
    return (await hand.post(number)).status;
  }
  assert.ok(next > 100, `${next} messages were taken`);
  await hand.leave();
  await server.end();
});
