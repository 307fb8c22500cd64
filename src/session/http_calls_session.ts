/**
 * The calling end of httpCalls().
 *
 * @module
 */

import { formatAddress } from "../core/channel.ts";
import { background, type CallContext } from "../core/context.ts";
import { TransportError } from "../core/errors.ts";
import { readBody } from "../core/read_body.ts";
import type { Session, ShutdownOptions } from "../core/session.ts";
import type { HttpCallSettings } from "./http_calls_answering.ts";
import { decodeError, timeLeftField, tooLarge } from "./http_calls_wire.ts";

/** More than this is not told: 31 years, in digits that any number takes. */
const maxTimeLeftMs = 1e12;

/** See the module. */
export class HttpCallSession implements Session<Uint8Array, Uint8Array> {
  readonly #inner: Session<Request, Response>;
  readonly #settings: HttpCallSettings;
  readonly #url: string;

  constructor(inner: Session<Request, Response>, settings: HttpCallSettings) {
    this.#inner = inner;
    this.#settings = settings;
    this.#url = new URL(settings.path, `${inner.remote.transport}://${formatAddress(inner.remote)}`).href;
  }

  get local(): Session<Uint8Array, Uint8Array>["local"] {
    return this.#inner.local;
  }
  get remote(): Session<Uint8Array, Uint8Array>["remote"] {
    return this.#inner.remote;
  }
  get state(): Session<Uint8Array, Uint8Array>["state"] {
    return this.#inner.state;
  }
  get load(): number {
    return this.#inner.load;
  }
  get capacity(): number {
    return this.#inner.capacity;
  }
  get finished(): Session<Uint8Array, Uint8Array>["finished"] {
    return this.#inner.finished;
  }
  get onChange(): (() => void) | undefined {
    return this.#inner.onChange;
  }
  set onChange(listener: (() => void) | undefined) {
    this.#inner.onChange = listener;
  }

  async call(request: Uint8Array, context: CallContext = background): Promise<Uint8Array> {
    const { maxMessageBytes, clock } = this.#settings;
    if (request.length > maxMessageBytes) throw tooLarge(request.length, maxMessageBytes, "no");
    const headers: Record<string, string> = { "content-type": "application/octet-stream" };
    if (context.deadline !== Infinity) {
      const timeLeftMs = Math.max(0, Math.ceil(context.deadline - clock.now()));
      headers[timeLeftField] = String(Math.min(timeLeftMs, maxTimeLeftMs));
    }
    const body = request as Uint8Array<ArrayBuffer>;
    const response = await this.#inner.call(new Request(this.#url, { method: "POST", headers, body }), context);
    try {
      if (response.status !== 200) throw await decodeError(response);
      return await readBody(response, maxMessageBytes);
    } catch (error) {
      if (!(error instanceof TransportError) || error.remote || error.code !== "message-too-large") throw error;
      // The handler has run: the call must not look like one that may be sent again.
      throw new TransportError(error.code, error.message, { processed: "yes", details: error.details, cause: error });
    }
  }

  send(): never {
    throw new TransportError("unsupported", "Cannot send one way: every HTTP request has a response");
  }

  ping(): Promise<number> {
    return this.#inner.ping();
  }

  close(options?: ShutdownOptions): Promise<void> {
    return this.#inner.close(options);
  }

  abort(reason: TransportError): void {
    this.#inner.abort(reason);
  }
}
