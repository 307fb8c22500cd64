/**
 * Wireway: transports as chains of middleware, from the wire to the caller.
 *
 * @module
 */

export * from "./src/core/mod.ts";
export type { FrameDecoder, Framing } from "./src/framing/framing.ts";
export * from "./src/framing/event_stream_events.ts";
export * from "./src/framing/event_stream_parser.ts";
export { encodeComment, encodeEvent, type EventEncoding, eventEncoding } from "./src/framing/event_stream_writer.ts";
export * from "./src/framing/length_prefix.ts";
export * from "./src/framing/newline.ts";
export * from "./src/transport/dns_endpoints.ts";
export * from "./src/transport/event_stream.ts";
export * from "./src/transport/event_stream_replay.ts";
export * from "./src/transport/event_streams.ts";
export * from "./src/transport/http.ts";
export * from "./src/transport/memory.ts";
export { sse, type SseOptions } from "./src/transport/sse.ts";
export { sseClient, type SseClientOptions } from "./src/transport/sse_client.ts";
export { type MountedSse, mountedSse, type MountedSseInfo } from "./src/transport/sse_mounted.ts";
export type { SseChannelOptions, SseRequest } from "./src/transport/sse_options.ts";
export * from "./src/transport/tcp.ts";
export * from "./src/transport/websocket.ts";
export {
  type MountedTransport,
  platformWebSocket,
  type PlatformWebSocketOptions,
} from "./src/transport/websocket_platform.ts";
export * from "./src/session/codec.ts";
export * from "./src/session/http_calls.ts";
export * from "./src/session/mux.ts";
export * from "./src/session/pipeline.ts";
export * from "./src/resilient.ts";
export * from "./src/serve.ts";
export * from "./src/call/adaptive_timeout.ts";
export * from "./src/call/batch_calls.ts";
export * from "./src/call/bulkhead.ts";
export * from "./src/call/cache.ts";
export * from "./src/call/circuit_breaker.ts";
export * from "./src/call/circuit_breakers.ts";
export * from "./src/call/coalesce.ts";
export * from "./src/call/concurrency_limit.ts";
export * from "./src/call/content_encoding.ts";
export * from "./src/call/deadline.ts";
export * from "./src/call/fallback.ts";
export * from "./src/call/hedge.ts";
export * from "./src/call/http_cache.ts";
export * from "./src/call/kv_store.ts";
export * from "./src/call/load_shed.ts";
export * from "./src/call/memory_store.ts";
export * from "./src/call/rate_limit.ts";
export * from "./src/call/retry.ts";
export * from "./src/call/route.ts";
export * from "./src/call/tap.ts";
export * from "./src/call/timeout.ts";
export * from "./src/call/validate.ts";
export * from "./src/endpoint/balance.ts";
export * from "./src/endpoint/pool.ts";
export * from "./src/endpoint/reconnect.ts";
export { type Lease, Pool, type ResourcePoolOptions } from "./src/endpoint/resource_pool.ts";
export * from "./src/channel/tap_messages.ts";
export * from "./src/channel/topic.ts";
