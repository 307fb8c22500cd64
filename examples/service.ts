/**
 * The service that the examples serve and call: one handler, the same on every
 * transport.
 *
 * @module
 */

import { type CallContext, formatAddress, TransportError } from "@wireway/wireway";

/** What it understands, for those who ask. */
export const help = [
  "hello NAME    a greeting",
  "sum 1 2 3     the sum of the numbers",
  "time          the server's time",
  "who           your address, as the server sees it",
  "wait MS       answers after that many milliseconds, or never where you give up before",
  "fail MESSAGE  an error",
  "help          this list",
  "anything else comes back as it is",
].join("\n");

/** Answers one call. */
export function answer(request: string, context: CallContext): string | Promise<string> {
  const line = request.trim();
  const [verb, ...rest] = line.split(/\s+/);
  switch (verb) {
    case "hello":
      return `hello, ${rest.join(" ") || "whoever you are"}`;
    case "sum":
      return String(sum(rest));
    case "time":
      return new Date().toISOString();
    case "who":
      return context.peer === undefined ? "nobody knows" : formatAddress(context.peer.remote);
    case "wait":
      return wait(Number(rest[0] ?? 1000), context);
    case "fail":
      throw new TransportError("remote", rest.join(" ") || "as you wished", { details: { request: line } });
    case "help":
      return help;
    default:
      return request;
  }
}

function sum(words: string[]): number {
  const wrong = words.find((word) => !Number.isFinite(Number(word)));
  if (wrong !== undefined) throw new TransportError("invalid-request", `Cannot add ${wrong}: it is not a number`);
  return words.reduce((total, word) => total + Number(word), 0);
}

/** Longest wait, in milliseconds. */
const maxWaitMs = 60_000;

/** Waits, and stops waiting when the caller gives up. */
function wait(ms: number, { signal }: CallContext): Promise<string> {
  if (!(ms >= 0 && ms <= maxWaitMs)) {
    throw new TransportError("invalid-request", `Cannot wait ${ms} ms: 0 to ${maxWaitMs} are allowed`);
  }
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(`waited ${ms} ms`), ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    }, { once: true });
  });
}
