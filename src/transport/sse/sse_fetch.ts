/**
 * The requests of an sse() client by the platform's `fetch`.
 *
 * @module
 */

import type { Cancellation } from "../../core/cancellation.ts";
import type { Address } from "../../core/channel.ts";
import { readBody } from "../../core/read_body.ts";
import type { SseCarrier, SseFieldLines, SsePost, SseReply, SseStream } from "./sse_carrier.ts";

/** An answer's text is for people: more is not read. */
const maxTextBytes = 4096;

/** See the module. */
export class FetchCarrier implements SseCarrier {
  readonly local: Address = { transport: "sse", path: "fetch" };
  readonly remote: Address;
  readonly #url: string;
  readonly #init: RequestInit;

  constructor(url: URL, init: RequestInit) {
    this.#url = url.href;
    this.#init = init;
    const port = url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port);
    // URL writes an IPv6 address in brackets, Address does not.
    this.remote = { transport: "sse", hostname: url.hostname.replace(/^\[|\]$/g, ""), port };
  }

  async open(fields: SseFieldLines, signal: AbortSignal): Promise<SseStream> {
    // The signal is for the answer; what comes after is given up by cancelling it.
    const controller = new AbortController();
    const giveUp = (): void => controller.abort();
    signal.addEventListener("abort", giveUp, { once: true });
    try {
      signal.throwIfAborted();
      const headers = { accept: "text/event-stream", ...Object.fromEntries(fields) };
      const response = await fetch(this.#url, {
        ...this.#init,
        headers,
        cache: "no-store",
        redirect: "error",
        signal: controller.signal,
      });
      return new FetchStream(response, controller);
    } finally {
      signal.removeEventListener("abort", giveUp);
    }
  }

  async send(post: SsePost, giveUp: Cancellation): Promise<SseReply> {
    const response = await fetch(this.#url, {
      ...this.#init,
      method: post.method,
      headers: post.fields,
      body: post.body,
      redirect: "error",
      signal: giveUp.signal,
    });
    const text = response.body === null ? "" : await readBody(response, maxTextBytes).then(
      (bytes) => new TextDecoder().decode(bytes),
      () => "",
    );
    return { status: response.status, text };
  }

  close(): void {}
}

class FetchStream implements SseStream {
  readonly status: number;
  readonly type: string;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  readonly #controller: AbortController;

  constructor(response: Response, controller: AbortController) {
    this.status = response.status;
    this.type = (response.headers.get("content-type") ?? "").split(";", 1)[0].trim().toLowerCase();
    this.#reader = response.body?.getReader();
    this.#controller = controller;
  }

  async read(): Promise<Uint8Array | null> {
    const result = await this.#reader?.read();
    return result?.value ?? null;
  }

  cancel(): void {
    this.#controller.abort();
    this.#reader?.cancel().catch(() => {});
  }
}
