/**
 * Delivers messages one after the other, with a few attempts each.
 *
 * @module
 */

import type { Clock } from "../../core/clock.ts";
import { sleep } from "../../core/sleep.ts";
import { textOf } from "../../core/thrown.ts";
import { backoffMs } from "../../util/backoff.ts";
import { looking } from "../../util/looking.ts";

/** What a sender goes by. */
export interface SenderSettings {
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly attempts: number;
  readonly initialBackoffMs: number;
  readonly maxBackoffMs: number;
  readonly maxWaiting: number;
  readonly onLost: ((message: unknown, reason: string) => unknown) | undefined;
  readonly fetch: (request: Request) => Promise<Response>;
  readonly clock: Clock;
  readonly random: () => number;
}

/** How an attempt went: delivered, or why not and whether another one may go better. */
type Attempt = undefined | { readonly reason: string; readonly final: boolean };

/** See the module. */
export class Sender {
  delivered = 0;
  lost = 0;
  readonly #url: URL;
  readonly #settings: SenderSettings;
  readonly #waiting: unknown[] = [];
  readonly #ending = new AbortController();
  #sending: Promise<void> | undefined;

  constructor(url: URL, settings: SenderSettings) {
    this.#url = url;
    this.#settings = settings;
  }

  /** Messages that wait, with the one that is being sent. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Resolves when nothing waits. */
  get idle(): Promise<void> {
    return this.#sending ?? Promise.resolve();
  }

  send(message: unknown): void {
    if (this.#ending.signal.aborted) return this.#lose(message, "it was closed");
    if (this.#waiting.length >= this.#settings.maxWaiting) {
      // The first one is on its way already, unless there is only room for it.
      const [oldest] = this.#waiting.splice(this.#waiting.length > 1 ? 1 : 0, 1);
      this.#lose(oldest, `${this.#settings.maxWaiting} others wait`);
    }
    this.#waiting.push(message);
    this.#sending ??= this.#sendAll();
  }

  close(): void {
    this.#ending.abort();
  }

  async #sendAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const message = this.#waiting[0];
      const reason = await this.#deliver(message).catch(textOf);
      // It may have been dropped meanwhile, and was counted then.
      if (this.#waiting[0] !== message) continue;
      this.#waiting.shift();
      if (reason === undefined) this.delivered++;
      else this.#lose(message, reason);
    }
    // At once: what is sent from now on must not wait for a round that is over.
    this.#sending = undefined;
  }

  /** Returns why it could not be delivered; undefined where it was. */
  async #deliver(message: unknown): Promise<string | undefined> {
    let body: string | undefined;
    try {
      body = JSON.stringify(message);
      if (body === undefined) return `it is no JSON: it is ${typeof message}`;
    } catch (error) {
      return `it is no JSON: ${textOf(error)}`;
    }
    const key = crypto.randomUUID();
    const { attempts, initialBackoffMs, maxBackoffMs, clock, random } = this.#settings;
    for (let attempt = 1;; attempt++) {
      if (this.#ending.signal.aborted) return "it was closed";
      const failed = await this.#attempt(body, key);
      if (failed === undefined) return undefined;
      if (this.#ending.signal.aborted) return "it was closed";
      if (failed.final) return failed.reason;
      if (attempt >= attempts) return `${attempt} attempts failed, the last: ${failed.reason}`;
      const waitMs = backoffMs(attempt, { initialMs: initialBackoffMs, maxMs: maxBackoffMs }, random);
      await sleep(clock, waitMs, this.#ending.signal, false);
    }
  }

  async #attempt(body: string, key: string): Promise<Attempt> {
    const { headers, timeoutMs, clock, fetch } = this.#settings;
    const giving = new AbortController();
    const give = (): void => giving.abort();
    this.#ending.signal.addEventListener("abort", give);
    let late = false;
    const timer = timeoutMs === Infinity ? undefined : clock.schedule(() => {
      late = true;
      give();
    }, timeoutMs);
    timer?.hold(false);
    try {
      const request = new Request(this.#url, {
        method: "POST",
        headers: { "content-type": "application/json", "idempotency-key": key, ...headers },
        body,
        // What a redirect leads to was not named by anybody here.
        redirect: "manual",
        signal: giving.signal,
      });
      // Whoever does not heed the signal can't hold up what waits behind.
      const response = await Promise.race([answered(fetch(request)), aborted(giving.signal)]);
      if (response.ok) return undefined;
      const { status } = response;
      return { reason: `it answered ${status}`, final: status < 500 && status !== 408 && status !== 429 };
    } catch (error) {
      return { reason: late ? `no answer within ${timeoutMs} ms` : textOf(error), final: false };
    } finally {
      timer?.cancel();
      this.#ending.signal.removeEventListener("abort", give);
    }
  }

  #lose(message: unknown, reason: string): void {
    this.lost++;
    const { onLost } = this.#settings;
    if (onLost !== undefined) looking(() => onLost(message, `Message not delivered: ${reason}`));
  }
}

/** The answer, whose body nobody reads. */
async function answered(call: Promise<Response>): Promise<Response> {
  const response = await call;
  await response.body?.cancel();
  return response;
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));
}
