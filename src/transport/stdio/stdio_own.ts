/**
 * The standard input and output of this process as a stream of bytes.
 *
 * @module
 */

import { type Address, type Channel, type ChannelCounters, emptyCounters, type Listener } from "../../core/channel.ts";
import { TransportError } from "../../core/errors.ts";
import type { ByteStream } from "../stream/byte_stream.ts";
import { needDeno } from "../need_deno.ts";
import { StreamChannel } from "../stream/stream_channel.ts";
import type { StdioSettings } from "./stdio_options.ts";

const own: Address = { transport: "stdio", path: "this process" };
const parent: Address = { transport: "stdio", path: "the parent process" };

/** There is one pair of them, and it is used once. */
let taken = false;

/** See the module. */
class OwnStream implements ByteStream {
  readonly #over: () => void;

  constructor(over: () => void) {
    this.#over = over;
  }

  read(bytes: Uint8Array): Promise<number | null> {
    return Deno.stdin.read(bytes);
  }

  write(bytes: Uint8Array): Promise<number> {
    return Deno.stdout.write(bytes);
  }

  closeWrite(): Promise<void> {
    closeQuietly(Deno.stdout);
    return Promise.resolve();
  }

  close(): void {
    // A read that is under way ends with it, so that it does not keep the process alive.
    closeQuietly(Deno.stdin);
    closeQuietly(Deno.stdout);
    this.#over();
  }
}

function closeQuietly(stream: { close(): void }): void {
  try {
    stream.close();
  } catch {
    // Closed already.
  }
}

/** The one channel of this process. Throws `address-in-use` where it was taken before. */
export function openOwn(
  settings: StdioSettings,
  side: "client" | "server",
  counters: ChannelCounters,
  over: () => void,
): Channel {
  needDeno("Cannot use standard input and output");
  if (taken) {
    const why = "Cannot use standard input and output: they are, or were, the channel of another stdio()";
    throw new TransportError("address-in-use", why);
  }
  taken = true;
  return new StreamChannel(new OwnStream(over), settings, { side, local: own, counters }, parent, null);
}

/** Gives the one channel to `accept`. */
export function listenOwn(settings: StdioSettings, accept: (channel: Channel) => void): Listener {
  const counters = emptyCounters();
  const { promise: finished, resolve } = Promise.withResolvers<void>();
  const channel = openOwn(settings, "server", counters, resolve);
  counters.connectionsAccepted++;
  queueMicrotask(() => {
    try {
      accept(channel);
    } catch (error) {
      channel.abort(TransportError.from(error, "protocol"));
    }
  });
  const close = (): Promise<void> => {
    resolve();
    return finished;
  };
  return { addr: own, counters, finished, close };
}
