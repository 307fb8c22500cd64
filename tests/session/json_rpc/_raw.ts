/**
 * A peer that knows nothing of Wireway: it sends texts, and sees what comes
 * back.
 *
 * @module
 */

import {
  type CallContext,
  chain,
  type Handler,
  jsonRpc,
  type JsonRpcOptions,
  ManualClock,
  memory,
  type MethodCall,
  type MethodRequest,
  type Session,
  TransportError,
} from "../../../mod.ts";
import { settle } from "../../support/calls.ts";
import { bytesOf, Recorder } from "../../support/channels.ts";

/** See the module. */
export interface RawPeer {
  readonly clock: ManualClock;
  /** The session at the other end. */
  readonly session: Session<MethodRequest, unknown>;
  /** Sends a text, and gives what has come back by then. */
  say(text: string | Uint8Array): Promise<string[]>;
  /** What has come since the last look. */
  heard(): Promise<string[]>;
  readonly recorder: Recorder;
  end(): Promise<void>;
}

/** Joins a raw peer with a session whose calls `handler` answers. */
export async function rawPeer(
  handler: Handler<MethodRequest, unknown> | undefined,
  options: JsonRpcOptions = {},
): Promise<RawPeer> {
  const clock = new ManualClock();
  const transport = memory({ clock });
  const accepted = Promise.withResolvers<import("../../../mod.ts").Channel>();
  const listener = await transport.listen(accepted.resolve);
  const session = await chain(transport, jsonRpc({ clock, ...options })).dial({ handler });
  const channel = await accepted.promise;
  const recorder = new Recorder();
  channel.receive(recorder);
  let seen = 0;
  const heard = async (): Promise<string[]> => {
    await settle(200);
    const texts = recorder.messages.slice(seen).map((message) => new TextDecoder().decode(bytesOf(message)));
    seen += texts.length;
    return texts;
  };
  return {
    clock,
    session,
    recorder,
    heard,
    say(text) {
      void channel.send(text);
      return heard();
    },
    async end() {
      session.abort(new TransportError("cancelled", "Test: over"));
      await Promise.all([channel.close(), listener.close(), clock.advance(10_000)]);
    },
  };
}

/** The methods of the examples in the specification. */
export const examples: Handler<MethodRequest, unknown> = (request: MethodRequest, _context: CallContext) => {
  const { method, params } = request as MethodCall;
  switch (method) {
    case "subtract": {
      const [minuend, subtrahend] = Array.isArray(params)
        ? params
        : [(params as { minuend: number }).minuend, (params as { subtrahend: number }).subtrahend];
      return minuend - subtrahend;
    }
    case "sum":
      return (params as number[]).reduce((sum, each) => sum + each, 0);
    case "get_data":
      return ["hello", 5];
    case "update":
    case "notify_hello":
    case "notify_sum":
    case "echo":
      return params;
  }
  throw new TransportError("unsupported", "Method not found");
};
