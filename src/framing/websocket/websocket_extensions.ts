/**
 * The negotiation of WebSocket extensions: RFC 6455, section 9, and of the one
 * that is spoken here, permessage-deflate: RFC 7692, section 7.1.
 *
 * @module
 */

import { TransportError } from "../../core/errors.ts";

/** One extension as it stands in a `Sec-WebSocket-Extensions`: a parameter without a value has `true`. */
export interface Extension {
  readonly name: string;
  readonly parameters: readonly (readonly [name: string, value: string | true])[];
}

/** How the messages of a connection are compressed, as both ends have agreed; also what one end wants. */
export interface DeflateAgreement {
  /** The server begins each message without knowledge of those before. */
  readonly serverNoContextTakeover: boolean;
  /** The client begins each message without knowledge of those before. */
  readonly clientNoContextTakeover: boolean;
  /** How far back the server refers, as a power of two: 8 to 15. */
  readonly serverMaxWindowBits: number;
  /** How far back the client refers, as a power of two: 8 to 15. */
  readonly clientMaxWindowBits: number;
}

const deflateName = "permessage-deflate";

/** What may stand at a place of the header. A quoted value is one that could as well stand without quotes. */
const space = /[ \t]*/y;
const token = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y;
const quotedToken = /"(?:\\?[!#$%&'*+\-.^_`|~0-9A-Za-z])+"/y;

/** Reads a `Sec-WebSocket-Extensions`. Throws `protocol`. */
export function parseExtensions(header: string): Extension[] {
  const extensions: Extension[] = [];
  let at = 0;
  const take = (part: RegExp): string => {
    part.lastIndex = at;
    const found = part.exec(header)?.[0] ?? "";
    at += found.length;
    return found;
  };
  const takeToken = (isValue: boolean): string => {
    take(space);
    const found = header[at] === '"' && isValue ? take(quotedToken).slice(1, -1).replaceAll("\\", "") : take(token);
    if (found === "") throw refused(`Sec-WebSocket-Extensions has no token where one belongs, at character ${at + 1}`);
    take(space);
    return found;
  };
  do {
    const name = takeToken(false);
    const parameters: [string, string | true][] = [];
    while (header[at] === ";") {
      at++;
      const parameter = takeToken(false);
      const hasValue = header[at] === "=";
      if (hasValue) at++;
      parameters.push([parameter, hasValue ? takeToken(true) : true]);
    }
    extensions.push({ name, parameters });
  } while (header[at++] === ",");
  if (at <= header.length) throw refused(`Sec-WebSocket-Extensions can not be read from character ${at} on`);
  return extensions;
}

/** Parameters of permessage-deflate as they were given: a window without a size is `true`. */
interface DeflateParameters {
  server_no_context_takeover?: true;
  client_no_context_takeover?: true;
  server_max_window_bits?: number;
  client_max_window_bits?: number | true;
}

/** Reads the parameters of an offer or a response. Returns what is wrong where something is. */
function readParameters(extension: Extension, isOffer: boolean): DeflateParameters | string {
  const read: Record<string, number | true> = {};
  for (const [name, value] of extension.parameters) {
    if (Object.hasOwn(read, name)) return `has ${name} twice`;
    switch (name) {
      case "server_no_context_takeover":
      case "client_no_context_takeover":
        if (value !== true) return `has a value for ${name}`;
        read[name] = true;
        break;
      case "server_max_window_bits":
      case "client_max_window_bits":
        if (value === true) {
          if (name === "server_max_window_bits" || !isOffer) return `has no value for ${name}`;
          read[name] = true;
        } else {
          if (!/^([89]|1[0-5])$/.test(value)) return `has ${name}=${value}, allowed is 8 to 15`;
          read[name] = Number(value);
        }
        break;
      default:
        return `has the unknown parameter ${name}`;
    }
  }
  return read;
}

/**
 * What a server answers to the extensions that a client offers: the first offer
 * of permessage-deflate that is valid and that it can keep to, or none.
 * `wanted` is what the server asks for at least.
 */
