/**
 * What tests of calls share: services under the test's control, and looking at
 * how a call ended.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { type CallContext, type ErrorCode, type Processed, type Service, TransportError } from "../../mod.ts";
import { within } from "./channels.ts";

/** Lets promise reactions run, more turns than any chain of ours is deep. */
export async function settle(turns = 60): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await undefined;
}

/** Waits for a call to fail with `code`, and gives the error. */
export async function failure(
  call: Promise<unknown>,
  code: ErrorCode | readonly ErrorCode[],
  processed?: Processed,
): Promise<TransportError> {
  const what = typeof code === "string" ? code : code.join(" or ");
  try {
    const reply = await within(call, `a call's end, with ${what}`);
    assert.fail(`the call was answered (${reply}), not rejected with ${what}`);
  } catch (error) {
    if (!(error instanceof TransportError)) throw error;
    assert.ok(typeof code === "string" ? error.code === code : code.includes(error.code), `${error.code}, not ${what}`);
    if (processed !== undefined) assert.equal(error.processed, processed, `processed of ${error.code}`);
    return error;
  }
}

/** One call, watched: how often it settled, and how. */
export class Watched<T> {
  /** How often its promise settled: 1 once it is over. */
  settled = 0;
  /** Its reply. */
  reply: T | undefined = undefined;
  /** What it was rejected with. */
  error: unknown = undefined;

  /** Watches from now on. */
  constructor(call: Promise<T>) {
    call.then((reply) => {
      this.settled++;
      this.reply = reply;
    }, (error) => {
      this.settled++;
      this.error = error;
    });
  }

  /** The code of the error it ended with; undefined where it did not. */
  get code(): ErrorCode | undefined {
    return this.error instanceof TransportError ? this.error.code : undefined;
  }
}

/** A call that reached a scripted service, and that the test ends. */
export interface ScriptedCall<Req, Res> {
  readonly request: Req;
  readonly context: CallContext;
  /** Why it was cancelled; undefined while it was not. */
  cancelled: TransportError | undefined;
  resolve(reply: Res): void;
  reject(error: unknown): void;
}

/** A service whose calls wait for the test. */
export interface ScriptedService<Req, Res> {
  readonly service: Service<Req, Res>;
  /** The calls that came, in order. */
  readonly calls: ScriptedCall<Req, Res>[];
}

/** Makes a service that does nothing by itself, not even when it is cancelled. */
export function scripted<Req, Res>(): ScriptedService<Req, Res> {
  const calls: ScriptedCall<Req, Res>[] = [];
  const service: Service<Req, Res> = (request, context) => {
    assert.ok(context !== undefined, "an inner service is given a context");
    const { promise, resolve, reject } = Promise.withResolvers<Res>();
    const call: ScriptedCall<Req, Res> = { request, context, cancelled: undefined, resolve, reject };
    context.cancellation?.subscribe({
      cancelled: (reason) => {
        assert.equal(call.cancelled, undefined, "a call is cancelled once at most");
        call.cancelled = reason;
      },
    });
    calls.push(call);
    return promise;
  };
  return { service, calls };
}
