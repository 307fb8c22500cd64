/**
 * The connections of an sse() client to a server that a test writes by hand.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { ManualClock, sse, TransportError } from "../../../mod.ts";
import { Recorder, until, within } from "../../support/channels.ts";
import { openEvent } from "./_sse_carrier.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** One connection that the client has made. */
class Line {
  /** What has come on it. */
  text = "";
  /** The client has closed it. */
  closed = false;
  readonly #conn: Deno.Conn;
  readonly reading: Promise<void>;

  constructor(conn: Deno.Conn) {
    this.#conn = conn;
    this.reading = this.#read();
  }

  async answer(text: string): Promise<void> {
    await this.#conn.write(encoder.encode(text));
  }

  close(): void {
    this.#conn.close();
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(4096);
    for (;;) {
      const count = await this.#conn.read(buffer).catch(() => null);
      if (count === null) break;
      this.text += decoder.decode(buffer.subarray(0, count));
    }
    this.closed = true;
  }
}

const noContent = "HTTP/1.1 204 No Content\r\n\r\n";

Deno.test("POSTs of sse() share a connection, and one without an answer is given up with it and made again on another", async () => {
  const clock = new ManualClock();
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const lines: Line[] = [];
  const accepting = (async () => {
    for await (const conn of listener) lines.push(new Line(conn));
  })().catch(() => {});
  const dialling = sse({ hostname: "127.0.0.1", port: listener.addr.port, clock }).dial();
  await until(() => lines[0]?.text.endsWith("\r\n\r\n"), "the request for a stream");
  const open = openEvent({ heartbeatMs: 1e6 });
  await lines[0].answer(`HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n${open}`);
  const channel = await within(dialling, "the channel");
  channel.receive(new Recorder());
  for (let number = 1; number <= 5; number++) {
    void channel.send(`message ${number}`);
    await until(() => lines[1]?.text.endsWith(`message ${number}`), "a POST");
    await lines[1].answer(noContent);
    await until(() => channel.bufferedBytes === 0, "its answer");
  }
  assert.equal(lines.length, 2, "one for the stream, one for all POSTs");
  void channel.send("lost");
  await until(() => lines[1].text.endsWith("lost"), "the POST that is not answered");
  await clock.advance(699);
  assert.equal(lines[1].closed, false);
  await clock.advance(100);
  await until(() => lines[1].closed, "its connection to be closed");
  await until(() => {
    void clock.advance(10);
    return lines[2]?.text.endsWith("lost");
  }, "the same on another connection");
  await lines[2].answer(noContent);
  await until(() => channel.bufferedBytes === 0, "its answer");
  channel.abort(new TransportError("cancelled", "Test over"));
  await until(() => /DELETE [^]+\r\n\r\n$/.test(lines[2].text), "its farewell");
  await lines[2].answer(noContent);
  await channel.close();
  assert.equal(clock.pending, 0);
  for (const line of lines) line.close();
  listener.close();
  await Promise.all([accepting, ...lines.map(({ reading }) => reading)]);
});
