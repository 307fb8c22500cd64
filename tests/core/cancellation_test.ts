/**
 * Cancelling: who is told, what hangs on a source and for how long, and what
 * the reasons become.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { callContext, Cancellation, type CancelListener, TransportError } from "../../src/core/mod.ts";
import { spyOn } from "./_spy.ts";

/** Remembers what it was told. */
class Heard implements CancelListener {
  readonly reasons: TransportError[] = [];
  readonly #then: (() => void) | undefined;
  constructor(then?: () => void) {
    this.#then = then;
  }
  cancelled(reason: TransportError): void {
    this.reasons.push(reason);
    this.#then?.();
  }
}

const reason = new TransportError("cancelled", "Call cancelled: enough");

Deno.test("all listeners are told once, with the reason", () => {
  const cancellation = new Cancellation();
  const heard = [new Heard(), new Heard(), new Heard()];
  for (const listener of heard) cancellation.subscribe(listener);
  assert.equal(cancellation.reason, undefined);
  cancellation.cancel(reason);
  cancellation.cancel(new TransportError("deadline-exceeded", "too late"));
  assert.deepEqual(heard.map((listener) => listener.reasons), [[reason], [reason], [reason]]);
  assert.equal(cancellation.reason, reason);
});

Deno.test("who stopped listening is not told", () => {
  const cancellation = new Cancellation();
  const [first, second, third] = [new Heard(), new Heard(), new Heard()];
  for (const listener of [first, second, third]) cancellation.subscribe(listener);
  cancellation.unsubscribe(first);
  cancellation.unsubscribe(third);
  cancellation.unsubscribe(new Heard());
  cancellation.cancel(reason);
  assert.deepEqual([first, second, third].map((listener) => listener.reasons.length), [0, 1, 0]);
});

Deno.test("a listener may take others back while they are being told", () => {
  const cancellation = new Cancellation();
  const last = new Heard();
  cancellation.subscribe(new Heard(() => cancellation.unsubscribe(last)));
  cancellation.subscribe(new Heard());
  cancellation.subscribe(last);
  cancellation.cancel(reason);
  assert.equal(last.reasons.length, 0);
});

Deno.test("a listener that comes after the cancelling is not called back, and hangs on nothing", () => {
  const controller = new AbortController();
  const spy = spyOn(controller.signal);
  const cancellation = new Cancellation(undefined, controller.signal);
  cancellation.cancel(reason);
  const late = new Heard();
  cancellation.subscribe(late);
  controller.abort();
  assert.equal(late.reasons.length, 0);
  assert.equal(spy.hanging, 0);
});

Deno.test("a cancellation follows both of its sources", () => {
  const sources = [
    (controller: AbortController, _: Cancellation) => controller.abort(reason),
    (_: AbortController, source: Cancellation) => source.cancel(reason),
  ];
  for (const stop of sources) {
    const controller = new AbortController();
    const source = new Cancellation();
    const spy = spyOn(controller.signal);
    const cancellation = new Cancellation(source, controller.signal);
    const heard = new Heard();
    cancellation.subscribe(heard);
    stop(controller, source);
    assert.deepEqual(heard.reasons, [reason]);
    assert.equal(cancellation.reason, reason);
    assert.equal(spy.hanging, 0);
  }
});

Deno.test("reading the reason before the news has come does not swallow the news", () => {
  const source = new Cancellation();
  const controller = new AbortController();
  const derived = new Cancellation(source, controller.signal);
  // Both hear of it before the derived one does, and both look.
  controller.signal.addEventListener("abort", () => void derived.reason);
  source.subscribe(new Heard(() => void derived.reason));
  const heard = new Heard();
  derived.subscribe(heard);
  source.cancel(reason);
  assert.deepEqual(heard.reasons, [reason]);

  const other = new Cancellation(undefined, controller.signal);
  controller.signal.addEventListener("abort", () => void other.reason);
  const told = new Heard();
  other.subscribe(told);
  controller.abort();
  assert.equal(told.reasons.length, 1);
  assert.equal(told.reasons[0], other.reason, "and there is one reason only");
});

