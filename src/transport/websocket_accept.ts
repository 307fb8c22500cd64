/**
 * The opening handshake of WebSocket on the listening end: RFC 6455, section
 * 4.2.
 *
 * @module
 */

import { TransportError } from "../core/errors.ts";
import type { Channel } from "../core/channel.ts";
import { requestsUpgrade } from "../framing/http1_connection.ts";
import { type RequestHead, RequestHeadDecoder } from "../framing/http1_head.ts";
import { encodeResponseHead } from "../framing/http1_write.ts";
import { ReceiveBuffer } from "../framing/receive_buffer.ts";
import { acceptDeflate, type DeflateAgreement, parseExtensions } from "../framing/websocket_extensions.ts";
import { acceptOf, chooseProtocol, isKey, parseProtocols, webSocketVersion } from "../framing/websocket_handshake.ts";
import { readHead, writeAll } from "./http1_exchange.ts";
import { StreamChannel } from "./stream_channel.ts";
import type { OpenChannel } from "./tcp_listen.ts";
import { deflateOf, wantedDeflate } from "./websocket_deflate.ts";
import type { WebSocketSettings } from "./websocket_options.ts";
import { WebSocketProtocol } from "./websocket_protocol.ts";

/** Answers the opening handshake on each connection and makes a channel of it. */
export function acceptWebSockets(settings: WebSocketSettings): OpenChannel {
  return async function accept(conn, place, remote, alpnProtocol): Promise<Channel> {
    const received = new ReceiveBuffer();
    let agreed: Agreed;
    try {
      const head = await readHead(conn, received, new RequestHeadDecoder());
      agreed = await agree(settings, head);
    } catch (error) {
      await refuse(conn, error);
      throw error;
    }
    await writeAll(conn, encodeResponseHead({ status: 101, fields: agreed.fields }));
    const frames = new WebSocketProtocol({
      side: "server",
      maxMessageBytes: settings.maxMessageBytes,
      thresholdBytes: settings.thresholdBytes,
      deflate: await deflateOf("server", agreed.deflate, settings.maxMessageBytes),
    });
    return new StreamChannel(conn, settings.tcp, place, remote, alpnProtocol, { frames, received });
  };
}

/** What the handshake has come to. */
interface Agreed {
  readonly fields: [string, string][];
  readonly deflate: DeflateAgreement | undefined;
}

/** Looks at the request from all sides; throws with the status to answer it with. */
async function agree(settings: WebSocketSettings, head: RequestHead): Promise<Agreed> {
  const { fields } = head;
  if (head.method !== "GET") throw refused(405, `its method is ${head.method}, not GET`);
  if (head.path.split("?", 1)[0] !== settings.path) {
    throw refused(404, `its path is ${head.path}, not ${settings.path}`);
  }
  if (head.minor === 0 || !requestsUpgrade(head, "websocket")) throw refused(426, "it does not ask for a WebSocket");
  const version = fields.get("sec-websocket-version");
  if (version !== webSocketVersion) throw refused(426, `its WebSocket version is ${version}, not ${webSocketVersion}`);
  const key = fields.get("sec-websocket-key");
  if (key === undefined || !isKey(key)) throw refused(400, "its Sec-WebSocket-Key is not one");
  checkOrigin(settings, head);
  const named = fields.get("sec-websocket-protocol");
  const offered = named === undefined ? [] : parseProtocols(named);
  const extensions = fields.get("sec-websocket-extensions");
  const offers = extensions === undefined ? [] : parseExtensions(extensions);
  if (settings.authenticate !== undefined) {
    const request = { target: head.target, headers: new Headers([...fields]) };
    if (!await settings.authenticate(request)) throw refused(401, "it was not let in");
  }
  const answer: [string, string][] = [
    ["upgrade", "websocket"],
    ["connection", "Upgrade"],
    ["sec-websocket-accept", acceptOf(key)],
  ];
  const protocol = chooseProtocol(offered, settings.protocols);
  if (protocol !== undefined) answer.push(["sec-websocket-protocol", protocol]);
  const deflate = settings.compression ? acceptDeflate(offers, wantedDeflate) : undefined;
  if (deflate !== undefined) answer.push(["sec-websocket-extensions", deflate.header]);
  return { fields: answer, deflate: deflate?.agreement };
}

/** A browser says where a page is from: one from elsewhere acts with its user's cookies, and must be let in by name. */
function checkOrigin({ origins, tcp }: WebSocketSettings, head: RequestHead): void {
  const origin = head.fields.get("origin");
  if (origin === undefined || origins.includes("*") || origins.includes(origin)) return;
  const own = `${tcp.tls === undefined ? "http" : "https"}://${head.authority ?? ""}`;
  if (origin.toLowerCase() !== own.toLowerCase()) throw refused(403, `its origin, ${origin}, is not allowed`);
}

function refused(status: number, why: string): TransportError {
  return new TransportError("protocol", `WebSocket handshake refused: ${why}`, {
    details: { status },
    processed: "no",
  });
}

/** Says so to the client, as well as that is possible still. */
async function refuse(conn: Deno.Conn, error: unknown): Promise<void> {
  if (!(error instanceof TransportError) || error.code === "connection-lost") return;
  const named = error.details?.status;
  const status = typeof named === "number" ? named : 400;
  const body = new TextEncoder().encode(`${error.message}\n`);
  const fields: [string, string][] = [["connection", "close"], ["content-type", "text/plain; charset=utf-8"]];
  if (status === 426) fields.push(["upgrade", "websocket"], ["sec-websocket-version", webSocketVersion]);
  if (status === 405) fields.push(["allow", "GET"]);
  try {
    await writeAll(conn, encodeResponseHead({ status, fields, body: body.length }));
    await writeAll(conn, body);
    await conn.closeWrite();
  } catch {
    // The client has gone.
  }
}
