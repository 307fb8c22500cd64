/**
 * Who may open a WebSocket, whatever it stands on: what the request must say
 * (RFC 6455, section 4.2.1), where it may come from, and by whose leave.
 *
 * @module
 */

import { TransportError } from "../../core/errors.ts";
import { type Admittance, identityOf } from "../../core/admittance.ts";
import {
  chooseProtocol,
  isKey,
  parseProtocols,
  webSocketVersion,
} from "../../framing/websocket/websocket_handshake.ts";
import type { WebSocketCommonOptions, WebSocketRequest } from "./websocket_common_options.ts";

/** What a server has been told to ask for. */
export interface AdmissionRules {
  /** Subprotocols, the preferred one first. */
  readonly protocols: readonly string[];
  readonly origins: readonly string[];
  readonly authenticate: WebSocketCommonOptions["authenticate"];
}

/** A request to open a WebSocket. */
export interface OpeningRequest {
  readonly method: string;
  /** Whether it asks for an upgrade to WebSocket, in both of the fields for that. */
  readonly upgrades: boolean;
  /** Path and query. */
  readonly target: string;
  /** What the server itself is called: scheme and host. */
  readonly ownOrigin: string;
  /** A header field, by its name in lower case. */
  field(name: string): string | undefined;
  /** All of them, for whoever decides. */
  headers(): Headers;
}

/** What was agreed on. */
export interface Admission {
  readonly key: string;
  readonly protocol: string | undefined;
  /** Who was let in, where that is known. */
  readonly identity: unknown;
}

/** Looks at the request from all sides; throws with the status to answer it with. */
export async function admit(rules: AdmissionRules, request: OpeningRequest): Promise<Admission> {
  if (request.method !== "GET") throw refused(405, `its method is ${request.method}, not GET`);
  if (!request.upgrades) throw refused(426, "it does not ask for a WebSocket");
  const version = request.field("sec-websocket-version");
  if (version !== webSocketVersion) throw refused(426, `its WebSocket version is ${version}, not ${webSocketVersion}`);
  const key = request.field("sec-websocket-key");
  if (key === undefined || !isKey(key)) throw refused(400, "its Sec-WebSocket-Key is not one");
  checkOrigin(rules.origins, request);
  const offered = request.field("sec-websocket-protocol");
  const protocol = offered === undefined ? undefined : chooseProtocol(parseProtocols(offered), rules.protocols);
  const letIn = await decide(rules, request);
  if (!letIn) throw refused(401, "it was not let in");
  return { key, protocol, identity: identityOf(letIn) };
}

async function decide({ authenticate }: AdmissionRules, request: OpeningRequest): Promise<Admittance> {
  if (authenticate === undefined) return true;
  const asked: WebSocketRequest = { target: request.target, headers: request.headers() };
  try {
    return await authenticate(asked);
  } catch (error) {
    // What went wrong there is nothing for a client to read.
    throw refused(500, "whether to let it in could not be found out", error);
  }
}

/** A browser says where a page is from: one from elsewhere acts with its user's cookies, and must be let in by name. */
function checkOrigin(origins: readonly string[], request: OpeningRequest): void {
  const origin = request.field("origin");
  if (origin === undefined || origins.includes("*") || origins.includes(origin)) return;
  if (origin.toLowerCase() === request.ownOrigin.toLowerCase()) return;
  throw refused(403, `its origin, ${origin}, is not allowed`);
}

/** The error for a request that is answered with `status`. */
export function refused(status: number, why: string, cause?: unknown): TransportError {
  return new TransportError("protocol", `WebSocket handshake refused: ${why}`, {
    details: { status },
    processed: "no",
    cause,
  });
}

/** The answer to a request that was refused. */
export interface Refusal {
  readonly status: number;
  readonly fields: [string, string][];
  readonly body: string;
}

/** What to answer to a request that was refused with `error`. */
export function refusalOf(error: TransportError): Refusal {
  const named = error.details?.status;
  const status = typeof named === "number" ? named : 400;
  const fields: [string, string][] = [["content-type", "text/plain; charset=utf-8"]];
  if (status === 426) fields.push(["upgrade", "websocket"], ["sec-websocket-version", webSocketVersion]);
  if (status === 405) fields.push(["allow", "GET"]);
  return { status, fields, body: `${error.message}\n` };
}
