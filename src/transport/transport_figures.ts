/**
 * The live figures of a transport: what its connections have carried, those it
 * has dialled and those it has accepted.
 *
 * @module
 */

import { type ChannelCounters, emptyCounters, type Listener } from "../core/channel.ts";
import { counted, current, type Figure, type Figures } from "../core/figures.ts";

/** Counts over all connections of a transport. */
export class TransportCounters {
  #dialled: ChannelCounters | undefined = undefined;
  #listening: ChannelCounters | undefined = undefined;

  /** What all connections count in that were dialled. */
  get dialled(): ChannelCounters {
    return this.#dialled ??= emptyCounters();
  }

  /** Takes note of a listener; of several the latest is shown. */
  listens<L extends Pick<Listener, "counters">>(listener: L): L {
    this.#listening = listener.counters;
    return listener;
  }

  /** The figures. A transport that does both says which are whose. */
  readonly figures: Figures = () => {
    const both = this.#dialled !== undefined && this.#listening !== undefined;
    return [
      ...figuresOf(this.#dialled, both ? "dialled " : ""),
      ...figuresOf(this.#listening, both ? "accepted " : ""),
    ];
  };
}

function figuresOf(counters: ChannelCounters | undefined, prefix: string): Figure[] {
  if (counters === undefined) return [];
  return [
    current(`${prefix}open`, counters.connectionsOpen),
    counted(`${prefix}bytes in`, counters.bytesIn, "By"),
    counted(`${prefix}bytes out`, counters.bytesOut, "By"),
    counted(`${prefix}messages in`, counters.messagesIn),
    counted(`${prefix}messages out`, counters.messagesOut),
  ];
}