export function acceptDeflate(
  offers: readonly Extension[],
  wanted: DeflateAgreement,
): { agreement: DeflateAgreement; header: string } | undefined {
  for (const offer of offers) {
    if (offer.name !== deflateName) continue;
    const given = readParameters(offer, true);
    if (typeof given === "string") continue;
    const clientBits = given.client_max_window_bits;
    // A client that has not said so can not be asked for a smaller window.
    if (clientBits === undefined && wanted.clientMaxWindowBits < 15) continue;
    const agreement: DeflateAgreement = {
      serverNoContextTakeover: wanted.serverNoContextTakeover || given.server_no_context_takeover === true,
      clientNoContextTakeover: wanted.clientNoContextTakeover || given.client_no_context_takeover === true,
      serverMaxWindowBits: Math.min(wanted.serverMaxWindowBits, given.server_max_window_bits ?? 15),
      clientMaxWindowBits: Math.min(wanted.clientMaxWindowBits, typeof clientBits === "number" ? clientBits : 15),
    };
    return { agreement, header: headerOf(agreement, given.server_max_window_bits !== undefined) };
  }
  return undefined;
}

function headerOf(agreement: DeflateAgreement, sayServerBits: boolean): string {
  let header = deflateName;
  if (agreement.serverNoContextTakeover) header += "; server_no_context_takeover";
  if (agreement.clientNoContextTakeover) header += "; client_no_context_takeover";
  if (sayServerBits || agreement.serverMaxWindowBits < 15) {
    header += `; server_max_window_bits=${agreement.serverMaxWindowBits}`;
  }
  if (agreement.clientMaxWindowBits < 15) header += `; client_max_window_bits=${agreement.clientMaxWindowBits}`;
  return header;
}

/** What a client offers: permessage-deflate with what it wants at least, free for the server to ask for more. */
export function offerDeflate(wanted: DeflateAgreement): string {
  let header = deflateName;
  if (wanted.serverNoContextTakeover) header += "; server_no_context_takeover";
  if (wanted.clientNoContextTakeover) header += "; client_no_context_takeover";
  if (wanted.serverMaxWindowBits < 15) header += `; server_max_window_bits=${wanted.serverMaxWindowBits}`;
  const clientBits = wanted.clientMaxWindowBits;
  return `${header}; client_max_window_bits${clientBits < 15 ? `=${clientBits}` : ""}`;
}

/**
 * What a server's `Sec-WebSocket-Extensions` says to the offer that
 * {@linkcode offerDeflate} wrote for `wanted`; nothing was offered where that
 * is undefined. Returns undefined where the server wants no compression. Throws
 * `protocol` where it answers what was not offered.
 */
export function readDeflateAnswer(
  answers: readonly Extension[],
  wanted: DeflateAgreement | undefined,
): DeflateAgreement | undefined {
  if (answers.length === 0) return undefined;
  const [answer] = answers;
  const stranger = answers.find(({ name }) => wanted === undefined || name !== deflateName);
  if (stranger !== undefined) throw refused(`the server uses the extension ${stranger.name}, which was not offered`);
  if (answers.length > 1) throw refused(`the server uses ${deflateName} twice`);
  const given = readParameters(answer, false);
  if (typeof given === "string") throw refused(`the server's ${deflateName} ${given}`);
  const { serverNoContextTakeover, clientNoContextTakeover, serverMaxWindowBits, clientMaxWindowBits } = wanted!;
  if (serverNoContextTakeover && given.server_no_context_takeover !== true) {
    throw refused("the server did not agree to server_no_context_takeover");
  }
  const serverBits = given.server_max_window_bits ?? 15;
  if (serverBits > serverMaxWindowBits) {
    throw refused(`the server uses a window of ${serverBits} bits, ${serverMaxWindowBits} were offered`);
  }
  const clientBits = given.client_max_window_bits ?? 15;
  return {
    serverNoContextTakeover: given.server_no_context_takeover === true,
    clientNoContextTakeover: clientNoContextTakeover || given.client_no_context_takeover === true,
    serverMaxWindowBits: serverBits,
    // Whatever the server allows, the client keeps to what it wanted.
    clientMaxWindowBits: Math.min(clientMaxWindowBits, clientBits as number),
  };
}

function refused(reason: string): TransportError {
  return new TransportError("protocol", `WebSocket handshake refused: ${reason}`, { processed: "no" });
}
