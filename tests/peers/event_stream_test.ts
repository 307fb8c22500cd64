/**
 * Event streams with readers and proxies that this project did not write: npm
 * `eventsource` and `eventsource-parser`, curl, nginx and haproxy.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { createParser } from "eventsource-parser";
import { EventSource as NpmEventSource } from "eventsource";
import { encodeEvent, eventEncoding, type EventStream, Topic } from "../../mod.ts";
import { turn, until, within } from "../support/channels.ts";
import { haproxy, startHaproxy } from "../support/haproxy.ts";
import { nginx, type Proxy, startNginx } from "../support/nginx.ts";
import { type Peer, peer, peerTest, start } from "../support/peer.ts";
import { type Form, forms, type StreamServer } from "../transport/event_stream/event_stream_forms.ts";

const curl = peer("curl", "curl");

/** What the readers have in common. */
type AnyEventSource = typeof EventSource | typeof NpmEventSource;

/** A topic whose messages are served, and the streams of its readers. */
interface Ticker {
  readonly server: StreamServer;
  readonly topic: Topic<string, { events: Uint8Array }>;
  readonly streams: EventStream[];
}

async function ticker(form: Form): Promise<Ticker> {
  const encodings = { events: eventEncoding((data: string) => ({ data })) };
  const topic = new Topic({ encodings, replay: true });
  const streams: EventStream[] = [];
  const server = await form.serve((events) => {
    streams.push(events);
    return topic.subscribe("events", events.send, { after: events.lastEventId, closed: events.close });
  }, { retryMs: 5 });
  return { server, topic, streams };
}

/** Each event must have arrived before the next is made, and cuts are made up for. */
async function follow({ topic, streams }: Ticker, url: string, Source: AnyEventSource): Promise<void> {
  const got: string[] = [];
  const source = new Source(url);
  source.onmessage = ({ data }: { data: string }) => void got.push(data);
  source.addEventListener("gap", () => void got.push("gap"));
  const reader = (count: number): Promise<void> => until(() => topic.stats().readers === count, `${count} readers`);
  let last = 0;
  const publish = (): void => topic.publish(`${++last}`);
  for (let cut = 1; cut <= 3; cut++) {
    await reader(1);
    for (let i = 0; i < 10; i++) {
      publish();
      await until(() => got.at(-1) === `${last}`, `event ${last}`);
    }
    streams.at(-1)!.close();
    await reader(0);
    publish();
  }
  await until(() => got.at(-1) === `${last}`, "the last event");
  assert.deepEqual(got, Array.from({ length: last }, (_, i) => `${i + 1}`));
  await reader(1);
  source.close();
  // A proxy may see that its client has left only when it has something for it.
  await until(() => {
    publish();
    return topic.stats().readers === 0;
  }, "its leaving");
}

for (const form of forms) {
  for (const [name, Source] of [["Deno's EventSource", EventSource], ["npm eventsource", NpmEventSource]] as const) {
    Deno.test(`${form.name} with ${name}: promptly, and again after each cut`, async () => {
      const ticking = await ticker(form);
      await using server = ticking.server;
      await follow(ticking, server.url, Source);
    });
  }

  Deno.test(`${form.name}: npm eventsource-parser reads what was sent, however it is cut into chunks`, async () => {
    const sent = Array.from({ length: 200 }, (_, i) => ({
      id: `${i}`,
      event: i % 2 === 0 ? "even" : "odd",
      data: [`${i}`, "", " é😀 ", "x".repeat(i)].slice(0, i % 5).join("\n"),
    }));
    await using server = await form.serve(async ({ send, comment }) => {
      for (const [i, event] of sent.entries()) {
        const wait = send(i % 3 === 0 ? event : encodeEvent(event));
        if (i % 7 === 0) comment("still here");
        if (i % 10 === 0) await turn();
        await wait;
      }
    });
    const got: unknown[] = [];
    const comments: string[] = [];
    const parser = createParser({
      onEvent: ({ id, event, data }) => got.push({ id, event, data }),
      onComment: (comment) => comments.push(comment),
      onError: (error) => assert.fail(error.message),
    });
    const response = await fetch(server.url);
    for await (const text of response.body!.pipeThrough(new TextDecoderStream())) parser.feed(text);
    assert.deepEqual(got, sent);
    assert.ok(comments.includes("still here"));
  });

  peerTest(`${form.name} with curl --no-buffer: each event as it is sent`, [curl], async () => {
    const { server, topic } = await ticker(form);
    await using _ = server;
    await using reader = start("curl", ["--silent", "--show-error", "--no-buffer", server.url], {
      stopSignal: "SIGTERM",
    });
    await until(() => topic.stats().readers === 1, "the reader");
    for (let i = 0; i < 5; i++) {
      topic.publish(`${i}`);
      await within(reader.until(new RegExp(`^data: ${i}$`)), `event ${i}`);
    }
    await reader.stop();
    await until(() => topic.stats().readers === 0, "its leaving");
  });

  const proxies: [peer: Peer, start: (upstreamPort: number) => Promise<Proxy>][] = [
    [nginx, (upstreamPort) => startNginx({ upstreamPort })],
    [haproxy, (upstreamPort) => startHaproxy({ upstreamPort, defaults: ["option http-no-delay"] })],
  ];
  for (const [program, startProxy] of proxies) {
    peerTest(`${form.name} behind ${program.command}: promptly, and again after each cut`, [program], async () => {
      const ticking = await ticker(form);
      await using server = ticking.server;
      await using proxy = await startProxy(server.port);
      await follow(ticking, `http://127.0.0.1:${proxy.port}/`, EventSource);
    });
  }
}
