/**
 * contentEncoding() on the server: responses encoded, requests decoded.
 *
 * @module
 */

import { background, type CallContext } from "../../core/context.ts";
import { passMark } from "../../core/open_bodies.ts";
import type { Service } from "../../core/service.ts";
import { type ContentEncodingSettings, decoded, encoded, knownCoding, peeked, supportedOf } from "./content_codec.ts";
import { chooseCoding, type ContentCoding, forbidsTransform, withVary } from "./content_negotiation.ts";

/** Compresses the responses of a service, as far as the far side takes that. */
export function onServer(
  inner: Service<Request, Response>,
  settings: ContentEncodingSettings,
): Service<Request, Response> {
  const supported = supportedOf(settings);
  return async function contentEncoding(request: Request, context: CallContext = background): Promise<Response> {
    const acceptEncoding = request.headers.get("accept-encoding");
    const { method } = request;
    const named = request.headers.get("content-encoding");
    if (named !== null && named !== "identity" && request.body !== null) {
      const coding = knownCoding(named, supported());
      if (coding === undefined) return unknownCoding(named, supported());
      settings.stats.inflated++;
      request = decodedRequest(request, coding, settings.maxDecodedBytes);
    }
    const response = await inner(request, context);
    return settings.encode && mayEncode(response, method, settings)
      ? await encodedResponse(response, chooseCoding(acceptEncoding, supported()), settings)
      : response;
  };
}

function unknownCoding(field: string, known: readonly ContentCoding[]): Response {
  const body = `Content-Encoding ${JSON.stringify(field)} is not known here, only ${known.join(", ")}\n`;
  return new Response(body, { status: 415, headers: { "accept-encoding": known.join(", ") } });
}

function decodedRequest(request: Request, coding: ContentCoding, maxBytes: number): Request {
  const headers = new Headers(request.headers);
  headers.delete("content-encoding");
  headers.delete("content-length");
  const init: RequestInit & { duplex: "half" } = {
    headers,
    body: decoded(request.body!, coding, maxBytes),
    duplex: "half",
  };
  const outer = new Request(request, init);
  passMark(request, outer);
  return outer;
}

function mayEncode(response: Response, method: string, { isCompressible }: ContentEncodingSettings): boolean {
  const { status, headers } = response;
  return method !== "HEAD" && status >= 200 && status !== 204 && status !== 206 && status !== 304 &&
    !headers.has("content-encoding") && !headers.has("content-range") &&
    !forbidsTransform(headers.get("cache-control")) && isCompressible(headers.get("content-type"));
}

async function encodedResponse(
  response: Response,
  coding: ContentCoding | "identity",
  { thresholdBytes, stats }: ContentEncodingSettings,
): Promise<Response> {
  const { body } = response;
  const headers = new Headers(response.headers);
  headers.set("vary", withVary(headers.get("vary"), "accept-encoding"));
  const { status, statusText } = response;
  const length = headers.get("content-length");
  const known = length !== null && Number(length) < thresholdBytes;
  if (body === null || known || coding === "identity") {
    if (body !== null) stats.plain++;
    return new Response(body, { status, statusText, headers });
  }
  // The length of most bodies is not said, and what is short comes at once. Events are never waited for.
  const isStream = headers.get("content-type")?.startsWith("text/event-stream") ?? false;
  const { short, body: whole } = length === null && !isStream
    ? await peeked(body, thresholdBytes)
    : { short: false, body };
  if (short) {
    stats.plain++;
    return new Response(whole, { status, statusText, headers });
  }
  headers.set("content-encoding", coding);
  headers.delete("content-length");
  headers.delete("accept-ranges");
  const etag = headers.get("etag");
  if (etag !== null && !etag.startsWith("W/")) headers.set("etag", `W/${etag}`);
  return new Response(encoded(whole, coding, stats), { status, statusText, headers });
}
