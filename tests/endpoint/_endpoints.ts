/**
 * Endpoints under the test's control, for balance().
 *
 * @module
 */

import {
  balance,
  type Balanced,
  type BalanceOptions,
  type CallContext,
  callContext,
  ManualClock,
  type TransportEvent,
} from "../../mod.ts";
import { scripted, type ScriptedCall, settle, Watched } from "../support/calls.ts";

/** An endpoint of the test's. */
export interface ScriptedEndpoint {
  readonly name: string;
  /** Calls that came, in order. */
  readonly calls: ScriptedCall<string, string>[];
  closed: number;
}

/** See the module. */
export interface BalanceSetUp {
  readonly clock: ManualClock;
  readonly client: Balanced<string, string>;
  /** All endpoints that were ever connected. */
  readonly endpoints: ScriptedEndpoint[];
  readonly events: TransportEvent[];
  /** Calls, and watches the call. */
  call(request?: string, context?: CallContext): Watched<string>;
  /** Makes a call and says which endpoint got it; it is still in flight. */
  begin(request?: string): ScriptedEndpoint;
  /** Makes a call and ends it; says which endpoint got it. */
  once(end?: (call: ScriptedCall<string, string>, endpoint: string) => void): Promise<string>;
}

/** A balancer over endpoints of these names. */
export function balanced(
  endpoints: readonly string[] | AsyncIterable<readonly string[]>,
  options: Partial<BalanceOptions<string, string, string>> = {},
): BalanceSetUp {
  const clock = new ManualClock();
  const events: TransportEvent[] = [];
  const made: ScriptedEndpoint[] = [];
  const client = balance<string, string, string>({
    endpoints,
    connect: (name) => {
      const { service, calls } = scripted<string, string>();
      const endpoint = { name, calls, closed: 0 };
      made.push(endpoint);
      const close = (): Promise<void> => {
        endpoint.closed++;
        return Promise.resolve();
      };
      return Object.assign(service, { close, [Symbol.asyncDispose]: close });
    },
    clock,
    random: () => 0.5,
    observer: (event) => void events.push(event),
    ...options,
  });
  const call = (request = "", context = callContext()): Watched<string> => new Watched(client(request, context));
  const begin = (request?: string): ScriptedEndpoint => {
    const before = made.map(({ calls }) => calls.length);
    call(request);
    return made.find(({ calls }, index) => calls.length > (before[index] ?? 0))!;
  };
  const once: BalanceSetUp["once"] = async (end = (call) => call.resolve("")) => {
    const { name, calls } = begin();
    end(calls[calls.length - 1], name);
    await settle();
    return name;
  };
  return { clock, client, endpoints: made, events, call, begin, once };
}
