/**
 * Wireway: transports as chains of middleware, from the wire to the caller.
 *
 * @module
 */

export * from "./src/core/mod.ts";
export type { FrameDecoder, Framing } from "./src/framing/framing.ts";
export * from "./src/framing/length_prefix.ts";
export * from "./src/framing/newline.ts";
export * from "./src/transport/memory.ts";
export * from "./src/transport/tcp.ts";
export * from "./src/session/codec.ts";
export * from "./src/session/mux.ts";
export * from "./src/serve.ts";
