/**
 * The compression of a WebSocket connection, from what was agreed on.
 *
 * @module
 */

import type { DeflateAgreement } from "../../framing/websocket/websocket_extensions.ts";
import type { WebSocketAgreement } from "./websocket_protocol.ts";

/** What either end asks for: all that the format can do. */
export const wantedDeflate: DeflateAgreement = {
  serverNoContextTakeover: false,
  clientNoContextTakeover: false,
  serverMaxWindowBits: 15,
  clientMaxWindowBits: 15,
};

/** Makes both directions of one end. The codec is loaded with the first connection that compresses. */
export async function deflateOf(
  side: "client" | "server",
  agreement: DeflateAgreement | undefined,
  maxMessageBytes: number,
): Promise<WebSocketAgreement["deflate"]> {
  if (agreement === undefined) return undefined;
  const { MessageDeflater, MessageInflater } = await import("./deflate.ts");
  const ofServer = { contextTakeover: !agreement.serverNoContextTakeover, windowBits: agreement.serverMaxWindowBits };
  const ofClient = { contextTakeover: !agreement.clientNoContextTakeover, windowBits: agreement.clientMaxWindowBits };
  const [own, theirs] = side === "server" ? [ofServer, ofClient] : [ofClient, ofServer];
  return {
    deflater: new MessageDeflater(own),
    inflater: new MessageInflater({ ...theirs, maxMessageBytes }),
  };
}
