/**
 * What goes with one call: its deadline, who may cancel it, its priority,
 * metadata, the peer and typed values.
 *
 * @module
 */

import { Cancellation } from "./cancellation.ts";
import { type Clock, systemClock } from "./clock.ts";
import { TransportError } from "./errors.ts";
import { mergeMetadata, type Metadata, noMetadata } from "./metadata.ts";
import type { Session } from "./session.ts";

/**
 * A typed key for a value in a {@linkcode CallContext}; made by
 * {@linkcode contextKey}. Values stay on this side of the wire.
 *
 * @example
 * ```ts
 * import { background, contextKey, type ContextKey } from "@wireway/wireway";
 * const user: ContextKey<string> = contextKey("user", "nobody");
 * background.get(user); // "nobody"
 * ```
 */
export interface ContextKey<T> {
  /** For people and for logs; two keys of one name are two keys. */
  readonly name: string;
  /** What a context without the value gives. */
  readonly defaultValue: T;
}

/**
 * Makes a key for values in a context.
 *
 * @example
 * ```ts
 * import { callContext, contextKey } from "@wireway/wireway";
 * const attempt = contextKey("attempt", 1);
 * const second = callContext().set(attempt, 2);
 * second.get(attempt); // 2
 * ```
 */
export function contextKey<T>(name: string, defaultValue: T): ContextKey<T> {
  return Object.freeze({ name, defaultValue });
}

/**
 * What may be changed when one context is derived from another.
 *
 * @example
 * ```ts
 * import { callContext, type ContextChanges } from "@wireway/wireway";
 * const changes: ContextChanges = { timeoutMs: 200, priority: 1 };
 * const context = callContext(changes);
 * ```
 */
export interface ContextChanges {
  /** Time from now until the deadline, in milliseconds. An earlier deadline that is set already stays. */
  timeoutMs?: number;
  /** The deadline, in milliseconds on the clock. An earlier one that is set already stays. */
  deadline?: number;
  /** The clock that `timeoutMs` is measured on. Default {@linkcode systemClock}. */
  clock?: Clock;
  /** Cancels the call, beside whatever could cancel it before. */
  signal?: AbortSignal;
  /** Urgency, from 0 (most urgent) to 7, as in RFC 9218. */
  priority?: number;
  /** Fields that travel with the call; added to those there are. */
  metadata?: Metadata;
  /** The far side of the connection that the call came in on. */
  peer?: Session<unknown, unknown>;
}

/** The urgency of a call that says nothing about it: the default of RFC 9218. */
const defaultPriority = 3;

/**
 * What goes with one call. Immutable: a middleware that wants something else
 * passes on a derived context.
 *
 * Make one with {@linkcode callContext}; a handler is given one.
 *
 * @example
 * ```ts
 * import { callContext, type CallContext } from "@wireway/wireway";
 * function withTenant(context: CallContext): CallContext {
 *   return context.with({ metadata: { tenant: "acme" } });
 * }
 * withTenant(callContext({ timeoutMs: 200 }));
 * ```
 */
export class CallContext {
  /** When the call must have ended, in milliseconds on the clock; `Infinity` where there is no deadline. */
  readonly deadline: number;
  /** Whether an outer layer already sees to it that the call ends at its deadline. */
  readonly deadlineEnforced: boolean;
  /** Urgency, from 0 (most urgent) to 7. Default 3. */
  readonly priority: number;
  /** The far side of the connection that the call came in on: a handler may call it back. */
  readonly peer: Session<unknown, unknown> | undefined;
  /** What may cancel the call; undefined where nothing can. */
  readonly cancellation: Cancellation | undefined;
  readonly #metadata: Metadata | (() => Metadata);
  readonly #values: ReadonlyMap<ContextKey<unknown>, unknown> | undefined;

  /** For transports, which know all parts; everybody else derives a context from another. */
  constructor(
    deadline: number,
    deadlineEnforced: boolean,
    priority: number,
    peer: Session<unknown, unknown> | undefined,
    cancellation: Cancellation | undefined,
    metadata: Metadata | (() => Metadata),
    values?: ReadonlyMap<ContextKey<unknown>, unknown>,
  ) {
    this.deadline = deadline;
    this.deadlineEnforced = deadlineEnforced;
    this.priority = priority;
    this.peer = peer;
    this.cancellation = cancellation;
    this.#metadata = metadata;
    this.#values = values;
  }

