/**
 * The opening handshake of WebSocket on the listening end: RFC 6455, section
 * 4.2.
 *
 * @module
 */

import { TransportError } from "../../core/errors.ts";
import type { Channel } from "../../core/channel.ts";
import { requestsUpgrade } from "../../framing/http1/http1_connection.ts";
import { type RequestHead, RequestHeadDecoder } from "../../framing/http1/http1_head.ts";
import { encodeResponseHead } from "../../framing/http1/http1_write.ts";
import { ReceiveBuffer } from "../../framing/receive_buffer.ts";
import { acceptDeflate, type DeflateAgreement, parseExtensions } from "../../framing/websocket/websocket_extensions.ts";
import { acceptOf } from "../../framing/websocket/websocket_handshake.ts";
import { readHead, writeAll } from "../http/http1_exchange.ts";
import { StreamChannel } from "../stream/stream_channel.ts";
import type { OpenChannel } from "../tcp/tcp_listen.ts";
import { admit, refusalOf, refused } from "./websocket_admission.ts";
import { deflateOf, wantedDeflate } from "./websocket_deflate.ts";
import type { WebSocketSettings } from "./websocket_options.ts";
import { agreementOf, WebSocketProtocol } from "./websocket_protocol.ts";

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
    const deflate = await deflateOf("server", agreed.deflate, settings.maxMessageBytes);
    const frames = new WebSocketProtocol(
      deflate === undefined ? settings.plain.server : agreementOf("server", settings, deflate),
    );
    const agreement = { frames, received, name: agreed.protocol, identity: agreed.identity };
    return new StreamChannel(conn, settings.tcp, place, remote, alpnProtocol, agreement);
  };
}

/** What the handshake has come to. */
interface Agreed {
  readonly fields: [string, string][];
  readonly protocol: string | undefined;
  readonly identity: unknown;
  readonly deflate: DeflateAgreement | undefined;
}

async function agree(settings: WebSocketSettings, head: RequestHead): Promise<Agreed> {
  const { fields } = head;
  if (head.path.split("?", 1)[0] !== settings.path) {
    throw refused(404, `its path is ${head.path}, not ${settings.path}`);
  }
  const scheme = settings.tcp.tls === undefined ? "http" : "https";
  const { key, protocol, identity } = await admit(settings, {
    method: head.method,
    upgrades: head.minor !== 0 && requestsUpgrade(head, "websocket"),
    target: head.target,
    ownOrigin: `${scheme}://${head.authority ?? ""}`,
    field: (name) => fields.get(name),
    headers: () => new Headers([...fields]),
  });
  const extensions = fields.get("sec-websocket-extensions");
  const offers = extensions === undefined ? [] : parseExtensions(extensions);
  const answer: [string, string][] = [
    ["upgrade", "websocket"],
    ["connection", "Upgrade"],
    ["sec-websocket-accept", acceptOf(key)],
  ];
  if (protocol !== undefined) answer.push(["sec-websocket-protocol", protocol]);
  const deflate = settings.compression ? acceptDeflate(offers, wantedDeflate) : undefined;
  if (deflate !== undefined) answer.push(["sec-websocket-extensions", deflate.header]);
  return { fields: answer, protocol, identity, deflate: deflate?.agreement };
}

/** Says so to the client, as well as that is possible still. */
async function refuse(conn: Deno.Conn, error: unknown): Promise<void> {
  if (!(error instanceof TransportError) || error.code === "connection-lost") return;
  const { status, fields, body } = refusalOf(error);
  const bytes = new TextEncoder().encode(body);
  try {
    const head = { status, fields: [["connection", "close"], ...fields] as [string, string][], body: bytes.length };
    await writeAll(conn, encodeResponseHead(head));
    await writeAll(conn, bytes);
    await conn.closeWrite();
  } catch {
    // The client has gone.
  }
}
