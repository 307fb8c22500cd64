/**
 * shapeBodies(): at what rate bodies go over HTTP, and which go first.
 *
 * @module
 */

import { byteRate, checkWeights, weightsRule } from "../../core/bandwidth_options.ts";
import { type Clock, systemClock } from "../../core/clock.ts";
import { responseAround } from "../../core/completion.ts";
import { background, type CallContext } from "../../core/context.ts";
import { named, withFigures } from "../../core/describe.ts";
import { counted, current } from "../../core/figures.ts";
import { passMark } from "../../core/open_bodies.ts";
import { given, integer, readOptions } from "../../core/options.ts";
import type { Middleware, Service } from "../../core/service.ts";
import { BodyGate, type BodyGateSettings } from "./body_gate.ts";
import { shapedBody } from "./shaped_body.ts";

/**
 * Options of {@linkcode shapeBodies}.
 *
 * @example
 * ```ts
 * import { shapeBodies, type ShapeBodiesOptions } from "@wireway/wireway";
 * const options: ShapeBodiesOptions = { downBytesPerSecond: 10_000_000 };
 * shapeBodies(options);
 * ```
 */
export interface ShapeBodiesOptions {
  /** Bytes a second of all requests' bodies together. @default {Infinity} */
  upBytesPerSecond?: number;
  /** Bytes a second of all responses' bodies together. @default {Infinity} */
  downBytesPerSecond?: number;
  /** Bytes that may go at once after a pause, in each direction. @default {65536} 64 KiB */
  burstBytes?: number;
  /** Bodies go in pieces of at most this many bytes: what a more urgent one may have to wait for. @default {16384} 16 KiB */
  pieceBytes?: number;
  /** The shares of priorities 1 to 7 in what goes, where they compete. @default {[8, 6, 4, 3, 2, 1.5, 1]} */
  weights?: readonly number[];
  /** The priority of a call's bodies, 0 (most urgent) to 7. Default: that of its context. */
  classOf?: (request: Request, priority: number) => number;
  /** Shows what goes on. */
  stats?: ShapeBodiesStats;
  /** Measures the times. @default {systemClock} */
  clock?: Clock;
}

/**
 * One direction, as it is now.
 *
 * @example
 * ```ts
 * import type { BodyUse } from "@wireway/wireway";
 * const isBusy = (use: BodyUse): boolean => use.waiting > 0;
 * ```
 */
export interface BodyUse {
  /** Bodies of which a piece waits for its turn. */
  readonly waiting: number;
  /** Bytes that went so far. */
  readonly bytesSent: number;
  /** Bytes that went in the last second. */
  readonly bytesPerSecond: number;
}

/**
 * Shows what a {@linkcode shapeBodies} does.
 *
 * @example
 * ```ts
 * import { shapeBodies, ShapeBodiesStats } from "@wireway/wireway";
 * const stats = new ShapeBodiesStats();
 * shapeBodies({ downBytesPerSecond: 1_000_000, stats });
 * console.log(stats.down().bytesPerSecond);
 * ```
 */
export class ShapeBodiesStats {
  #up: () => BodyUse = () => unused;
  #down: () => BodyUse = () => unused;

  /** The bodies of requests. */
  up(): BodyUse {
    return this.#up();
  }

  /** The bodies of responses. */
  down(): BodyUse {
    return this.#down();
  }

  /** Says what is shown. For shapeBodies() itself. */
  show(up: () => BodyUse, down: () => BodyUse): void {
    this.#up = up;
    this.#down = down;
  }
}

const unused: BodyUse = { waiting: 0, bytesSent: 0, bytesPerSecond: 0 };

/**
 * Bounds the rate of HTTP bodies, and lets urgent ones go first: what
 * `shape()` does for messages, as far as HTTP allows it.
 *
 * All bodies of a direction share one rate. Where they compete, those of
 * priority 0 go before all others, and those of 1 to 7 share by their
 * `weights`, a piece at a time.
 *
 * It is approximate: heads are not counted, and what has left here still waits
 * in the buffers of the connection and the system, where nothing can overtake
 * it. Without a rate, nothing waits here, so nothing is put in order. A
 * request's body is then sent in chunks, whatever its length.
 *
 * Nothing is read ahead: a body whose piece waits holds back its source.
 *
 * Place: just around the transport on the client, inside of
 * contentEncoding({ side: "client" }) and retry(); on the server outside of
 * contentEncoding(). Works on both ends.
 *
 * Errors: `invalid-option`; those of the bodies.
 *
 * @example
 * ```ts
 * import { chain, http, serve, shapeBodies } from "@wireway/wireway";
 * const handler = (): Response => new Response(new Uint8Array(10_000_000));
 * await serve(http({ port: 8000 }), chain(handler, shapeBodies({ downBytesPerSecond: 5_000_000 })));
 * ```
 */
export function shapeBodies(options: ShapeBodiesOptions = {}): Middleware<Service<Request, Response>> {
  const settings = readOptions("shapeBodies()", options, {
    upBytesPerSecond: byteRate,
    downBytesPerSecond: byteRate,
    burstBytes: integer(64 * 1024, 1, 0x7fff_ffff),
    pieceBytes: integer(16 * 1024, 1, 0x7fff_ffff),
    weights: weightsRule,
    classOf: given<ShapeBodiesOptions["classOf"]>(undefined, "a function"),
    stats: given<ShapeBodiesStats | undefined>(undefined, "an object"),
    clock: given<Clock>(systemClock, "an object"),
  });
  const { weights, classOf, pieceBytes, stats, clock, ...shown } = settings;
  checkWeights("shapeBodies()", weights);
  return named("shapeBodies", { ...shown, pieceBytes, weights }, (inner: Service<Request, Response>) => {
    const up = gateOf(settings.upBytesPerSecond, settings);
    const down = gateOf(settings.downBytesPerSecond, settings);
    stats?.show(() => useOf(up, clock), () => useOf(down, clock));
    const shaping = function shapeBodies(request: Request, context: CallContext = background): Promise<Response> {
      let { priority } = context;
      try {
        if (classOf !== undefined) priority = bounded(classOf(request, priority));
      } catch (error) {
        return Promise.reject(error);
      }
      const shapeReply = (response: Response): Response =>
        response.body === null
          ? response
          : responseAround(response, shapedBody(response.body, down, priority, pieceBytes));
      if (request.body === null) return inner(request, context).then(shapeReply);
      const body = shapedBody(request.body, up, priority, pieceBytes);
      const init: RequestInit & { duplex: "half" } = { body, duplex: "half" };
      const outer = new Request(request, init);
      passMark(request, outer);
      return inner(outer, context).then(shapeReply);
    };
    return withFigures(shaping, () => [
      current("waiting", up.waiting + down.waiting),
      counted("bytes up", up.meter.total, "By"),
      counted("bytes down", down.meter.total, "By"),
    ]);
  });
}

function gateOf(bytesPerSecond: number, settings: Omit<BodyGateSettings, "bytesPerSecond">): BodyGate {
  return new BodyGate({ ...settings, bytesPerSecond });
}

function useOf({ waiting, meter }: BodyGate, clock: Clock): BodyUse {
  return { waiting, bytesSent: meter.total, bytesPerSecond: meter.lately(clock.now()) };
}

function bounded(priority: number): number {
  return Math.max(0, Math.min(7, Math.trunc(priority) || 0));
}
