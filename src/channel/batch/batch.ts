/**
 * batch(): many messages as one.
 *
 * @module
 */

import type { ChannelTransport } from "../../core/channel.ts";
import { named } from "../../core/describe.ts";
import { counted, current } from "../../core/figures.ts";
import { liveSettings } from "../../core/live_settings.ts";
import type { Middleware } from "../../core/service.ts";
import { GatheringChannel } from "./batch_channel.ts";
import { LineBatchChannel } from "./batch_lines.ts";
import { type BatchOptions, batchRules, type BatchTransport, checkBatch, readBatchOptions } from "./batch_options.ts";
import { wrapTransport } from "../wrapped_channel.ts";

export { BatchStats } from "./batch_stats.ts";
export type { BatchChannel, BatchOptions, BatchTransport } from "./batch_options.ts";

/**
 * Gathers messages, and sends many of them as one. The far side takes them
 * apart again; text stays text.
 *
 * By default a batch is what is sent in one turn, and while the channel is full
 * all that comes up (natural batching): under load batches grow by themselves,
 * and a message alone goes at once, as it is. `lingerMs` makes messages wait
 * for others; 10 ms is usual where many small messages matter more than their
 * time. A batch goes when it has `maxMessages` (100) or `maxBytes` (64 KiB),
 * when its time is over, with `flush()`, and with `close()`, which sends
 * everything first.
 *
 * Where messages wait, the urgent ones go first (the `priority` of
 * {@linkcode Channel.send}, which mux() sets to that of its calls). A batch
 * takes no more than what the connection was last seen to take in 20 ms, 4 KiB
 * at the least, so that an urgent message does not wait behind a large batch on
 * a slow line.
 *
 * A batch that can't be sent ends the connection, since a stream of messages
 * with a hole in it is of no use; each `post()` of it rejects with the reason.
 *
 * On TCP the writes are gathered without it too. It pays where each message has
 * a cost of its own: around {@linkcode compress}, which then compresses a batch
 * as one, on WebSockets, and for very small messages. With the `newline` format
 * a batch is text of many lines: any peer that reads lines understands it, and
 * messages with a line feed are refused. A channel that is framed by newlines
 * itself needs no batches: its writer gathers lines.
 *
 * Both ends need it, but for the `newline` format; the bytes are described in
 * `src/channel/batch/batch.md`.
 *
 * All but `maxBytes` and `format` can be changed while it works ({@linkcode adjustablesOf}), on connections that are open
 * as well.
 *
 * Place: below mux(), and around compress() and shape().
 *
 * Errors: `overloaded` where a sender that did not wait has filled
 * `maxBufferedBytes`; `message-too-large`, `closed`; `invalid-request` for a
 * line feed in a line; `connection-lost` where the peer does not take what is
 * held at the end; `protocol` and `version-mismatch` for a peer without
 * batch(); `invalid-option`.
 *
 * @example
 * ```ts
 * import { batch, chain, mux, tcp } from "@wireway/wireway";
 * const wire = chain(tcp({ port: 9000 }), batch({ maxMessages: 100, maxBytes: 65_536 }), mux());
 * ```
 */
export function batch(options: BatchOptions = {}): Middleware<ChannelTransport, BatchTransport> {
  const settings = readBatchOptions(options);
  const Kind = settings.format === "newline" ? LineBatchChannel : GatheringChannel;
  const { clock: _, stats, ...shown } = settings;
  return named(
    "batch",
    shown,
    (inner: ChannelTransport): BatchTransport =>
      wrapTransport(inner, (channel, counts) => new Kind(channel, settings, counts).begin()),
    () => [
      current("messages a batch", stats.meanMessages),
      current("largest", stats.batches === 0 ? undefined : stats.largest),
      counted("batches", stats.batches),
      counted("messages", stats.messages),
      counted("bytes", stats.bytes, "By"),
    ],
    liveSettings("batch()", settings, batchRules, liveNames, { check: checkBatch }),
  );
}

/** What can be changed while it works, on connections that are open as well. */
const liveNames = ["maxMessages", "lingerMs", "highWaterBytes", "maxBufferedBytes", "drainTimeoutMs"] as const;
