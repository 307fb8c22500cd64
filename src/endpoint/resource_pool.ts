/**
 * Pool: keeps a few of anything that is costly to make.
 *
 * @module
 */

import { background, type CallContext } from "../core/context.ts";
import { TransportError } from "../core/errors.ts";
import { given, invalidOption, readOptions } from "../core/options.ts";
import type { SessionState } from "../core/session.ts";
import { ConnectionPool } from "./connection_pool.ts";
import type { Poolable } from "./pool_member.ts";
import { checkSize, poolRules, type PoolSizeOptions } from "./pool_options.ts";
import { type PoolStats, statsOf } from "./pool_stats.ts";
import { LeastLoaded } from "./strategy.ts";

/**
 * Options of {@linkcode Pool}: how a resource is made, ended and looked at.
 *
 * @example
 * ```ts
 * import type { ResourcePoolOptions } from "@wireway/wireway";
 * const options: ResourcePoolOptions<WebSocket> = {
 *   create: () => new WebSocket("ws://127.0.0.1:9003"),
 *   destroy: (socket) => socket.close(),
 *   validate: (socket) => socket.readyState === WebSocket.OPEN,
 *   max: 4,
 * };
 * ```
 */
export interface ResourcePoolOptions<T> extends PoolSizeOptions {
  /** Makes one. The signal aborts when the pool is closed. */
  create: (signal: AbortSignal) => T | Promise<T>;
  /** Ends one that is not used. What it throws is dropped. Default: nothing is to be done. */
  destroy?: (resource: T) => unknown;
  /**
   * Says whether one is still good: false or a rejection ends it. It is asked after a time without use
   * (`validateAfterIdleMs`), and after work of {@linkcode Pool.use} that failed. Default: all are good, and a client
   * whose server went away is lent again until somebody discards it.
   */
  validate?: (resource: T) => boolean | Promise<boolean>;
}

/**
 * One resource, borrowed. `using` gives it back.
 *
 * @example
 * ```ts
 * import { type Lease, Pool } from "@wireway/wireway";
 * const buffers = new Pool({ create: () => new Uint8Array(1 << 20) });
 * using lease: Lease<Uint8Array> = await buffers.acquire();
 * lease.resource.fill(0);
 * ```
 */
export interface Lease<T> extends Disposable {
  /** What was borrowed. */
  readonly resource: T;
  /** Gives it back as good; does nothing the second time. */
  release(): void;
  /** Gives it back as broken: it is ended, and not used again. */
  discard(): void;
}

/**
 * Keeps a few of anything: database clients, workers, buffers. Each is borrowed
 * by one at a time. It is the pool under {@linkcode pool}, for what has no
 * transport of its own: the same waiting, back-off, idle times and numbers.
 *
 * Errors of `acquire()`: `acquire-timeout`, `overloaded` (too many wait),
 * `cancelled`, `deadline-exceeded`, `closed`, `connect-failed` with what
 * `create` threw as its cause; `invalid-option`.
 *
 * @example
 * ```ts
 * import { Pool } from "@wireway/wireway";
 * await using workers = new Pool({
 *   create: () => new Worker(import.meta.resolve("./worker.ts"), { type: "module" }),
 *   destroy: (worker) => worker.terminate(),
 *   max: 4,
 * });
 * await workers.use((worker) => worker.postMessage("work"));
 * ```
 */
export class Pool<T> implements AsyncDisposable {
  readonly #pool: ConnectionPool<Resource<T>>;

  /** Makes a pool; with `prewarm` it begins to fill at once. */
  constructor(options: ResourcePoolOptions<T>) {
    const { create, destroy, validate, ...settings } = readOptions("Pool", options, {
      ...poolRules,
      create: given<ResourcePoolOptions<T>["create"] | undefined>(undefined, "a function"),
      destroy: given<(resource: T) => unknown>(() => {}, "a function"),
      validate: given<(resource: T) => boolean | Promise<boolean>>(() => true, "a function"),
    });
    if (create === undefined) throw invalidOption("Pool", "create", create, "a function");
    checkSize("Pool", settings);
    const open = (signal: AbortSignal): Promise<Resource<T>> =>
      Promise.resolve<T>(create(signal)).then((resource) => new Resource<T>(resource as T, destroy, validate));
    this.#pool = new ConnectionPool({ ...settings, callsPerConnection: 1 }, new LeastLoaded(), open);
    if (settings.prewarm) this.#pool.keep();
  }

