/**
 * A limit around a scripted service, on a clock that the test moves.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import {
  background,
  type CallContext,
  callContext,
  type DeadlineQueue,
  deadlinesOf,
  ManualClock,
  type Middleware,
  type Observer,
  type Service,
  type TransportEvent,
} from "../../../mod.ts";
import { scripted, type ScriptedCall, settle, Watched } from "../../support/calls.ts";

/** What every test of a limit has. */
export interface Limited<Limit, Res> {
  readonly clock: ManualClock;
  readonly queue: DeadlineQueue;
  readonly limit: Limit;
  readonly events: TransportEvent[];
  /** The calls that the limit let through. */
  readonly calls: ScriptedCall<string, Res>[];
  readonly guarded: Service<string, Res>;
  /** Makes a call. */
  call(request?: string, context?: CallContext): Watched<Res>;
  /** Makes a call that can be given up. */
  abortable(request?: string): { watched: Watched<Res>; abort(): Promise<void> };
  /** What reached the inner service, in order. */
  requests(): string[];
}

/** Sets one up: `make` is given the clock and an observer. */
export function limited<Limit extends Middleware<Service<string, Res>>, Res = string>(
  make: (common: { clock: ManualClock; observer: Observer }) => Limit,
): Limited<Limit, Res> {
  const clock = new ManualClock();
  const events: TransportEvent[] = [];
  const limit = make({ clock, observer: (event) => void events.push(event) });
  const { service, calls } = scripted<string, Res>();
  const guarded = limit(service);
  const call = (request = "question", context = background) => new Watched(guarded(request, context));
  return {
    clock,
    queue: deadlinesOf(clock),
    limit,
    events,
    calls,
    guarded,
    call,
    abortable(request) {
      const controller = new AbortController();
      const watched = call(request, callContext({ signal: controller.signal }));
      return { watched, abort: () => (controller.abort(new Error("the user left")), settle()) };
    },
    requests: () => calls.map(({ request }) => request),
  };
}

/** A response whose body the test ends. */
export function streamed(init?: ResponseInit): { response: Response; end(): void; fail(error: unknown): void } {
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  const body = new ReadableStream<Uint8Array>({ start: (made) => void (controller = made) });
  return {
    response: new Response(body, init),
    end: () => controller.close(),
    fail: (error) => controller.error(error),
  };
}

/** That a call was refused by this side before it was sent. */
export function assertRefused(watched: Watched<unknown>, code: string): void {
  assert.equal(watched.code, code);
  assert.equal((watched.error as { processed: string }).processed, "no");
}
