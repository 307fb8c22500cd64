/**
 * contentEncoding(): compressed bodies over HTTP, on both ends.
 *
 * @module
 */

import { named } from "../../core/describe.ts";
import { counted, current, type Figure } from "../../core/figures.ts";
import { liveSettings } from "../../core/live_settings.ts";
import { flag, given, integer, oneOf, type OptionRule, readOptions } from "../../core/options.ts";
import type { Middleware, Service } from "../../core/service.ts";
import { onClient } from "./content_encoding_client.ts";
import { onServer } from "./content_encoding_server.ts";
import { type ContentCoding, contentCodings, isCompressible } from "./content_negotiation.ts";
import type { ContentEncodingSettings } from "./content_codec.ts";
import { ContentEncodingStats } from "./content_encoding_stats.ts";

export type { ContentCoding } from "./content_negotiation.ts";
export { ContentEncodingStats };

/**
 * Options of {@linkcode contentEncoding}.
 *
 * @example
 * ```ts
 * import { contentEncoding, type ContentEncodingOptions } from "@wireway/wireway";
 * const options: ContentEncodingOptions = { codings: ["gzip"], thresholdBytes: 4096 };
 * contentEncoding(options);
 * ```
 */
export interface ContentEncodingOptions {
  /**
   * Which end this is. The `server` encodes responses and decodes requests; the
   * `client` encodes requests and decodes what its transport has not.
   * @default {"server"}
   */
  side?: "server" | "client";
  /**
   * Codings that are used, the best first. Default: brotli, gzip and deflate,
   * as far as the platform has them; on the client, whose server may know none,
   * gzip.
   */
  codings?: readonly ContentCoding[];
  /** Whether this end encodes what it sends. What comes encoded is decoded all the same. @default {true} */
  encode?: boolean;
  /** Bodies below this are sent as they are, in bytes: they would hardly get smaller. @default {1024} */
  thresholdBytes?: number;
  /** Whether a body of this type is encoded. Default: text, JSON, XML, SVG and what is like them. */
  isCompressible?: (contentType: string | null) => boolean;
  /** The most bytes that a body may have when it is decoded. @default {16777216} 16 MiB */
  maxDecodedBytes?: number;
  /** Counts what is done, for `compressionMetrics()`. */
  stats?: ContentEncodingStats;
}

const codingsRule: OptionRule<readonly ContentCoding[] | undefined> = {
  allowed: `a list of ${contentCodings.join(", ")}`,
  fallback: undefined,
  accepts: (value) => Array.isArray(value) && value.length > 0 && value.every((each) => contentCodings.includes(each)),
};

/**
 * Sends bodies compressed where the far side takes that, and decodes those that
 * come compressed.
 *
 * The server chooses by Accept-Encoding with its weights. It leaves alone what
 * is encoded already, partial (206) or marked `no-transform`, answers to HEAD,
 * bodies that are short and types that would not get smaller. A response that
 * might have been encoded says `Vary: Accept-Encoding` also when it is not, and
 * its strong ETag becomes a weak one, since the bytes are others. What a handler
 * writes in one piece, an event of a stream, say, reaches the reader at once.
 *
 * A request that is compressed is decoded before the handler sees it, up to
 * `maxDecodedBytes`; a coding that is not known is answered 415 with the ones
 * that are (RFC 7694).
 *
 * The client compresses the bodies of its requests. Use it only with servers
 * that are known to take that: HTTP has no way to ask before.
 *
 * `encode`, `thresholdBytes` and `maxDecodedBytes` can be changed while it works ({@linkcode adjustablesOf}), for bodies
 * that come after that.
 *
 * Place: on the server outermost but for what looks at whole responses; on the
 * client just around the transport, below a cache.
 *
 * Errors: `message-too-large`, `invalid-request` while a body is read that is
 * too large or broken; on the client `invalid-reply` instead; `invalid-option`.
 *
 * @example A server
 * ```ts
 * import { chain, contentEncoding, http, serve } from "@wireway/wireway";
 * const handler = (): Response => Response.json(Array.from({ length: 1000 }, (_, id) => ({ id })));
 * await serve(http({ port: 8000 }), chain(handler, contentEncoding()));
 * ```
 *
 * @example A client that sends large requests
 * ```ts
 * import { chain, contentEncoding, http, pool } from "@wireway/wireway";
 * await using call = chain(http({ origin: "https://logs.example" }), pool(), contentEncoding({ side: "client" }));
 * ```
 */
export function contentEncoding(options: ContentEncodingOptions = {}): Middleware<Service<Request, Response>> {
  const read = readOptions("contentEncoding()", options, rules);
  const { side } = read;
  const usual: readonly ContentCoding[] = side === "client" ? ["gzip"] : contentCodings;
  const stats = read.stats ?? new ContentEncodingStats();
  const settings: ContentEncodingSettings = { ...read, codings: read.codings ?? usual, stats };
  const { codings, encode, thresholdBytes, maxDecodedBytes } = settings;
  const shown = { side, codings, encode, thresholdBytes, maxDecodedBytes };
  const around = side === "server" ? onServer : onClient;
  const figures = (): readonly Figure[] => [
    current("ratio", stats.bytesAfter === 0 ? undefined : stats.ratio),
    counted("bytes before", stats.bytesBefore, "By"),
    counted("bytes after", stats.bytesAfter, "By"),
    counted("encoded", stats.compressed),
    counted("plain", stats.plain),
    counted("decoded", stats.inflated),
  ];
  const adjustable = liveSettings("contentEncoding()", settings, rules, [
    "encode",
    "thresholdBytes",
    "maxDecodedBytes",
  ]);
  return named(
    "contentEncoding",
    shown,
    (inner: Service<Request, Response>) => around(inner, settings),
    figures,
    adjustable,
  );
}

const rules = {
  side: oneOf("server", ["server", "client"]),
  codings: codingsRule,
  encode: flag(true),
  thresholdBytes: integer(1024, 0, 0x7fff_ffff),
  isCompressible: given<(contentType: string | null) => boolean>(isCompressible, "a function"),
  maxDecodedBytes: integer(16 * 1024 * 1024, 1, Number.MAX_SAFE_INTEGER),
  stats: given<ContentEncodingStats | undefined>(undefined, "an object"),
};
