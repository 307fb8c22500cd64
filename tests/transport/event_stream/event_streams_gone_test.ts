/**
 * eventStreams(): what a program is told where a reader has gone before its
 * stream began, and what one program's fault does to other readers.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { type EventStream, eventStreams } from "../../../mod.ts";
import { until } from "../../support/channels.ts";
import { RawClient } from "../http1_server/_http1_server.ts";
import { connectReader } from "./event_stream_forms.ts";

Deno.test("eventStreams() disposes of what was made for a reader who was cut off before", async () => {
  const letIn = Promise.withResolvers<boolean>();
  let asked = false;
  let disposed = 0;
  let stream: EventStream | undefined;
  const listener = await eventStreams({
    port: 0,
    authenticate: () => {
      asked = true;
      return letIn.promise;
    },
  }).listen((events) => {
    stream = events;
    return { [Symbol.dispose]: () => void disposed++ };
  });
  const client = await RawClient.connect(listener.addr.port!);
  await client.send("GET / HTTP/1.1\r\nhost: here\r\n\r\n");
  await until(() => asked, "the question");
  await listener.shutdown({ graceMs: 0 });
  letIn.resolve(true);
  await until(() => stream !== undefined, "the start");
  assert.equal((await stream!.closed)?.code, "closed");
  assert.equal(disposed, 1);
  assert.equal(listener.readers, 0);
  client[Symbol.dispose]();
});

Deno.test("a program that throws where a stream is disposed of keeps no other reader from its events", async () => {
  const streams: EventStream[] = [];
  const uncaught: unknown[] = [];
  const onError = (event: ErrorEvent): void => {
    event.preventDefault();
    uncaught.push(event.error);
  };
  globalThis.addEventListener("error", onError);
  const listener = await eventStreams({ port: 0 }).listen((events) => {
    streams.push(events);
    return {
      [Symbol.dispose]: () => {
        throw new Error("not disposed");
      },
    };
  });
  const readers = [await connectReader(listener.addr.port!), await connectReader(listener.addr.port!)];
  await until(() => streams.length === 2, "both readers");
  streams[0].close();
  streams[1].send({ data: "to the other" });
  assert.match(await readers[1].read(/to the other/), /to the other/);
  readers[0][Symbol.dispose]();
  await until(() => listener.readers === 1, "the end of the first");
  assert.match(`${uncaught[0]}`, /not disposed/);
  readers[1][Symbol.dispose]();
  await listener.shutdown();
  globalThis.removeEventListener("error", onError);
});