Deno.test("a source is heard only while somebody listens", () => {
  const controller = new AbortController();
  const spy = spyOn(controller.signal);
  const outer = new Cancellation(undefined, controller.signal);
  const inner = new Cancellation(outer);
  assert.equal(spy.added, 0);
  const listeners = [new Heard(), new Heard()];
  for (const listener of listeners) inner.subscribe(listener);
  assert.equal(spy.hanging, 1, "one listener for any number of ours");
  for (const listener of listeners) inner.unsubscribe(listener);
  assert.equal(spy.hanging, 0);
  inner.subscribe(listeners[0]);
  assert.equal(spy.hanging, 1);
  inner.release();
  assert.equal(spy.hanging, 0);
  controller.abort();
  assert.equal(listeners[0].reasons.length, 0);
});

Deno.test("one bad listener does not keep the others from hearing, and its error is not swallowed", async () => {
  const uncaught = Promise.withResolvers<unknown>();
  const onError = (event: ErrorEvent): void => {
    event.preventDefault();
    uncaught.resolve(event.error);
  };
  addEventListener("error", onError);
  const cancellation = new Cancellation();
  const boom = new Error("boom");
  const bad = new Heard(() => {
    throw boom;
  });
  const heard = [new Heard(), new Heard()];
  for (const listener of [bad, heard[0], heard[1]]) cancellation.subscribe(listener);
  cancellation.cancel(reason);
  assert.deepEqual(heard.map((listener) => listener.reasons.length), [1, 1]);
  assert.equal(await uncaught.promise, boom);
  removeEventListener("error", onError);
});

Deno.test("a signal is made only on demand, once, and aborts with the reason", () => {
  const source = new Cancellation();
  const cancellation = new Cancellation(source);
  const signal = cancellation.signal;
  assert.equal(cancellation.signal, signal);
  assert.equal(signal.aborted, false);
  source.cancel(reason);
  assert.equal(signal.reason, reason);
  assert.equal(new Cancellation(source).signal.reason, reason, "one that is made afterwards is aborted already");
});

Deno.test("where only a caller's signal is followed, that very signal is handed on", () => {
  const controller = new AbortController();
  const spy = spyOn(controller.signal);
  assert.equal(callContext({ signal: controller.signal }).signal, controller.signal);
  assert.equal(spy.added, 0);
});

Deno.test("a signal of two sources aborts with either, and by itself, and leaves nothing on a long-lived one", () => {
  for (const which of [0, 1, 2]) {
    const controllers = [new AbortController(), new AbortController()];
    const spies = controllers.map((controller) => spyOn(controller.signal));
    const { cancellation } = callContext({ signal: controllers[0].signal }).with({ signal: controllers[1].signal });
    const { signal } = cancellation!;
    assert.equal(cancellation!.signal, signal);
    assert.equal(signal.aborted, false);
    assert.deepEqual(spies.map((spy) => spy.hanging), [0, 0]);
    if (which < 2) controllers[which].abort(reason);
    else cancellation!.cancel(reason);
    assert.ok(signal.aborted);
    assert.equal(signal.reason, reason);
    assert.equal(cancellation!.reason, reason);
  }
});

Deno.test("a signal of two sources that is asked for after the cancelling is aborted", () => {
  const cancellation = new Cancellation(new Cancellation(), new AbortController().signal);
  cancellation.cancel(reason);
  assert.equal(cancellation.signal.reason, reason);
});

Deno.test("a caller's reasons become errors with a code", () => {
  const of = (given: unknown): TransportError => {
    const controller = new AbortController();
    controller.abort(given);
    return new Cancellation(undefined, controller.signal).reason!;
  };
  assert.equal(of(reason), reason);
  const timeout = new DOMException("Signal timed out.", "TimeoutError");
  assert.equal(of(timeout).code, "deadline-exceeded");
  assert.equal(of(timeout).cause, timeout);
  assert.equal(of(undefined).code, "cancelled");
  assert.match(of(new Error("the user left")).message, /^Call cancelled: the user left$/);
  assert.match(of("text").message, /text/);
  assert.equal(of(Object.create(null)).code, "cancelled", "even one that can't be made a text");
});

Deno.test("the reason of a source that was cancelled before counts at once", () => {
  const source = new Cancellation();
  source.cancel(reason);
  assert.equal(new Cancellation(new Cancellation(source)).reason, reason);
});
