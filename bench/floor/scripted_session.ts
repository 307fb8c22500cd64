/**
 * A session that answers at once, for benches of what stands on sessions.
 *
 * @module
 */

import type { Address, Session, SessionTransport, TransportError } from "../../mod.ts";

const ADDRESS: Address = { transport: "scripted" };

/** Answers each call with its request. */
export class ScriptedSession implements Session<number, number> {
  readonly local = ADDRESS;
  readonly remote = ADDRESS;
  readonly state = "open";
  readonly capacity = 1024;
  readonly finished = new Promise<TransportError | undefined>(() => {});
  onChange: (() => void) | undefined = undefined;
  load = 0;

  call(request: number): Promise<number> {
    return Promise.resolve(request);
  }

  send(): void {}

  ping(): Promise<number> {
    return Promise.resolve(0);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  abort(): void {}
}

/** Dials such sessions. */
export const scriptedTransport: SessionTransport<number, number> = {
  dial: () => Promise.resolve(new ScriptedSession()),
  listen: () => Promise.reject(new Error("Cannot listen on scripted sessions")),
};
