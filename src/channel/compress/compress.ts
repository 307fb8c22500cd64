/**
 * compress(): messages that take fewer bytes on the wire.
 *
 * @module
 */

import type { ChannelTransport } from "../../core/channel.ts";
import { named } from "../../core/describe.ts";
import { counted, current } from "../../core/figures.ts";
import { liveSettings } from "../../core/live_settings.ts";
import { given, integer, oneOf, readOptions } from "../../core/options.ts";
import type { Middleware } from "../../core/service.ts";
import { CompressChannel, type CompressSettings } from "./compress_channel.ts";
import type { CompressionFormat } from "./compress_codecs.ts";
import { CompressionStats } from "./compress_stats.ts";
import { wrapTransport } from "../wrapped_channel.ts";

export { CompressionStats };

/**
 * Options of {@linkcode compress}.
 *
 * @example
 * ```ts
 * import { compress, type CompressOptions } from "@wireway/wireway";
 * const options: CompressOptions = { format: "zstd", thresholdBytes: 2048 };
 * compress(options);
 * ```
 */
export interface CompressOptions {
  /**
   * What this end sends: one format, or for each message the one that suits its size. Where the peer does not understand the
   * format, messages are sent as they are. @default {"auto"}
   */
  format?: "auto" | "none" | "gzip" | "deflate" | "zstd" | "lz4" | "brotli";
  /** How hard to try, from 1 to 9; brotli takes it as its quality, lz4 ignores it. @default {1} */
  level?: number;
  /** Messages below this many bytes are sent as they are. @default {1024} */
  thresholdBytes?: number;
  /** The largest message that this end inflates, in bytes. Default: what the channel takes. */
  maxInflatedBytes?: number;
  /** Counts what is done. */
  stats?: CompressionStats;
}

/**
 * Compresses messages, each by itself, where that helps. Text stays text.
 *
 * - Below `thresholdBytes` nothing is compressed: there is little to save.
 * - A message that does not become smaller by a tenth is sent as it is, and
 *   after it 1, 2, 4 … up to 64 messages are not even tried.
 * - The ends tell each other in their hellos what they understand. Until the
 *   peer's has come, messages go as they are.
 * - `auto` is what was measured to be the fastest for a message of its size:
 *   lz4 below 16 KiB, deflate below 128 KiB, zstd from there on; where an end
 *   has not the one, another that it has. `zstd` for all sizes makes a third
 *   less of 64 KiB, in a fifth more time. The codecs are the runtime's (`node:zlib`, looked up when the first
 *   connection is made); without it gzip and deflate are those of fflate. Lz4 is
 *   our own. Level 1 is the default for all: higher ones take several times as
 *   long for a tenth less.
 * - A message says how large it was. More than `maxInflatedBytes` is refused
 *   before anything is inflated, and what inflates to more than it says is
 *   stopped there.
 *
 * Secrets and what an attacker can choose should not stand in one message:
 * its length tells of what they have in common (CRIME, BREACH).
 *
 * `thresholdBytes`, `format` and `level` can be changed while it works ({@linkcode adjustablesOf}), on connections that are
 * open as well; `none` turns it off for what this end sends.
 *
 * Both ends need it; the bytes are described in `src/channel/compress/compress.md`.
 *
 * Place: inside of batch(), so that a batch is compressed as one; around
 * shape().
 *
 * Errors: `message-too-large` for what inflates to too much; `protocol` for
 * what can't be inflated, and for a peer without compress();
 * `version-mismatch`; `invalid-option`.
 *
 * @example
 * ```ts
 * import { batch, chain, compress, mux, tcp } from "@wireway/wireway";
 * const wire = chain(tcp({ port: 9000 }), compress({ format: "zstd" }), batch(), mux());
 * ```
 */
export function compress(options: CompressOptions = {}): Middleware<ChannelTransport> {
  const read = readOptions("compress()", options, rules);
  const settings: CompressSettings = {
    ...read,
    format: read.format as CompressionFormat | "auto",
    stats: read.stats ?? new CompressionStats(),
  };
  const { stats: _, ...shown } = read;
  const { stats } = settings;
  return named(
    "compress",
    shown,
    (inner: ChannelTransport): ChannelTransport =>
      wrapTransport(inner, (channel, counts) => new CompressChannel(channel, settings, counts).begin()),
    () => [
      current("ratio", stats.bytesAfter === 0 ? undefined : stats.ratio),
      counted("bytes before", stats.bytesBefore, "By"),
      counted("bytes after", stats.bytesAfter, "By"),
      counted("compressed", stats.compressed),
      counted("plain", stats.plain),
      counted("plain bytes", stats.plainBytes, "By"),
      counted("in vain", stats.vain),
    ],
    liveSettings("compress()", settings, rules, ["format", "level", "thresholdBytes"]),
  );
}

const rules = {
  format: oneOf("auto", ["auto", "none", "gzip", "deflate", "zstd", "lz4", "brotli"]),
  level: integer(1, 1, 9),
  thresholdBytes: integer(1024, 1, 0x7fff_ffff),
  maxInflatedBytes: integer(undefined, 1, 0x7fff_ffff),
  stats: given<CompressionStats | undefined>(undefined, "an object"),
};
