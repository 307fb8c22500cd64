/**
 * What a config file may say of transports.
 *
 * @module
 */

import * as z from "zod";
import { integer, label, oneOf } from "../../core/options.ts";
import {
  backlog,
  bool,
  buffers,
  by,
  bytes,
  bytesOrNone,
  count,
  ms,
  needed,
  port,
  someMs,
  text,
  texts,
} from "./schemas.ts";

const certificates = { cert: text, key: text, caCerts: texts };
const tls = z.union([
  z.boolean(),
  z.strictObject({ ...certificates, serverName: text, alpnProtocols: texts }),
], { error: "is wrong, allowed is true, false or an object of texts" }).optional();
const listening = {
  hostname: text,
  port,
  path: text,
  tls,
  backlog,
  maxConnections: count,
  connectTimeoutMs: someMs,
  lingerMs: ms,
  ...buffers,
};
const socket = { ...listening, idleTimeoutMs: someMs, frameTimeoutMs: someMs };
const fields = {
  headers: z.record(z.string(), needed(label(undefined)), { error: "is no object of texts" }).optional(),
  origins: texts,
};
const pages = { ...fields, heartbeatMs: someMs, livenessMs: someMs };
const longestMessage = by(integer(undefined, 1, 0x1fff_ffe8));
const resuming = {
  ...pages,
  ...buffers,
  connectTimeoutMs: someMs,
  lingerMs: ms,
  maxMessageBytes: by(integer(undefined, 1, 128 * 1024 * 1024)),
  maxPostBytes: bytes,
  maxChannels: count,
  resumeWindowMs: ms,
  ackDelayMs: ms,
  retryMs: someMs,
  maxRetryMs: someMs,
  postTimeoutMs: someMs,
};

/** The sections of what moves bytes. */
export const transportSections = {
  tcp: z.strictObject({ ...socket, noDelay: bool, keepAlive: bool }),
  websocket: z.strictObject({
    ...socket,
    url: text,
    protocols: texts,
    ...pages,
    compression: bool,
    thresholdBytes: bytesOrNone,
    maxMessageBytes: longestMessage,
  }),
  platformWebSocket: z.strictObject({
    url: text,
    protocols: texts,
    ...fields,
    heartbeatMs: someMs,
    idleTimeoutMs: someMs,
    connectTimeoutMs: someMs,
    lingerMs: ms,
    maxConnections: count,
    ...buffers,
    maxMessageBytes: longestMessage,
  }),
  sse: z.strictObject({ ...listening, ...resuming }),
  mountedSse: z.strictObject(resuming),
  sseClient: z.strictObject({
    url: text,
    credentials: by(oneOf("same-origin", ["omit", "same-origin", "include"])),
    ...resuming,
  }),
  http: z.strictObject({
    hostname: text,
    port,
    origin: text,
    tls: z.strictObject(certificates).optional(),
    backlog,
    protocol: by(oneOf("auto", ["auto", "h1", "h2"])),
    client: by(oneOf("auto", ["auto", "sockets", "fetch"])),
    maxInFlight: by(integer(undefined, 1, 1_000_000)),
    resend: bool,
    connectTimeoutMs: someMs,
    headTimeoutMs: someMs,
    bodyTimeoutMs: someMs,
    continueTimeoutMs: ms,
    idleMarginMs: ms,
    maxHeadBytes: by(integer(undefined, 64, 16 * 1024 * 1024)),
    maxDrainBytes: bytesOrNone,
    decompress: bool,
  }),
} as const;
