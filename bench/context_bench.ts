/**
 * Making contexts, deriving them, and listening for a call being cancelled.
 *
 * @module
 */

import { background, type CallContext, callContext, Cancellation, type CancelListener, contextKey } from "../mod.ts";
import { Group, kept } from "./floor/group.ts";

const TIMES = 1000;
const DEADLINE = 1e12;

/** The parts of a context, as one would write them down without a class. */
interface PlainContext {
  deadline: number;
  deadlineEnforced: boolean;
  priority: number;
  peer: unknown;
  cancellation: Cancellation | undefined;
  metadata: Readonly<Record<string, string>>;
}

const noFields: Readonly<Record<string, string>> = Object.freeze({});
const plain: PlainContext = madeByHand(3);

function madeByHand(priority: number): PlainContext {
  return {
    deadline: DEADLINE,
    deadlineEnforced: false,
    priority,
    peer: undefined,
    cancellation: undefined,
    metadata: noFields,
  };
}

const making = new Group("making a context", TIMES, "context");

making.floor("an object literal", () => {
  for (let i = 0; i < TIMES; i++) kept.value = madeByHand(i & 7);
});

making.bench("callContext() with a deadline and a priority", () => {
  for (let i = 0; i < TIMES; i++) kept.value = callContext({ deadline: DEADLINE, priority: i & 7 });
});

making.bench("callContext() with a timeout, which reads the clock", () => {
  for (let i = 0; i < TIMES; i++) kept.value = callContext({ timeoutMs: i });
});

const deriving = new Group("deriving a context", TIMES, "context");
const base: CallContext = callContext({ deadline: DEADLINE, metadata: { tenant: "acme" } });
const attempt = contextKey("attempt", 1);
const cancellation = new Cancellation();

deriving.floor("an object spread", () => {
  for (let i = 0; i < TIMES; i++) kept.value = { ...plain, priority: i & 7 };
});

deriving.bench("with() another priority", () => {
  for (let i = 0; i < TIMES; i++) kept.value = base.with({ priority: i & 7 });
});

deriving.bench("bounded(), as timeout() does", () => {
  for (let i = 0; i < TIMES; i++) kept.value = base.bounded(i, cancellation);
});

deriving.bench("set() a typed key", () => {
  for (let i = 0; i < TIMES; i++) kept.value = background.set(attempt, i);
});

deriving.bench("with() one more field of metadata", () => {
  for (let i = 0; i < TIMES; i++) kept.value = base.with({ metadata: { attempt: "2" } });
});

const cancelling = new Group("listening for a call being cancelled", TIMES, "call");
const listener: CancelListener = { cancelled: () => {} };
const onAbort = (): void => {};
const source = new Cancellation();
const signal = new AbortController().signal;

cancelling.floor("an AbortController with a listener", () => {
  for (let i = 0; i < TIMES; i++) {
    const controller = new AbortController();
    controller.signal.addEventListener("abort", onAbort);
    controller.signal.removeEventListener("abort", onAbort);
    kept.value = controller;
  }
});

cancelling.bench("a Cancellation with a listener", () => {
  for (let i = 0; i < TIMES; i++) {
    const made = new Cancellation();
    made.subscribe(listener);
    made.unsubscribe(listener);
    kept.value = made;
  }
});

cancelling.bench("a Cancellation that follows another", () => {
  for (let i = 0; i < TIMES; i++) {
    const made = new Cancellation(source);
    made.subscribe(listener);
    made.unsubscribe(listener);
    kept.value = made;
  }
});

cancelling.bench("a Cancellation that follows a caller's signal", () => {
  for (let i = 0; i < TIMES; i++) {
    const made = new Cancellation(undefined, signal);
    made.subscribe(listener);
    made.unsubscribe(listener);
    kept.value = made;
  }
});
