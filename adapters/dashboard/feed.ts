/**
 * What the page is fed with: the history to begin with, and a frame a second.
 *
 * @module
 */

import {
  type Clock,
  eventEncoding,
  type EventLog,
  eventStream,
  type LoggedEvent,
  type Reading,
  type Recorder,
  type Timer,
  Topic,
} from "../../mod.ts";
import type { Chains, StageFigures } from "./chains.ts";
import { columnsOf, rounded } from "./columns.ts";

/** Something with a snapshot that the page has a panel for. */
export interface Snapshots {
  /** What it knows now. It is written as JSON. */
  snapshot(): unknown;
}

/** What the feed works by. */
export interface FeedSettings {
  readonly title: string;
  readonly note: string | undefined;
  readonly everyMs: number;
  readonly always: boolean;
  readonly maxReaders: number;
  readonly chains: Chains;
  readonly recorder: Recorder;
  readonly events: EventLog | undefined;
  /** Panels by name; those that were not given are absent. */
  readonly panels: Readonly<Record<string, Snapshots>>;
  readonly clock: Clock;
  readonly wallClock: () => number;
}

/** What changes, once a second. */
interface Frame {
  readonly reading: Reading;
  /** How many series the page must know of to read the values. */
  readonly seriesFrom: number;
  readonly chains: StageFigures[][];
  readonly panels: Readonly<Record<string, unknown>> | undefined;
  readonly events: readonly LoggedEvent[];
  /** A reading that was put together since the last frame. */
  readonly long: Reading | undefined;
}

/** Panels change slowly, and can be large. */
const panelsEvery = 5;

/** How far a reader may lag or come back from: two minutes, of at most 2 MiB. */
const backlog = { maxBacklogMessages: 120, maxBacklogBytes: 2 ** 21 };

/** See the module. */
export class Feed {
  readonly #settings: FeedSettings;
  readonly #frames: Topic<Frame, { events: Uint8Array }>;
  #timer: Timer | undefined = undefined;
  #ticks = 0;
  #seriesSent = 0;
  #eventSent = 0;
  #longSent: Reading | undefined = undefined;
  #readers = 0;
  #closed = false;

  constructor(settings: FeedSettings) {
    this.#settings = settings;
    const encodings = {
      events: eventEncoding((frame: Frame) => ({ event: "frame", data: JSON.stringify(this.#frame(frame)) })),
    };
    this.#frames = new Topic({ encodings, replay: true, maxReaders: settings.maxReaders, ...backlog });
    if (settings.always) this.#begin();
  }

  /** Pages that look now. */
  get readers(): number {
    return this.#readers;
  }

  /** Answers a page. One that comes back gets what it missed, or begins anew where that is too much. */
  answer(request: Request): Response {
    if (this.#closed) return new Response("The dashboard is closed\n", { status: 503 });
    if (this.#readers >= this.#settings.maxReaders) {
      return new Response("Too many pages look at this dashboard\n", { status: 503, headers: { "retry-after": "10" } });
    }
    return eventStream(request, (events) => {
      this.#begin();
      this.#readers++;
      void events.closed.then(() => this.#left());
      if (events.lastEventId === "") void events.send({ event: "start", data: JSON.stringify(this.#start()) });
      return this.#frames.subscribe("events", events.send, { after: events.lastEventId, closed: events.close });
    }, { retryMs: 1000, maxBufferedBytes: 16 * 2 ** 20, clock: this.#settings.clock });
  }

  /** Reads everything once, and tells the pages. */
  tick(): void {
    const { recorder, chains, events, clock, wallClock } = this.#settings;
    const reading = recorder.read(clock.now(), wallClock());
    const panels = this.#ticks++ % panelsEvery === 0 ? this.#panels() : undefined;
    const news = (events?.entries() ?? []).filter(({ change }) => change > this.#eventSent);
    const latest = recorder.long.at(-1);
    const long = latest === this.#longSent ? undefined : latest;
    const seriesFrom = this.#seriesSent;
    this.#frames.publish({ reading, seriesFrom, chains: chains.figures(), panels, events: news, long });
    // Only now: what could not be sent is still to be sent.
    this.#seriesSent = recorder.series.length;
    this.#eventSent = news.at(-1)?.change ?? this.#eventSent;
    this.#longSent = latest;
  }

  /** Ends all streams, and the recording. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#frames.close();
  }

  #begin(): void {
    if (this.#timer !== undefined || this.#closed) return;
    const { recorder, wallClock } = this.#settings;
    recorder.pause(wallClock());
    this.tick();
    this.#schedule();
  }

  #schedule(): void {
    const { clock, everyMs } = this.#settings;
    this.#timer = clock.schedule(() => {
      this.#schedule();
      try {
        this.tick();
      } catch {
        // What can't be read or written costs a frame, and not the program.
      }
    }, everyMs);
    this.#timer.hold(false);
  }

  #left(): void {
    this.#readers--;
    if (this.#readers > 0 || this.#settings.always) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** All that a new page needs. */
  #start(): unknown {
    const { title, note, everyMs, chains, recorder, events, wallClock } = this.#settings;
    const { series, recent, long, left } = recorder;
    return {
      title,
      note,
      everyMs,
      series,
      left,
      recent: columnsOf(recent, series.length),
      long: columnsOf(long, series.length),
      chains: chains.drawings,
      figures: chains.figures(),
      panels: this.#panels(),
      panelsAt: wallClock(),
      events: events?.entries() ?? null,
    };
  }

  #frame({ reading, seriesFrom, chains, panels, events, long }: Frame): unknown {
    const { recorder } = this.#settings;
    return {
      at: reading.at,
      left: recorder.left,
      added: { from: seriesFrom, series: recorder.series.slice(seriesFrom, reading.values.length) },
      values: Array.from(recorder.series.slice(0, reading.values.length), (_, i) => rounded(reading.values[i])),
      figures: chains,
      panels,
      events,
      long: long && { at: long.at, values: Array.from(long.values, rounded) },
    };
  }

  #panels(): Record<string, unknown> {
    return Object.fromEntries(
      Object.entries(this.#settings.panels).map(([name, panel]) => {
        try {
          // What can't be written as JSON is told in its own panel, and costs no other one.
          return [name, JSON.parse(JSON.stringify(panel.snapshot() ?? null))];
        } catch (error) {
          return [name, { error: error instanceof Error ? error.message : String(error) }];
        }
      }),
    );
  }
}
