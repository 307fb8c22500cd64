/**
 * contentEncoding() on the client: requests encoded, replies decoded.
 *
 * @module
 */

import { responseAround } from "../../core/completion.ts";
import { background, type CallContext } from "../../core/context.ts";
import { TransportError } from "../../core/errors.ts";
import type { Service } from "../../core/service.ts";
import {
  type ContentEncodingSettings,
  decoded,
  encoded,
  isSupported,
  knownCoding,
  peeked,
  supportedOf,
} from "./content_codec.ts";
import { type ContentCoding, contentCodings, forbidsTransform } from "./content_negotiation.ts";

/** Compresses the requests of a service, and decodes what comes back compressed. */
export function onClient(
  inner: Service<Request, Response>,
  settings: ContentEncodingSettings,
): Service<Request, Response> {
  const supported = supportedOf(settings);
  return async function contentEncoding(request: Request, context: CallContext = background): Promise<Response> {
    const response = await inner(await encodedRequest(request, supported()[0], settings), context);
    const named = response.headers.get("content-encoding");
    const coding = named === null ? undefined : knownCoding(named, contentCodings.filter(isSupported));
    if (coding === undefined || response.body === null) return response;
    settings.stats.inflated++;
    const body = repliesOnly(decoded(response.body, coding, settings.maxDecodedBytes));
    const outer = responseAround(response, body);
    outer.headers.delete("content-encoding");
    outer.headers.delete("content-length");
    return outer;
  };
}

async function encodedRequest(
  request: Request,
  coding: ContentCoding | undefined,
  { encode, thresholdBytes, isCompressible, stats }: ContentEncodingSettings,
): Promise<Request> {
  const { headers, body } = request;
  if (!encode || coding === undefined || body === null || headers.has("content-encoding")) return request;
  if (!isCompressible(headers.get("content-type")) || forbidsTransform(headers.get("cache-control"))) return request;
  const { short, body: whole } = await peeked(body, thresholdBytes);
  const changed = new Headers(headers);
  if (short) stats.plain++;
  else {
    changed.set("content-encoding", coding);
    changed.delete("content-length");
  }
  const init: RequestInit & { duplex: "half" } = {
    method: request.method,
    headers: changed,
    body: short ? whole : encoded(whole, coding, stats),
    signal: request.signal,
    redirect: request.redirect,
    duplex: "half",
  };
  return new Request(request.url, init);
}

/** Errors of a reply's body are the reply's, and not the request's. */
function repliesOnly(body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  return new ReadableStream<Uint8Array>({
    async pull(controller): Promise<void> {
      const { done, value } = await reader.read().catch((error) => {
        throw error instanceof TransportError && error.code === "invalid-request"
          ? new TransportError("invalid-reply", error.message, { cause: error.cause })
          : error;
      });
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}
