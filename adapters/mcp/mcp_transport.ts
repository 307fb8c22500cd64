/**
 * A channel as a transport of the MCP SDK.
 *
 * @module
 */

import { type Channel, type ChannelTransport, type Message, TransportError } from "../../mod.ts";
import { integer, readOptions } from "../../src/core/options.ts";

/**
 * What the official SDK calls a transport, in both of its generations: give it
 * to the `connect()` of a client or a server.
 *
 * @example
 * ```ts
 * import type { McpTransport } from "@wireway/wireway/mcp";
 * const say = (transport: McpTransport) => transport.send({ jsonrpc: "2.0", method: "notifications/ping" });
 * ```
 */
export interface McpTransport {
  /** Opens it, and begins to receive. */
  start(): Promise<void>;
  /** Sends a message; resolves when there is room for more. */
  send(message: unknown, options?: unknown): Promise<void>;
  /** Ends it in order. */
  close(): Promise<void>;
  /** Told once, when it is over. */
  onclose?: (() => void) | undefined;
  /** Told of what went wrong. */
  onerror?: ((error: Error) => void) | undefined;
  /** Told of each message. */
  // deno-lint-ignore no-explicit-any -- the two generations of the SDK have different types for it
  onmessage?: ((message: any, extra?: any) => void) | undefined;
}

/**
 * Options of {@linkcode mcpTransport}.
 *
 * @example
 * ```ts
 * import { newline, tcp } from "@wireway/wireway";
 * import { mcpTransport, type McpTransportOptions } from "@wireway/wireway/mcp";
 * const options: McpTransportOptions = { maxInFlight: 100 };
 * mcpTransport(tcp({ port: 9000, framing: newline() }), options);
 * ```
 */
export interface McpTransportOptions {
  /** Requests of the peer that may be worked on at once; those past it are refused. @default {1024} */
  maxInFlight?: number;
}

/** What JSON-RPC says of a server that has no room. */
const serverBusy = -32_000;

/** What a peer says that has given up a request. */
const cancelled = "notifications/cancelled";

/** How many messages a batch of the older protocol may have. */
const maxBatch = 1024;

const decoder = new TextDecoder("utf-8", { fatal: true });

/**
 * Makes a transport of the MCP SDK from a channel that was accepted, or from a
 * transport of channels, which is dialled when it starts. Each message is one
 * JSON text, so that `tcp({ framing: newline() })`, `websocket()`, `stdio()`
 * and whatever else makes channels carry it, with `batch()`, `compress()`,
 * `heartbeat()` or `shape()` around them where both ends have them.
 *
 * What is no message of JSON-RPC is told to `onerror`, and nothing else
 * happens. Requests past `maxInFlight` are refused by the code −32000.
 *
 * Errors: those of the channel, from `start()` and `send()`; `invalid-option`.
 *
 * @example
 * ```ts
 * import { Client } from "@modelcontextprotocol/client";
 * import { newline, tcp } from "@wireway/wireway";
 * import { mcpTransport } from "@wireway/wireway/mcp";
 * const client = new Client({ name: "example", version: "1.0.0" });
 * await client.connect(mcpTransport(tcp({ port: 9000, framing: newline() })));
 * console.log(await client.listTools());
 * await client.close();
 * ```
 */
export function mcpTransport(source: Channel | ChannelTransport, options: McpTransportOptions = {}): McpTransport {
  const { maxInFlight } = readOptions("mcpTransport()", options, { maxInFlight: integer(1024, 1, 1_000_000) });
  return new ChannelMcpTransport(source, maxInFlight);
}

/** A message of JSON-RPC, as far as it is looked at. */
interface RpcMessage {
  readonly jsonrpc?: unknown;
  readonly id?: string | number;
  readonly method?: unknown;
  readonly params?: { readonly requestId?: string | number } | undefined;
}

class ChannelMcpTransport implements McpTransport {
  onclose: McpTransport["onclose"] = undefined;
  onerror: McpTransport["onerror"] = undefined;
  onmessage: McpTransport["onmessage"] = undefined;
  readonly #source: Channel | ChannelTransport;
  readonly #maxInFlight: number;
  #channel: Channel | undefined;
  #dialling: Promise<Channel> | undefined = undefined;
  readonly #closing = new AbortController();
  /** Requests of the peer that were not answered. */
  readonly #asked = new Set<string | number>();

  constructor(source: Channel | ChannelTransport, maxInFlight: number) {
    this.#source = source;
    this.#maxInFlight = maxInFlight;
  }

  async start(): Promise<void> {
    if (this.#channel !== undefined || this.#dialling !== undefined) {
      throw new TransportError("closed", "Cannot start: the transport was started before");
    }
    const { signal } = this.#closing;
    const source = this.#source;
    const channel = this.#channel = "dial" in source ? await (this.#dialling = source.dial({ signal })) : source;
    channel.receive({
      message: (message) => this.#received(message),
      end: () => void channel.close(),
      closed: (error) => {
        this.#asked.clear();
        if (error !== undefined) this.#failed(error);
        this.onclose?.();
      },
    });
  }

  async send(message: unknown): Promise<void> {
    if (this.#channel === undefined) throw new TransportError("closed", "Cannot send: the transport was not started");
    const { id, method } = message as RpcMessage;
    if (id !== undefined && method === undefined) this.#asked.delete(id);
    await this.#channel.send(JSON.stringify(message));
  }

  async close(): Promise<void> {
    this.#closing.abort(new TransportError("cancelled", "Cannot connect: the transport was closed meanwhile"));
    const channel = this.#channel ?? await this.#dialling?.catch(() => undefined);
    await channel?.close();
  }

  #received(message: Message): void {
    let value: unknown;
    try {
      value = JSON.parse(typeof message === "string" ? message : decoder.decode(message));
    } catch (error) {
      return this.#wrong(`it is no JSON: ${error instanceof Error ? error.message : error}`);
    }
    if (!Array.isArray(value)) return this.#take(value);
    if (value.length > maxBatch) return this.#wrong(`its batch has ${value.length} parts, ${maxBatch} are allowed`);
    for (const one of value) this.#take(one);
  }

  #take(value: unknown): void {
    const message = value as RpcMessage | null;
    if (typeof message !== "object" || message?.jsonrpc !== "2.0") {
      return this.#wrong("it is no message of JSON-RPC 2.0");
    }
    const { id, method } = message;
    // Servers answer nothing to what was cancelled.
    if (method === cancelled) this.#asked.delete(message.params?.requestId ?? "");
    if (id !== undefined && method !== undefined) {
      if (this.#asked.size >= this.#maxInFlight) return this.#refuse(id);
      this.#asked.add(id);
    }
    this.onmessage?.(message);
  }

  #refuse(id: string | number): void {
    const error = { code: serverBusy, message: `Too many requests at once: ${this.#maxInFlight} are allowed` };
    this.send({ jsonrpc: "2.0", id, error }).catch((reason) => this.#failed(reason));
  }

  #wrong(why: string): void {
    this.#failed(new TransportError("protocol", `Message refused: ${why}`));
  }

  /** A listener's own fault must not keep its end from those whose requests wait. */
  #failed(error: Error): void {
    try {
      this.onerror?.(error);
    } catch {
      // It was told.
    }
  }
}
