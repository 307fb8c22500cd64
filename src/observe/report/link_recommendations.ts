/**
 * What a report says of buffers: those of a connection must hold what is on its
 * way in one round trip, or they are what holds it back.
 *
 * @module
 */

import { bytesOnTheWay } from "../../util/bytes_on_the_way.ts";
import { change, enoughLooks, numberOf, round } from "./change.ts";
import type { LinkPeriod, ReportFigures } from "./report_figures.ts";
import type { Recommendation } from "./report_snapshot.ts";

/** The least and the most that is recommended, in bytes: those of bufferBytesFor(). */
const [leastBytes, mostBytes] = [16 * 1024, 16 * 1024 * 1024];

/** Memory that is worth to be saved, in bytes. */
const muchBytes = 64 * 1024 * 1024;

/** Buffers that are filled by what is sent, and those that are filled by what comes. */
const buffers = [["highWaterBytes", "out"], ["windowBytes", "in"], ["streamWindowBytes", "in"]] as const;

/** What should be changed of a link's buffers. */
export function forLink(link: LinkPeriod, { calls }: ReportFigures): Recommendation[] {
  const roundTripMs = link.roundTripMs ?? calls?.latency.min;
  if (roundTripMs === undefined || roundTripMs <= 0) return [];
  return buffers.flatMap(([setting, way]) => forBuffer(link, setting, way, roundTripMs));
}

function forBuffer(
  { name, part, connections, perSecondIn, perSecondOut, looks }: LinkPeriod,
  setting: string,
  way: "in" | "out",
  roundTripMs: number,
): Recommendation[] {
  const size = numberOf(part.adjustable, setting);
  const perSecond = way === "in" ? perSecondIn : perSecondOut;
  if (size === undefined || perSecond === undefined) return [];
  const { bandwidthBitsPerSecond: bandwidth } = part;
  const bits = bandwidth ?? 8 * perSecond;
  const onTheWay = bytesOnTheWay(bits, roundTripMs);
  const measured = { bitsPerSecond: 8 * perSecond, bandwidth, roundTripMs, connections, bytesOnTheWay: onTheWay };
  const speed = bandwidth === undefined ? "measured" : "wanted";
  const product = `${round(bits)} bits per second ${speed} × ${round(roundTripMs)} ms / 8000 = ${
    round(onTheWay)
  } bytes are on their way ${way} in a round trip`;
  // A buffer that holds the rate down makes both the same; one for a bandwidth that is known must hold all of it.
  if (onTheWay >= (bandwidth === undefined ? 0.8 : 1) * size) {
    const to = sizeFor(bandwidth === undefined ? 2 * onTheWay : onTheWay);
    if (to <= size) return [];
    const why = `${product}, and the buffer is ${size}: it holds the sender back`;
    return withBound(name, part.adjustable, setting, to, why, measured);
  }
  const to = sizeFor(4 * onTheWay);
  const held = connections * size;
  if (bandwidth === undefined && looks >= enoughLooks && perSecond > 0 && held >= muchBytes && to <= size / 4) {
    const why = `${product}: ${connections} connections may hold ${held} bytes where ${connections * to} do`;
    return change(name, part.adjustable, setting, () => to, () => why, measured);
  }
  return [];
}

/** A buffer may not be larger than what may be buffered at all: that goes first. */
function withBound(
  name: string,
  part: LinkPeriod["part"]["adjustable"],
  setting: string,
  to: number,
  why: string,
  measured: Readonly<Record<string, number | undefined>>,
): Recommendation[] {
  const most = setting === "highWaterBytes" ? numberOf(part, "maxBufferedBytes") : undefined;
  const room = most !== undefined && most < to
    ? change(name, part, "maxBufferedBytes", () => 4 * to, () => `${why}; ${setting} has to fit in`, measured)
    : [];
  return [...room, ...change(name, part, setting, () => to, () => why, measured)];
}

/** A power of two that holds so much. */
function sizeFor(bytes: number): number {
  return Math.min(mostBytes, Math.max(leastBytes, 2 ** Math.ceil(Math.log2(bytes))));
}
