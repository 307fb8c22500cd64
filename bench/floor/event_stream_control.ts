/**
 * What every event stream server of the benchmark does for its client: publish
 * when it is asked to, and tell how much work that was.
 *
 * @module
 */

import { cpuUsage } from "node:process";

/** Not in any of the other bytes. The number of the event stands before it: the client looks for the last one only. */
export const MARK = "~";

/** The data of an event. */
export function eventData(number: number): string {
  return `{"symbol":"WIRE","price":17.25,"at":"2026-01-01T00:00:00Z"} ${number}${MARK}`;
}

/** Whether a request target asks for something other than events. */
export function isControl(target: string): boolean {
  return target.includes("?");
}

/**
 * Does what a target asks for: `/?publish=200` one event a turn, `/?publish=200&burst` all in one; resolves with the
 * data of the event to answer with: the processor time that the server has used so far, in microseconds.
 */
export async function control(target: string, publish: () => void): Promise<string> {
  const query = new URLSearchParams(target.slice(target.indexOf("?")));
  const burst = query.has("burst");
  for (let left = Number(query.get("publish") ?? 0); left > 0; left--) {
    publish();
    if (!burst) await new Promise((resolve) => setTimeout(resolve, 0));
  }
  const { user, system } = cpuUsage();
  return String(user + system);
}