  /** Borrows one: at once where one is free, else first come, first served. */
  acquire(context: CallContext = background): Promise<Lease<T>> {
    const member = context.cancellation?.reason === undefined ? this.#pool.take() : undefined;
    if (member !== undefined) return Promise.resolve(member.poolable.borrow());
    return this.#pool.whenFree(context, ({ poolable }) => poolable.borrow());
  }

  /**
   * Borrows one for the time of `work`, and gives it back however that ends. Where `work` failed, `validate` says
   * whether it is used again.
   */
  async use<Result>(work: (resource: T) => Result | Promise<Result>, context?: CallContext): Promise<Result> {
    const lease = await this.acquire(context);
    try {
      return await work(lease.resource);
    } catch (error) {
      this.#pool.suspect(({ poolable }) => poolable.holds(lease.resource));
      throw error;
    } finally {
      lease.release();
    }
  }

  /** What the pool does at this moment. */
  stats(): PoolStats {
    return statsOf(this.#pool);
  }

  /** Refuses those who wait, waits for what is borrowed, ends all. */
  close(): Promise<void> {
    return this.#pool.close();
  }

  /** Closes it. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** A resource as the pool sees it: a connection that carries one piece of work. */
class Resource<T> implements Poolable {
  readonly capacity = 1;
  readonly finished: Promise<void>;
  onChange: (() => void) | undefined = undefined;
  state: SessionState = "open";
  load = 0;
  readonly #resource: T;
  readonly #destroy: (resource: T) => unknown;
  readonly #validate: (resource: T) => boolean | Promise<boolean>;
  readonly #finished = Promise.withResolvers<void>();

  constructor(resource: T, destroy: (resource: T) => unknown, validate: (resource: T) => boolean | Promise<boolean>) {
    this.#resource = resource;
    this.#destroy = destroy;
    this.#validate = validate;
    this.finished = this.#finished.promise;
  }

  borrow(): Lease<T> {
    this.load = 1;
    return new Borrowed(this.#resource, (broken) => this.#returned(broken));
  }

  /** Whether it is this one. */
  holds(resource: T): boolean {
    return this.#resource === resource;
  }

  async ping(): Promise<void> {
    if (await this.#validate(this.#resource)) return;
    throw new TransportError("connection-lost", "Resource given up: it was found to be no longer good");
  }

  close(): Promise<void> {
    if (this.state === "open") this.state = "draining";
    if (this.load === 0) this.#end();
    return this.finished;
  }

  abort(): void {
    this.#end();
  }

  #returned(broken: boolean): void {
    this.load = 0;
    if (broken || this.state === "draining") this.#end();
    else this.onChange?.();
  }

  #end(): void {
    if (this.state === "closed") return;
    this.state = "closed";
    this.onChange?.();
    void this.#destroyed();
  }

  async #destroyed(): Promise<void> {
    try {
      await this.#destroy(this.#resource);
    } catch {
      // It is gone either way.
    }
    this.#finished.resolve();
  }
}

class Borrowed<T> implements Lease<T> {
  readonly resource: T;
  #onReturn: ((broken: boolean) => void) | undefined;

  constructor(resource: T, onReturn: (broken: boolean) => void) {
    this.resource = resource;
    this.#onReturn = onReturn;
  }

  release(): void {
    this.#return(false);
  }

  discard(): void {
    this.#return(true);
  }

  [Symbol.dispose](): void {
    this.#return(false);
  }

  #return(broken: boolean): void {
    const onReturn = this.#onReturn;
    this.#onReturn = undefined;
    onReturn?.(broken);
  }
}
