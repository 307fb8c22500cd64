/**
 * A ticker: prices as server-sent events, to readers who get what they missed
 * when they come back.
 *
 * `deno task start` serves it with a page.
 *
 * @module
 */

import { eventEncoding, type EventStream, eventStreams, type EventStreamsListener, Topic } from "@wireway/wireway";

/** The prices of one moment. */
interface Tick {
  readonly number: number;
  readonly at: number;
  readonly prices: Readonly<Record<string, number>>;
}

const everyMs = 250;

/** How long a browser waits before it comes back: long enough to see that something was missed. */
const retryMs = 2000;

/** Where the ticker is. */
export interface TickerOptions {
  hostname: string;
  port: number;
  /** Whose pages may read. */
  origins: string[];
}

/** A ticker that runs. */
export interface Ticker {
  /** Where it listens. */
  readonly listener: EventStreamsListener;
  /** Cuts the connections of all readers, as a network would. */
  cut(): void;
  /** Ends it, and its readers' streams. */
  shutdown(): Promise<void>;
}

/** Starts the ticker. */
export async function serveTicker({ hostname, port, origins }: TickerOptions): Promise<Ticker> {
  const encodings = { events: eventEncoding((tick: Tick) => ({ event: "tick", data: JSON.stringify(tick) })) };
  const ticks = new Topic({ encodings, replay: true });
  const readers = new Set<EventStream>();
  const listener = await eventStreams({ hostname, port, path: "/ticks", origins, retryMs }).listen((events) => {
    readers.add(events);
    void events.closed.then(() => readers.delete(events));
    return ticks.subscribe("events", events.send, { after: events.lastEventId, recent: 20, closed: events.close });
  });

  const prices: Record<string, number> = { Amber: 120, Birch: 43.5, Cedar: 260, Dune: 8.2 };
  let number = 0;
  const timer = setInterval(() => {
    for (const name of Object.keys(prices)) prices[name] *= 1 + (Math.random() - 0.5) / 100;
    ticks.publish({ number: number++, at: Date.now(), prices: { ...prices } });
  }, everyMs);

  return {
    listener,
    cut(): void {
      for (const reader of readers) reader.close();
    },
    async shutdown(): Promise<void> {
      clearInterval(timer);
      ticks.close();
      await listener.shutdown({ graceMs: 1000 });
    },
  };
}
