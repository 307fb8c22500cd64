/**
 * Responses whose bodies have arrived whole. Most are looked at once, for their
 * status and their text: that is answered from what the connection read.
 *
 * @module
 */

import { arrivedWhole } from "../../core/completion.ts";
import { HttpFields } from "../../framing/http1/http1_fields.ts";
import { standInFor } from "../../core/stand_in.ts";

/** What a response is made of. */
export interface WholeParts {
  readonly status: number;
  readonly statusText: string;
  readonly url: string;
  readonly redirected: boolean;
  readonly fields: HttpFields;
  /** The body; undefined where there is none. Not written again. */
  readonly bytes: Uint8Array<ArrayBuffer> | undefined;
}

/** Makes a response of its parts. */
export type MakeResponse = (parts: WholeParts) => Response;

const decoder = new TextDecoder();

/**
 * What makes a response of which the platform's is made when it is needed, as
 * `platform` does. Where the platform takes no such object for one of its own
 * it is `platform` itself.
 */
export function wholeResponses(platform: MakeResponse): MakeResponse {
  /** Answers as a `Response` does. */
  class WholeResponse {
    readonly #parts: WholeParts;
    #used = false;
    #real: Response | undefined = undefined;

    constructor(parts: WholeParts) {
      this.#parts = parts;
    }

    /** The platform's, in the same state. */
    static real(standIn: WholeResponse): Response {
      if (standIn.#real === undefined) {
        standIn.#real = platform(standIn.#parts);
        if (standIn.#used) void standIn.#real.bytes();
      }
      return standIn.#real;
    }

    get [arrivedWhole](): true {
      return true;
    }

    get status(): number {
      return this.#parts.status;
    }

    get statusText(): string {
      return this.#parts.statusText;
    }

    get type(): ResponseType {
      return "basic";
    }

    get ok(): boolean {
      const { status } = this.#parts;
      return status >= 200 && status < 300;
    }

    get url(): string {
      return this.#parts.url;
    }

    get redirected(): boolean {
      return this.#parts.redirected;
    }

    get bodyUsed(): boolean {
      return this.#real === undefined ? this.#used : this.#real.bodyUsed;
    }

    text(): Promise<string> {
      const bytes = this.#take();
      if (bytes === undefined) return WholeResponse.real(this).text();
      return Promise.resolve(decoder.decode(bytes));
    }

    json(): Promise<unknown> {
      const bytes = this.#take();
      if (bytes === undefined) return WholeResponse.real(this).json();
      return new Promise((resolve) => resolve(JSON.parse(decoder.decode(bytes))));
    }

    bytes(): Promise<Uint8Array> {
      const bytes = this.#take();
      if (bytes === undefined) return WholeResponse.real(this).bytes();
      return Promise.resolve(bytes.slice());
    }

    arrayBuffer(): Promise<ArrayBuffer> {
      const bytes = this.#take();
      if (bytes === undefined) return WholeResponse.real(this).arrayBuffer();
      return Promise.resolve(bytes.slice().buffer);
    }

    clone(): Response {
      return WholeResponse.real(this).clone();
    }

    /** Uses the body up, unless it is the platform's response that has it. */
    #take(): Uint8Array<ArrayBuffer> | undefined {
      const { bytes } = this.#parts;
      if (this.#real !== undefined || this.#used || bytes === undefined) return undefined;
      this.#used = true;
      return bytes;
    }
  }

  standInFor<WholeResponse, Response>(WholeResponse, Response, new Response(""), WholeResponse.real);
  const make: MakeResponse = (parts) => new WholeResponse(parts) as unknown as Response;
  return passes(make) ? make : platform;
}

/** Whether the platform's own code takes such a response. */
function passes(make: MakeResponse): boolean {
  const fields = new HttpFields(["wireway"], ["probe"]);
  const probe = make({ status: 203, statusText: "", url: "", redirected: false, fields, bytes: undefined });
  try {
    const copy = Response.prototype.clone.call(probe);
    return copy.status === 203 && copy.headers.get("wireway") === "probe";
  } catch {
    return false;
  }
}
