/**
 * The body of an event stream on somebody else's HTTP server.
 *
 * @module
 */

import type { TransportError } from "../../core/errors.ts";
import type { OpenBody } from "../../core/open_bodies.ts";
import { EventStreamCore } from "./event_stream_core.ts";
import type { EventStreamSettings } from "./event_stream_options.ts";
import { turnsOf } from "./event_stream_turns.ts";

/** What a ReadableStream reads from. */
export class EventStreamBody extends EventStreamCore implements UnderlyingDefaultSource<Uint8Array>, OpenBody {
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  /** Keeps the platform from pulling while the reader keeps up: a pull costs more than a chunk. */
  #noPull: PromiseWithResolvers<void> | undefined = undefined;
  /** Where the server finds it that has to end it. */
  readonly #home: Set<OpenBody> | undefined;

  constructor(settings: EventStreamSettings, lastEventId: string, home: Set<OpenBody> | undefined) {
    super(settings, lastEventId, turnsOf(settings.clock));
    this.#home = home;
    home?.add(this);
  }

  start(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.#controller = controller;
    this.begin();
  }

  pull(): Promise<void> | void {
    this.resume();
    if (!this.isBehind) return (this.#noPull = Promise.withResolvers<void>()).promise;
  }

  cancel(): void {
    this.over(undefined);
  }

  protected override ready(): boolean {
    if (this.#controller.desiredSize! > 0) return true;
    this.#noPull?.resolve();
    this.#noPull = undefined;
    return false;
  }

  protected override put(chunk: Uint8Array): void {
    this.#controller.enqueue(chunk);
  }

  protected override finish(): void {
    this.#controller.close();
  }

  protected override cut(error: TransportError): void {
    this.#controller.error(error);
  }

  /** Ends it in order, since the platform prints what a body fails with. The reader comes back for what it missed. */
  end(error: TransportError): void {
    this.endWith(error);
  }

  protected override over(error: TransportError | undefined): void {
    this.#home?.delete(this);
    super.over(error);
  }
}
