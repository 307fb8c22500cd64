/**
 * Opening an sse() channel from the client's end.
 *
 * @module
 */

import {
  type Channel,
  type ChannelCounters,
  type DialOptions,
  emptyCounters,
  formatAddress,
} from "../../core/channel.ts";
import { TransportError } from "../../core/errors.ts";
import { Alarm } from "./sse_alarm.ts";
import type { SseCarrier, SseStream } from "./sse_carrier.ts";
import { type OpenedStream, SseClientChannel } from "./sse_client_channel.ts";
import { SseEvents } from "./sse_events.ts";
import type { SseSettings } from "./sse_options.ts";
import { readAbort, readOpen, sseFields, sseVersion } from "./sse_protocol.ts";

/** Opens a channel. Rejects with `connect-failed`, `connect-timeout`, `cancelled` or `protocol`. */
export async function dialSse(
  settings: SseSettings,
  carrier: SseCarrier,
  { signal }: DialOptions,
  counters: ChannelCounters = emptyCounters(),
): Promise<Channel> {
  const { clock, connectTimeoutMs, headers } = settings;
  const target = formatAddress(carrier.remote);
  const attempt = new AbortController();
  let reason: TransportError | undefined;
  let stream: SseStream | undefined;
  const giveUp = (error: TransportError): void => {
    reason ??= error;
    attempt.abort(error);
    stream?.cancel();
  };
  const onAbort = (): void => giveUp(TransportError.from(signal!.reason, "cancelled", { processed: "no" }));
  const alarm = new Alarm(
    clock,
    () =>
      giveUp(
        new TransportError("connect-timeout", `Cannot connect to ${target}: no channel after ${connectTimeoutMs} ms`),
      ),
    true,
  );
  alarm.set(connectTimeoutMs);
  signal?.addEventListener("abort", onAbort, { once: true });
  if (signal?.aborted) onAbort();
  try {
    if (reason !== undefined) throw reason;
    stream = await carrier.open([...Object.entries(headers), [sseFields.version, sseVersion]], attempt.signal);
    const opened = await readOpening(settings, stream, target);
    if (reason !== undefined) throw reason;
    const place = {
      side: "client",
      local: carrier.local,
      remote: carrier.remote,
      counters,
      maxMessageBytes: Math.min(settings.maxMessageBytes, opened.terms.maxMessageBytes),
    } as const;
    return new SseClientChannel(settings, place, carrier, opened);
  } catch (error) {
    stream?.cancel();
    carrier.close();
    if (reason !== undefined) throw reason;
    if (error instanceof TransportError && error.processed === "no") throw error;
    const why = error instanceof Error ? error.message : String(error);
    const code = error instanceof TransportError ? error.code : "connect-failed";
    throw new TransportError(code, `Cannot connect to ${target}: ${why}`, { processed: "no", cause: error });
  } finally {
    alarm.clear();
    signal?.removeEventListener("abort", onAbort);
  }
}

async function readOpening(settings: SseSettings, stream: SseStream, target: string): Promise<OpenedStream> {
  const { status, type } = stream;
  if (status !== 200) {
    throw new TransportError("connect-failed", `Cannot connect to ${target}: the server answered ${status}`, {
      details: { status },
    });
  }
  if (type !== "text/event-stream") {
    throw new TransportError("protocol", `the server answered with ${type}`);
  }
  const events = new SseEvents(settings.maxMessageBytes);
  for (;;) {
    const chunk = await stream.read();
    if (chunk === null) {
      throw new TransportError("connect-failed", `Cannot connect to ${target}: the stream ended before it began`);
    }
    events.push(chunk);
    const [first, ...rest] = events.take();
    if (first === undefined) continue;
    if (first.event === "abort") {
      const why = `Cannot connect to ${target}: the server has closed the channel: ${readAbort(first.data)}`;
      throw new TransportError("connect-failed", why);
    }
    if (first.event !== "open") {
      throw new TransportError("protocol", `the first event is ${first.event}, not open`);
    }
    return { stream, events, terms: readOpen(first.data), rest };
  }
}
