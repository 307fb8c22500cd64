/**
 * Wireway: transports as chains of middleware, from the wire to the caller.
 *
 * @module
 */

export * from "./src/core/mod.ts";
export type { FrameDecoder, Framing } from "./src/framing/framing.ts";
export * from "./src/framing/event_stream/event_stream_events.ts";
export * from "./src/framing/event_stream/event_stream_parser.ts";
export {
  encodeComment,
  encodeEvent,
  type EventEncoding,
  eventEncoding,
} from "./src/framing/event_stream/event_stream_writer.ts";
export * from "./src/framing/content_length.ts";
export * from "./src/framing/length_prefix.ts";
export * from "./src/framing/newline.ts";
export * from "./src/transport/dns_endpoints.ts";
export * from "./src/transport/event_stream/event_stream.ts";
export * from "./src/transport/event_stream/event_stream_replay.ts";
export * from "./src/transport/event_stream/event_streams.ts";
export * from "./src/transport/http/http.ts";
export { errorResponse } from "./src/transport/http/http_errors.ts";
export * from "./src/transport/memory/memory.ts";
export { sse, type SseOptions } from "./src/transport/sse/sse.ts";
export { sseClient, type SseClientOptions } from "./src/transport/sse/sse_client.ts";
export { type MountedSse, mountedSse, type MountedSseInfo } from "./src/transport/sse/sse_mounted.ts";
export type { SseChannelOptions, SseRequest } from "./src/transport/sse/sse_options.ts";
export * from "./src/transport/stdio/stdio.ts";
export * from "./src/transport/tcp/tcp.ts";
export * from "./src/transport/websocket/websocket.ts";
export {
  type MountedTransport,
  platformWebSocket,
  type PlatformWebSocketOptions,
} from "./src/transport/websocket/websocket_platform.ts";
export * from "./src/session/codec.ts";
export * from "./src/session/methods.ts";
export * from "./src/session/http_calls.ts";
export * from "./src/session/json_rpc/json_rpc.ts";
export * from "./src/session/json_rpc/json_rpc_http.ts";
export * from "./src/session/mux.ts";
export * from "./src/session/pipeline.ts";
export * from "./src/resilient.ts";
export * from "./src/serve.ts";
export * from "./src/call/timeout/adaptive_timeout.ts";
export * from "./src/call/batch/batch_calls.ts";
export * from "./src/call/limits/bulkhead.ts";
export * from "./src/call/cache/cache.ts";
export * from "./src/call/breaker/circuit_breaker.ts";
export * from "./src/call/breaker/circuit_breakers.ts";
export * from "./src/call/cache/coalesce.ts";
export * from "./src/call/limits/concurrency_limit.ts";
export * from "./src/call/content_encoding/content_encoding.ts";
export * from "./src/call/contract/client_of.ts";
export * from "./src/call/contract/contract.ts";
export * from "./src/call/contract/implement.ts";
export * from "./src/call/timeout/deadline.ts";
export * from "./src/call/fallback.ts";
export * from "./src/call/retry/hedge.ts";
export * from "./src/call/cache/http_cache.ts";
export * from "./src/call/cache/kv_store.ts";
export * from "./src/call/limits/load_shed.ts";
export * from "./src/call/cache/memory_store.ts";
export * from "./src/call/limits/rate_limit.ts";
export * from "./src/call/retry/retry.ts";
export * from "./src/call/route.ts";
export * from "./src/call/shape/shape_bodies.ts";
export * from "./src/call/tap.ts";
export * from "./src/call/timeout/timeout.ts";
export * from "./src/call/validate.ts";
export * from "./src/endpoint/balance.ts";
export * from "./src/endpoint/pool.ts";
export * from "./src/endpoint/reconnect.ts";
export { type Lease, Pool, type ResourcePoolOptions } from "./src/endpoint/resource_pool.ts";
export * from "./src/channel/batch/batch.ts";
export * from "./src/channel/compress/compress.ts";
export * from "./src/channel/heartbeat.ts";
export * from "./src/channel/shape/shape.ts";
export * from "./src/channel/tap_messages.ts";
export * from "./src/channel/topic.ts";
export * from "./src/observe/call_meter.ts";
export * from "./src/observe/channel_metrics.ts";
export * from "./src/observe/event_log.ts";
export * from "./src/observe/event_loop_delay.ts";
export * from "./src/observe/health/health.ts";
export * from "./src/observe/histogram.ts";
export * from "./src/observe/live/recorder.ts";
export { SlidingHistogram, type SlidingOptions } from "./src/observe/sliding_histogram.ts";
export * from "./src/observe/objectives/objectives.ts";
export * from "./src/observe/report/report.ts";
export * from "./src/observe/sliding_rate.ts";
export * from "./src/tuning/buffer_size.ts";
export * from "./src/tuning/presets.ts";
export * from "./src/tuning/host_meter.ts";
export { type ProcessUsage, processUsage } from "./src/tuning/host_process.ts";
export { type TcpCounters, tcpCounters } from "./src/tuning/host_tcp.ts";
export * from "./src/observe/telemetry.ts";
export { telemetryObserver, type TelemetryObserverOptions } from "./src/observe/telemetry_observer.ts";
export * from "./src/observe/event_counts.ts";
export * from "./src/observe/metric_sources.ts";
export * from "./src/observe/policy_metrics.ts";
export { telemetryMetrics, type TelemetryMetricsOptions } from "./src/observe/telemetry_metrics.ts";