  /** Fields that travel with the call. On HTTP these are the request's header fields. */
  get metadata(): Metadata {
    return typeof this.#metadata === "function" ? this.#metadata() : this.#metadata;
  }

  /** Aborts when the call is cancelled. Made on first use. */
  get signal(): AbortSignal {
    return this.cancellation === undefined ? new AbortController().signal : this.cancellation.signal;
  }

  /** Milliseconds until the deadline, 0 where it has passed, `Infinity` where there is none. */
  timeLeftMs(clock: Clock = systemClock): number {
    return this.deadline === Infinity ? Infinity : Math.max(0, this.deadline - clock.now());
  }

  /** The value of `key`, or the key's default. */
  get<T>(key: ContextKey<T>): T {
    return this.#values?.has(key) ? this.#values.get(key) as T : key.defaultValue;
  }

  /** Derives a context in which `key` has `value`. */
  set<T>(key: ContextKey<T>, value: T): CallContext {
    const values = new Map(this.#values).set(key, value);
    return new CallContext(
      this.deadline,
      this.deadlineEnforced,
      this.priority,
      this.peer,
      this.cancellation,
      this.#metadata,
      values,
    );
  }

  /**
   * Derives a context with some parts changed.
   *
   * Throws `invalid-request` for a priority, a timeout or metadata that is out
   * of range.
   */
  with(changes: ContextChanges): CallContext {
    let deadline = this.deadline;
    if (changes.deadline !== undefined) deadline = Math.min(deadline, changes.deadline);
    if (changes.timeoutMs !== undefined) {
      deadline = Math.min(deadline, (changes.clock ?? systemClock).now() + changes.timeoutMs);
    }
    if (Number.isNaN(deadline)) {
      throw new TransportError("invalid-request", "Cannot set a deadline: timeoutMs or deadline is not a number");
    }
    const priority = changes.priority ?? this.priority;
    if (!Number.isInteger(priority) || priority < 0 || priority > 7) {
      throw new TransportError("invalid-request", `Cannot set priority ${priority}: an integer from 0 to 7 is allowed`);
    }
    return new CallContext(
      deadline,
      this.deadlineEnforced && deadline === this.deadline,
      priority,
      changes.peer ?? this.peer,
      changes.signal === undefined ? this.cancellation : new Cancellation(this.cancellation, changes.signal),
      changes.metadata === undefined ? this.#metadata : mergeMetadata(this.metadata, changes.metadata),
      this.#values,
    );
  }

  /**
   * Derives the context of a call that its deriver ends at `deadline`, and may
   * cancel through `cancellation`. For middleware that enforces deadlines.
   */
  bounded(deadline: number, cancellation: Cancellation): CallContext {
    return new CallContext(deadline, true, this.priority, this.peer, cancellation, this.#metadata, this.#values);
  }

  /**
   * Derives the context of an attempt that its deriver may cancel through
   * `cancellation`, which is to follow this context's own. For middleware that
   * makes several attempts at once.
   */
  cancellable(cancellation: Cancellation): CallContext {
    return new CallContext(
      this.deadline,
      this.deadlineEnforced,
      this.priority,
      this.peer,
      cancellation,
      this.#metadata,
      this.#values,
    );
  }

  /** Derives a context with another peer. For middleware that wraps sessions. */
  withPeer(peer: Session<unknown, unknown>): CallContext {
    return new CallContext(
      this.deadline,
      this.deadlineEnforced,
      this.priority,
      peer,
      this.cancellation,
      this.#metadata,
      this.#values,
    );
  }
}

/**
 * The context of a call that nobody said anything about: no deadline, no
 * cancelling, priority 3, no metadata.
 *
 * @example
 * ```ts
 * import { background } from "@wireway/wireway";
 * const urgent = background.with({ priority: 0 });
 * ```
 */
export const background: CallContext = new CallContext(
  Infinity,
  false,
  defaultPriority,
  undefined,
  undefined,
  noMetadata,
);

/**
 * Makes the context for a call.
 *
 * Throws `invalid-request` for values out of range.
 *
 * @example
 * ```ts
 * import { callContext, type Service } from "@wireway/wireway";
 * declare const call: Service<string, string>;
 * const controller = new AbortController();
 * await call("report", callContext({ timeoutMs: 500, signal: controller.signal, metadata: { tenant: "acme" } }));
 * ```
 */
export function callContext(changes: ContextChanges = {}): CallContext {
  return background.with(changes);
}
