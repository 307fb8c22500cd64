/**
 * The calling end of httpCalls().
 *
 * @module
 */

import { formatAddress } from "../core/channel.ts";
import { background, type CallContext } from "../core/context.ts";
import { TransportError } from "../core/errors.ts";
import { type PlainParts, plainRequest } from "../core/plain_request.ts";
import { readBody } from "../core/read_body.ts";
import type { Session } from "../core/session.ts";
import type { SentCalls } from "../core/session_figures.ts";
import { Streamed } from "../core/streamed.ts";
import { keptBytes } from "../util/kept_bytes.ts";
import type { HttpCallSettings } from "./http_calls_answering.ts";
import { decodeError, timeLeftField, tooLarge } from "./http_calls_wire.ts";
import { refuseStream } from "./refuse_stream.ts";
import { WrappedSession } from "./wrapped_session.ts";

/** More than this is not told: 31 years, in digits that any number takes. */
const maxTimeLeftMs = 1e12;

const typeField = ["content-type", "application/octet-stream"] as const;
const plainFields: PlainParts["fields"] = [typeField];

/** See the module. */
export class HttpCallSession extends WrappedSession<Request, Response, Uint8Array, Uint8Array> {
  readonly #settings: HttpCallSettings;
  readonly #url: string;
  readonly #sent: SentCalls;

  constructor(inner: Session<Request, Response>, settings: HttpCallSettings, sent: SentCalls) {
    super(inner);
    this.#sent = sent;
    this.#settings = settings;
    this.#url = new URL(settings.path, `${inner.remote.transport}://${formatAddress(inner.remote)}`).href;
  }

  async call(request: Uint8Array, context: CallContext = background): Promise<Uint8Array> {
    const { maxMessageBytes, clock } = this.#settings;
    this.#sent.calls++;
    if ((request as unknown) instanceof Streamed) {
      throw refuseStream(request as unknown as Streamed<unknown>, "httpCalls()", "no");
    }
    if (request.length > maxMessageBytes) throw tooLarge(request.length, maxMessageBytes, "no");
    let fields = plainFields;
    if (context.deadline !== Infinity) {
      const timeLeftMs = Math.max(0, Math.ceil(context.deadline - clock.now()));
      fields = [typeField, [timeLeftField, String(Math.min(timeLeftMs, maxTimeLeftMs))]];
    }
    const parts = { method: "POST", url: this.#url, redirect: "follow", fields, body: keptBytes(request) } as const;
    const response = await this.inner.call(plainRequest(parts), context);
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
}
