/**
 * Sends alerts, or other news, to an address by HTTP.
 *
 * @module
 */

import { type Clock, systemClock } from "../../core/clock.ts";
import { duration, given, integer, invalidOption, readOptions } from "../../core/options.ts";
import { Sender } from "./webhook_sender.ts";

/**
 * Options of {@linkcode webhook}.
 *
 * @example
 * ```ts
 * import { webhook, type WebhookOptions } from "@wireway/wireway";
 * const options: WebhookOptions = { headers: { authorization: "Bearer 123" } };
 * using alerts = webhook("https://alerts.example/wireway", options);
 * ```
 */
export interface WebhookOptions {
  /** Header fields of each request. */
  headers?: Readonly<Record<string, string>>;
  /** How long an attempt may take, in milliseconds. @default {5000} */
  timeoutMs?: number;
  /** Attempts for each message. @default {5} */
  attempts?: number;
  /** The longest wait before the second attempt, in milliseconds; then twice as long each. @default {500} */
  initialBackoffMs?: number;
  /** The longest wait, in milliseconds. @default {30000} */
  maxBackoffMs?: number;
  /** Messages that may wait; of more, the oldest is dropped. @default {100} */
  maxWaiting?: number;
  /** A message was dropped, or could not be delivered. */
  onLost?: (message: unknown, reason: string) => unknown;
  /** Sends the requests. @default {fetch} */
  fetch?: (request: Request) => Promise<Response>;
  /** Measures times. @default {systemClock} */
  clock?: Clock;
  /** Draws waits, from 0 to 1. @default {Math.random} */
  random?: () => number;
}

/**
 * What became of the messages of a {@linkcode Webhook}.
 *
 * @example
 * ```ts
 * import type { WebhookStats } from "@wireway/wireway";
 * const isWell = ({ lost }: WebhookStats): boolean => lost === 0;
 * ```
 */
export interface WebhookStats {
  /** Messages that wait, with the one that is being sent. */
  readonly waiting: number;
  /** Messages that were taken at the other end. */
  readonly delivered: number;
  /** Messages that were dropped or refused, or that nobody took. */
  readonly lost: number;
}

/**
 * Sends messages, one after the other.
 *
 * @example
 * ```ts
 * import { type Webhook, webhook } from "@wireway/wireway";
 * const alerts: Webhook = webhook("https://alerts.example/wireway");
 * alerts.send({ text: "hello" });
 * await alerts.idle();
 * alerts.close();
 * ```
 */
export interface Webhook extends Disposable {
  /** Takes a message, to be sent as JSON. Never throws and never waits. */
  send(message: unknown): void;
  /** Resolves when nothing waits. */
  idle(): Promise<void>;
  /** What became of the messages. */
  stats(): WebhookStats;
  /** Gives up what waits. */
  close(): void;
}

/**
 * Sends messages as JSON by POST: alerts of `objectives()`, say. One after the
 * other, each with a timeout and a few attempts, and with only so many waiting.
 * An answer of 2xx is a delivery; 408, 429 and 5xx are tried again, as is no
 * answer, after an exponential back-off with full jitter; all else, redirects
 * included, is final. A message may arrive twice, with the same
 * `idempotency-key`.
 *
 * Errors: `invalid-option`.
 *
 * @example
 * ```ts
 * import { objectives, webhook } from "@wireway/wireway";
 * using alerts = webhook("https://alerts.example/wireway", { onLost: (_, reason) => console.error(reason) });
 * using promised = objectives({ targets: { p99Ms: 200 }, onAlert: alerts.send });
 * ```
 */
export function webhook(url: string | URL, options: WebhookOptions = {}): Webhook {
  const settings = readOptions("webhook()", options, {
    headers: given<Readonly<Record<string, string>>>({}, "an object"),
    timeoutMs: duration(5000, 1),
    attempts: integer(5, 1, 1000),
    initialBackoffMs: duration(500),
    maxBackoffMs: duration(30_000),
    maxWaiting: integer(100, 1, 1_000_000),
    onLost: given<WebhookOptions["onLost"]>(undefined, "a function"),
    fetch: given<(request: Request) => Promise<Response>>((request) => fetch(request), "a function"),
    clock: given<Clock>(systemClock, "an object"),
    random: given<() => number>(Math.random, "a function"),
  });
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw invalidOption("webhook()", "url", `${url}`, "an address of http or https");
  }
  const sender = new Sender(new URL(url), settings);
  const close = (): void => sender.close();
  return {
    send: (message) => sender.send(message),
    idle: () => sender.idle,
    stats: (): WebhookStats => {
      const { waiting, delivered, lost } = sender;
      return { waiting, delivered, lost };
    },
    close,
    [Symbol.dispose]: close,
  };
}
