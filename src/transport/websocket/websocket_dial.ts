/**
 * The opening handshake of WebSocket on the dialling end: RFC 6455, section
 * 4.1.
 *
 * @module
 */

import { type Channel, type ChannelCounters, type DialOptions, formatAddress } from "../../core/channel.ts";
import { TransportError } from "../../core/errors.ts";
import { acceptsUpgrade } from "../../framing/http1/http1_connection.ts";
import { type ResponseHead, ResponseHeadDecoder } from "../../framing/http1/http1_head.ts";
import { encodeRequestHead } from "../../framing/http1/http1_write.ts";
import { ReceiveBuffer } from "../../framing/receive_buffer.ts";
import {
  type DeflateAgreement,
  offerDeflate,
  parseExtensions,
  readDeflateAnswer,
} from "../../framing/websocket/websocket_extensions.ts";
import { acceptOf, checkProtocol, newKey, webSocketVersion } from "../../framing/websocket/websocket_handshake.ts";
import { readHead, writeAll } from "../http/http1_exchange.ts";
import { StreamChannel } from "../stream/stream_channel.ts";
import { dialStream } from "../tcp/tcp_dial.ts";
import { deflateOf, wantedDeflate } from "./websocket_deflate.ts";
import type { WebSocketSettings } from "./websocket_options.ts";
import { agreementOf, WebSocketProtocol } from "./websocket_protocol.ts";

/** Connects and asks for a WebSocket. */
export function dialWebSocket(
  settings: WebSocketSettings,
  counters: ChannelCounters,
  { signal }: DialOptions,
): Promise<Channel> {
  return dialStream(settings.tcp, signal, async ({ stream, local, remote, alpnProtocol }) => {
    const key = newKey();
    const received = new ReceiveBuffer();
    await writeAll(
      stream,
      encodeRequestHead({ method: "GET", target: settings.path, fields: fieldsOf(settings, key) }),
    );
    const head = await readFinalHead(stream, received).catch((error) => {
      // Whoever was turned away before any answer has not been connected.
      const code = error instanceof TransportError && error.code === "protocol" ? "protocol" : "connect-failed";
      throw new TransportError(code, `Cannot connect to ${formatAddress(remote)}: ${error.message}`, {
        processed: "no",
        cause: error,
      });
    });
    const deflate = await deflateOf("client", check(settings, head, key), settings.maxMessageBytes);
    const frames = new WebSocketProtocol(
      deflate === undefined ? settings.plain.client : agreementOf("client", settings, deflate),
    );
    const place = { side: "client", local, counters, peerHoldsBack: settings.tcp.tls !== undefined } as const;
    const agreement = { frames, received, name: head.fields.get("sec-websocket-protocol") };
    return new StreamChannel(stream, settings.tcp, place, remote, alpnProtocol, agreement);
  });
}

function fieldsOf({ tcp, headers, protocols, compression }: WebSocketSettings, key: string): [string, string][] {
  const { hostname, port } = tcp;
  const usual = port === (tcp.tls === undefined ? 80 : 443);
  const fields: [string, string][] = [
    ["host", formatAddress({ transport: "tcp", hostname, port: usual ? undefined : port })],
    ["upgrade", "websocket"],
    ["connection", "Upgrade"],
    ["sec-websocket-key", key],
    ["sec-websocket-version", webSocketVersion],
    ...Object.entries(headers),
  ];
  if (protocols.length > 0) fields.push(["sec-websocket-protocol", protocols.join(", ")]);
  if (compression) fields.push(["sec-websocket-extensions", offerDeflate(wantedDeflate)]);
  return fields;
}

/** How many interim answers a server may give before the one that counts. */
const maxInterim = 10;

async function readFinalHead(
  stream: { read(bytes: Uint8Array): Promise<number | null> },
  received: ReceiveBuffer,
): Promise<ResponseHead> {
  for (let interim = 0; interim <= maxInterim; interim++) {
    const head = await readHead(stream, received, new ResponseHeadDecoder());
    if (head.status === 101 || head.status >= 200) return head;
  }
  throw refused(`the server gave more than ${maxInterim} interim answers`);
}

function check(settings: WebSocketSettings, head: ResponseHead, key: string): DeflateAgreement | undefined {
  const { status, fields } = head;
  if (status !== 101) {
    const why = `WebSocket handshake refused: the server answered ${status} ${head.reason}`.trimEnd();
    throw new TransportError("connect-failed", why, { details: { status } });
  }
  if (!acceptsUpgrade(head, "websocket")) throw refused("the server's answer upgrades to something else");
  if (fields.get("sec-websocket-accept") !== acceptOf(key)) throw refused("the server's Sec-WebSocket-Accept is wrong");
  checkProtocol(settings.protocols, fields.get("sec-websocket-protocol"));
  const extensions = fields.get("sec-websocket-extensions");
  return readDeflateAnswer(
    extensions === undefined ? [] : parseExtensions(extensions),
    settings.compression ? wantedDeflate : undefined,
  );
}

function refused(why: string): TransportError {
  return new TransportError("protocol", `WebSocket handshake refused: ${why}`, { processed: "no" });
}
