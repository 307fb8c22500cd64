/**
 * shape(): who may send how much, and what goes first.
 *
 * @module
 */

import type { ChannelTransport } from "../../core/channel.ts";
import { named } from "../../core/describe.ts";
import { counted, current, type Figure } from "../../core/figures.ts";
import { liveSettings } from "../../core/live_settings.ts";
import type { Middleware } from "../../core/service.ts";
import { ShapeChannel } from "./shape_channel.ts";
import { readShapeOptions, type ShapeOptions, shapeRules, type ShapeStats, type ShapeUse } from "./shape_options.ts";
import { wrapTransport } from "../wrapped_channel.ts";

export { type ShapeOptions, ShapeStats, type ShapeUse } from "./shape_options.ts";

/**
 * Shapes what goes over a connection, so that an urgent message does not wait
 * behind a large one, and bulk does not fill the line.
 *
 * - **Classes.** A message is of the class of its priority (the `priority` of
 *   {@linkcode Channel.send}, which mux() sets to that of its calls), or of
 *   what `classOf` makes of it. Class 0 goes before all others; classes 1 to 7
 *   share by their `weights` (deficit round robin); class 8 goes last. Within a
 *   class the order is kept.
 * - **Fragments.** A message larger than `fragmentBytes` goes in pieces, and
 *   those of other classes go between them. An urgent message waits for one
 *   piece at most, besides what is on its way already.
 * - **Rates.** `upBytesPerSecond` and `downBytesPerSecond` bound each
 *   direction of each connection (token buckets of `burstBytes`). An end also
 *   keeps to what its peer asks for in its hello.
 * - **Congestion.** What is on its way is bounded by a window. The peer says
 *   what has arrived, and when round trips take longer than twice the shortest
 *   and 5 ms, the window falls to 0.7 of what it was; otherwise it grows by a
 *   fragment a round trip where it is used. So what waits waits here, where it
 *   can be put in order, and not in the buffers of the sockets.
 *
 * Set `highWaterBytes` of the transport to a fragment or two, so that it takes
 * no more than that at once.
 *
 * Both ends need it; the bytes are described in `src/channel/shape/shape.md`.
 *
 * The rates and the burst can be changed while it works ({@linkcode adjustablesOf}): this end's sending follows at once,
 * on connections that are open as well. What the peer was asked for stays as it is until it connects again.
 *
 * Place: inside of compress(), so that the bytes are counted that go; around
 * heartbeat() or the transport.
 *
 * Errors: `overloaded` where a sender that did not wait has filled
 * `maxBufferedBytes`; `message-too-large`, `closed`; `connection-lost` where
 * the peer takes nothing of what is held at the end; `protocol` and
 * `version-mismatch` for a peer without shape(); `invalid-option`.
 *
 * @example
 * ```ts
 * import { batch, chain, compress, mux, shape, tcp } from "@wireway/wireway";
 * const wire = chain(
 *   tcp({ port: 9000, highWaterBytes: 16_384 }),
 *   shape({ downBytesPerSecond: 10_000_000 }),
 *   compress(),
 *   batch(),
 *   mux(),
 * );
 * ```
 */
export function shape(options: ShapeOptions = {}): Middleware<ChannelTransport> {
  const settings = readShapeOptions(options);
  const { clock: _, stats, channels: __, ...shown } = settings;
  return named(
    "shape",
    shown,
    (inner: ChannelTransport): ChannelTransport =>
      wrapTransport(inner, (channel, counts, side) => new ShapeChannel(channel, settings, counts, side).begin()),
    () => shapeFigures(stats),
    liveSettings("shape()", settings, shapeRules, ["upBytesPerSecond", "downBytesPerSecond", "burstBytes"], {
      changed: () => settings.channels.forEach((channel) => channel.changed()),
    }),
  );
}

function shapeFigures(stats: ShapeStats): Figure[] {
  const connections = stats.connections();
  const sum = (of: (use: ShapeUse) => number): number => connections.reduce((total, use) => total + of(use), 0);
  return [
    current("connections", connections.length),
    current("queued", sum((use) => use.queuedBytes), "By"),
    current("in flight", sum((use) => use.inFlightBytes), "By"),
    ...stats.bytesByClass.flatMap((bytes, name) => bytes === 0 ? [] : [counted(`class ${name}`, bytes, "By")]),
  ];
}
