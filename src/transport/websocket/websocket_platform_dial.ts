/**
 * Connecting with the platform's `WebSocket`.
 *
 * @module
 */

import type { Address, Channel, ChannelCounters, DialOptions } from "../../core/channel.ts";
import { TransportError } from "../../core/errors.ts";
import { PlatformChannel } from "./websocket_platform_channel.ts";
import { whenClosed } from "./websocket_platform_end.ts";
import type { PlatformSettings } from "./websocket_platform_options.ts";

/** Connects; rejects with `connect-failed`, `connect-timeout`, `cancelled` or `unsupported`. */
export async function dialPlatform(
  settings: PlatformSettings,
  counters: ChannelCounters,
  { signal }: DialOptions,
): Promise<Channel> {
  const { url } = settings;
  if (signal?.aborted) throw TransportError.from(signal.reason, "cancelled", { processed: "no" });
  if (url === undefined) throw new TransportError("unsupported", "Cannot connect: platformWebSocket() has no url");
  const socket = create(settings, url);
  const { promise, resolve, reject } = Promise.withResolvers<Channel>();
  const fail = (error: TransportError): void => {
    stopListening();
    // Also ends one that is still connecting.
    socket.close();
    void whenClosed(socket, settings.clock, settings.lingerMs).then(() => reject(error));
  };
  const onAbort = (): void => fail(TransportError.from(signal!.reason, "cancelled", { processed: "no" }));
  const { connectTimeoutMs, clock } = settings;
  const timer = connectTimeoutMs === Infinity ? undefined : clock.schedule(() => {
    const why = `Cannot connect to ${url.host}: not connected after ${connectTimeoutMs} ms`;
    fail(new TransportError("connect-timeout", why));
  }, connectTimeoutMs);
  // A browser says no more than that, lest a page finds out what is in its user's network.
  let why = "the connection was refused";
  const onError = (event: Event): void => {
    const { message } = event as Partial<ErrorEvent>;
    if (message !== undefined && message !== "") why = message;
  };
  const onClose = (): void => reject(new TransportError("connect-failed", `Cannot connect to ${url.host}: ${why}`));
  const onOpen = (): void => {
    stopListening();
    const place = { side: "client", local: { transport: "websocket" }, counters } as const;
    resolve(new PlatformChannel(socket, settings, place, addressOf(url), socket.protocol));
  };
  const stopListening = (): void => {
    socket.removeEventListener("error", onError);
    socket.removeEventListener("close", onClose);
    socket.removeEventListener("open", onOpen);
  };
  socket.binaryType = "arraybuffer";
  socket.addEventListener("error", onError);
  socket.addEventListener("close", onClose);
  socket.addEventListener("open", onOpen);
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    return await promise;
  } finally {
    stopListening();
    timer?.cancel();
    signal?.removeEventListener("abort", onAbort);
  }
}

function create({ createWebSocket, protocols, headers }: PlatformSettings, url: URL): WebSocket {
  const hasHeaders = Object.keys(headers).length > 0;
  if (hasHeaders && (createWebSocket !== undefined || !("Deno" in globalThis))) {
    const why = "Cannot connect: the WebSocket of this platform takes no header fields";
    throw new TransportError("unsupported", why);
  }
  try {
    if (createWebSocket !== undefined) return createWebSocket(url.href, protocols);
    // Only Deno takes an object here.
    return hasHeaders
      ? new WebSocket(url.href, { protocols, headers } as unknown as string[])
      : new WebSocket(url.href, protocols);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new TransportError("connect-failed", `Cannot connect to ${url.host}: ${why}`, { cause: error });
  }
}

function addressOf(url: URL): Address {
  const usual = url.protocol === "wss:" ? 443 : 80;
  return {
    transport: "websocket",
    hostname: url.hostname.replace(/^\[|\]$/g, ""),
    port: url.port === "" ? usual : Number(url.port),
  };
}
