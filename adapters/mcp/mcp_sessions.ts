/**
 * Sessions of MCP over Streamable HTTP: a server for each client that begins
 * one, found again by its id.
 *
 * @module
 */

import { type Clock, type DeadlineEntry, deadlinesOf, systemClock, whenComplete } from "../../mod.ts";
import { duration, given, integerOrInfinity, readOptions } from "../../src/core/options.ts";

/**
 * What is needed of a transport of the SDK: its
 * `WebStandardStreamableHTTPServerTransport`, in both generations.
 *
 * @example
 * ```ts
 * import { WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/server";
 * import type { McpHttpTransport } from "@wireway/wireway/mcp";
 * const transport: McpHttpTransport = new WebStandardStreamableHTTPServerTransport();
 * ```
 */
export interface McpHttpTransport {
  /** The session's id, once it has begun. */
  readonly sessionId?: string | undefined;
  /** Answers a request. */
  handleRequest(request: Request): Promise<Response>;
  /** Ends the session. */
  close(): Promise<void>;
}

/**
 * Options of {@linkcode mcpSessions}.
 *
 * @example
 * ```ts
 * import type { McpSessionsOptions } from "@wireway/wireway/mcp";
 * const few: McpSessionsOptions = { maxSessions: 10, idleTimeoutMs: 60_000 };
 * ```
 */
export interface McpSessionsOptions {
  /** Sessions at once; a client that would begin one more is answered 503. @default {1000} */
  maxSessions?: number;
  /** Time without a request or an open stream after which a session is ended, in milliseconds. @default {1800000} 30 min */
  idleTimeoutMs?: number;
  /** Measures it. @default {systemClock} */
  clock?: Clock;
}

/**
 * A handler that keeps sessions.
 *
 * @example
 * ```ts
 * import type { McpSessions } from "@wireway/wireway/mcp";
 * const busy = (sessions: McpSessions): boolean => sessions.size > 100;
 * ```
 */
export interface McpSessions {
  /** Answers a request. */
  (request: Request): Promise<Response>;
  /** How many sessions are open. */
  readonly size: number;
  /** Ends all sessions. */
  close(): Promise<void>;
}

/**
 * Makes a handler for MCP over Streamable HTTP with sessions, as the protocol
 * has them up to 2025-11-25: `begin` makes a transport of the SDK and connects
 * a server to it. It is a handler like any other: put limits, telemetry or
 * Hono's routes around it.
 *
 * The newest protocol, 2026-07-28, has no sessions: give `serve()` the `fetch`
 * of the SDK's own `createMcpHandler()`, which answers clients of the older one,
 * too.
 *
 * Errors: `invalid-option`; an id that is not known is answered 404, as the
 * protocol wants it, and the client begins anew.
 *
 * @example
 * ```ts
 * import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
 * import { WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js";
 * import { chain, concurrencyLimit, http, serve } from "@wireway/wireway";
 * import { mcpSessions } from "@wireway/wireway/mcp";
 * const sessions = mcpSessions(async () => {
 *   const server = new McpServer({ name: "example", version: "1.0.0" });
 *   const transport = new WebStandardStreamableHTTPServerTransport({ sessionIdGenerator: () => crypto.randomUUID() });
 *   await server.connect(transport);
 *   return transport;
 * });
 * await serve(http({ port: 8000 }), chain(sessions, concurrencyLimit({ max: 100 })));
 * ```
 */
