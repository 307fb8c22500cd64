/**
 * The ways in which platforms make a WebSocket of a request.
 *
 * @module
 */

/** A request that was upgraded: the socket, and the response to give to its server. */
export interface Upgrade {
  readonly socket: WebSocket;
  readonly response: Response;
}

/** Upgrades a request that has been looked at. The platform pings a client that is silent for `pingAfterMs`, where it can. */
export type UpgradeRequest = (request: Request, protocol: string | undefined, pingAfterMs: number) => Upgrade;

/** What edge runtimes have: two ends that are joined, one of them for the response. */
type WebSocketPairConstructor = new () => { 0: WebSocket; 1: WebSocket & { accept(): void } };

/** What of the platform is looked for. */
interface Platform {
  readonly Deno?: { readonly upgradeWebSocket?: typeof Deno.upgradeWebSocket };
  readonly WebSocketPair?: WebSocketPairConstructor;
}

/** The way of this platform; undefined where it has none. */
export function findUpgrade(): UpgradeRequest | undefined {
  const { Deno: deno, WebSocketPair: Pair } = globalThis as Platform;
  if (deno?.upgradeWebSocket !== undefined) {
    const upgrade = deno.upgradeWebSocket;
    return (request, protocol, pingAfterMs) => {
      // Deno pings at half of this time, in seconds, and ends the connection at all of it; 0 is never.
      const idleTimeout = pingAfterMs === Infinity ? 0 : 2 * pingAfterMs / 1000;
      return upgrade(request, { protocol, idleTimeout });
    };
  }
  if (Pair !== undefined) return (_, protocol) => pairedUpgrade(new Pair(), protocol);
  return undefined;
}

function pairedUpgrade({ 0: theirs, 1: own }: InstanceType<WebSocketPairConstructor>, protocol?: string): Upgrade {
  own.accept();
  const headers = protocol === undefined ? undefined : { "sec-websocket-protocol": protocol };
  const response = new Response(null, { status: 101, headers, webSocket: theirs } as ResponseInit);
  return { socket: own, response };
}
