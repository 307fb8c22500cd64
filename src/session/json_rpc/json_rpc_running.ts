/**
 * The calls that handlers work on.
 *
 * @module
 */

import { Cancellation } from "../../core/cancellation.ts";
import { type Id, RawId } from "./json_rpc_parse.ts";
import type { ReplyBatch } from "./json_rpc_replies.ts";
import type { StreamIn } from "./json_rpc_stream_in.ts";
import type { StreamOut } from "./json_rpc_stream_out.ts";

/** One of them, and what cancels it. */
export class RunningCall extends Cancellation {
  /** Its id; undefined for a notification. */
  readonly id: Id | undefined;
  /** What its reply goes into, where it came in a batch. */
  readonly batch: ReplyBatch | undefined;
  /** Whether nobody waits for its reply any more. */
  answered = false;
  /** The stream that follows the request. */
  incoming: StreamIn | undefined = undefined;
  /** The stream that follows the reply. */
  outgoing: StreamOut | undefined = undefined;
  /** Where it stands in the list. */
  position = -1;

  constructor(id: Id | undefined, batch: ReplyBatch | undefined) {
    super();
    this.id = id;
    this.batch = batch;
  }
}

/** All of them: a list without order, since a peer may give two calls one id. */
export class RunningCalls {
  readonly #calls: RunningCall[] = [];

  /** How many there are. */
  get size(): number {
    return this.#calls.length;
  }

  /** Adds one. */
  add(call: RunningCall): void {
    call.position = this.#calls.length;
    this.#calls.push(call);
  }

  /** Takes one out. */
  delete(call: RunningCall): void {
    const last = this.#calls.pop()!;
    if (last === call) return;
    this.#calls[call.position] = last;
    last.position = call.position;
  }

  /** The one that has this id and is not answered, or sends a stream. */
  find(id: unknown): RunningCall | undefined {
    return this.#calls.find((call) =>
      call.id !== undefined && (!call.answered || call.outgoing !== undefined) &&
      (call.id === id || (call.id instanceof RawId && Number(call.id.text) === id))
    );
  }

  /** A copy of the list. */
  all(): RunningCall[] {
    return this.#calls.slice();
  }
}