export function mcpSessions(begin: () => Promise<McpHttpTransport>, options: McpSessionsOptions = {}): McpSessions {
  const { maxSessions, idleTimeoutMs, clock } = readOptions("mcpSessions()", options, {
    maxSessions: integerOrInfinity(1000, 1, 10_000_000),
    idleTimeoutMs: duration(1_800_000, 1),
    clock: given<Clock>(systemClock, "an object"),
  });
  const sessions = new Map<string, Session>();
  const beginning = new Set<Promise<Response>>();
  let closed = false;
  /** Sessions that are being ended, and what began after the end. */
  const ending = new Set<Promise<void>>();
  const end = (transport: McpHttpTransport): Promise<void> => {
    const ended = transport.close().catch(() => {}).finally(() => ending.delete(ended));
    ending.add(ended);
    return ended;
  };

  const first = async (request: Request): Promise<Response> => {
    const transport = await begin();
    let response: Response;
    try {
      response = await transport.handleRequest(request);
    } catch (error) {
      await end(transport);
      throw error;
    }
    const id = transport.sessionId;
    // It was no beginning after all; whoever asked is told so.
    if (id === undefined) return whenComplete(response, () => void end(transport));
    if (closed) {
      await response.body?.cancel();
      await end(transport);
      return closedProblem();
    }
    const session = new Session(() => end(transport), transport, clock, idleTimeoutMs, () => sessions.delete(id));
    sessions.set(id, session);
    return session.hold(response);
  };
  const beginOne = (request: Request): Promise<Response> => {
    if (closed) return Promise.resolve(closedProblem());
    if (sessions.size + beginning.size >= maxSessions) {
      return Promise.resolve(problem(503, -32_000, "Too many sessions"));
    }
    const answer = first(request).finally(() => beginning.delete(answer));
    beginning.add(answer);
    return answer;
  };
  const answer = (request: Request): Promise<Response> => {
    const id = request.headers.get("mcp-session-id");
    if (id === null) {
      return request.method === "POST"
        ? beginOne(request)
        : Promise.resolve(problem(400, -32_000, "Session id missing"));
    }
    const session = sessions.get(id);
    return session === undefined
      ? Promise.resolve(problem(404, -32_001, "Session not found"))
      : session.answer(request);
  };
  const close = async (): Promise<void> => {
    closed = true;
    for (const session of sessions.values()) void session.end();
    await Promise.allSettled(beginning);
    await Promise.all(ending);
    deadlinesOf(clock).trim();
  };
  return Object.defineProperty(Object.assign(answer, { close }), "size", { get: () => sessions.size }) as McpSessions;
}

/** One client's server. It ends when nobody has asked it anything for a while. */
class Session implements DeadlineEntry {
  dueAt = Infinity;
  position = -1;
  readonly holds = false;
  readonly #close: () => Promise<void>;
  readonly #transport: McpHttpTransport;
  readonly #clock: Clock;
  readonly #idleTimeoutMs: number;
  readonly #onEnd: () => void;
  #open = 0;
  #over = false;

  constructor(
    close: () => Promise<void>,
    transport: McpHttpTransport,
    clock: Clock,
    idleTimeoutMs: number,
    onEnd: () => void,
  ) {
    this.#close = close;
    this.#transport = transport;
    this.#clock = clock;
    this.#idleTimeoutMs = idleTimeoutMs;
    this.#onEnd = onEnd;
  }

  async answer(request: Request): Promise<Response> {
    this.#used(1);
    let response: Response;
    try {
      response = await this.#transport.handleRequest(request);
    } finally {
      this.#used(-1);
    }
    if (request.method === "DELETE" && response.ok) {
      this.#forget();
      return response;
    }
    return this.hold(response);
  }

  /** Is in use until the response is whole. */
  hold(response: Response): Response {
    this.#used(1);
    return whenComplete(response, () => this.#used(-1));
  }

  expire(): void {
    void this.end();
  }

  end(): Promise<void> {
    this.#forget();
    return this.#close();
  }

  #forget(): void {
    deadlinesOf(this.#clock).remove(this);
    this.#over = true;
    this.#onEnd();
  }

  #used(change: 1 | -1): void {
    this.#open += change;
    const deadlines = deadlinesOf(this.#clock);
    deadlines.remove(this);
    if (this.#open > 0 || this.#over) return;
    this.dueAt = this.#clock.now() + this.#idleTimeoutMs;
    deadlines.add(this);
  }
}

function closedProblem(): Response {
  return problem(503, -32_000, "No new sessions");
}

/** An error as the protocol writes it where no server has answered. */
function problem(status: number, code: number, message: string): Response {
  return Response.json({ jsonrpc: "2.0", error: { code, message }, id: null }, { status });
}
