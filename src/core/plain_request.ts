/**
 * Requests that are known to be plain: what goes out of them is known without
 * the platform's `Request`, which is made only for whoever asks for it.
 *
 * @module
 */

import { standInFor } from "./stand_in.ts";

/** What a plain request is made of. */
export interface PlainParts {
  readonly method: string;
  readonly url: string;
  readonly redirect: RequestRedirect;
  /** Header fields as the platform would have them: in lower case, none twice. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** The body; undefined where there is none. Not written again. */
  readonly body: Uint8Array<ArrayBuffer> | undefined;
}

/** A class of plain requests, and how what is inside of them is reached. */
interface PlainRequests {
  /** Makes one. */
  make(parts: PlainParts): Request;
  /** What one is made of, as long as nobody can have changed that. */
  partsOf(request: Request): PlainParts | undefined;
  /** Uses up the body. */
  use(request: Request): void;
}

/** Undefined as long as none was asked for, null where the platform takes none for its own. */
let plainRequests: PlainRequests | null | undefined = undefined;

/** Makes a plain request. The parts are not checked: they must be such as the platform takes. */
export function plainRequest(parts: PlainParts): Request {
  if (plainRequests === undefined) plainRequests = makeRequests();
  return plainRequests === null ? platforms(parts) : plainRequests.make(parts);
}

/** What a plain request is made of; undefined for any other, and for one that is the platform's by now. */
export function plainPartsOf(request: Request): PlainParts | undefined {
  return plainRequests?.partsOf(request);
}

/** Uses up the body of a plain request, to send it. */
export function usePlain(request: Request): Uint8Array<ArrayBuffer> | undefined {
  const body = plainRequests?.partsOf(request)?.body;
  if (body !== undefined) plainRequests?.use(request);
  return body;
}

function platforms({ method, url, redirect, fields, body }: PlainParts): Request {
  return new Request(url, { method, redirect, headers: fields as [string, string][], body });
}

function makeRequests(): PlainRequests | null {
  /** Answers as a `Request` does. */
  class PlainRequest {
    readonly #parts: PlainParts;
    #used = false;
    #real: Request | undefined = undefined;

    constructor(parts: PlainParts) {
      this.#parts = parts;
    }

    /** The platform's, in the same state. */
    static real(standIn: PlainRequest): Request {
      if (standIn.#real === undefined) {
        standIn.#real = platforms(standIn.#parts);
        if (standIn.#used) void standIn.#real.bytes();
      }
      return standIn.#real;
    }

    static partsOf(request: object): PlainParts | undefined {
      return #parts in request && request.#real === undefined ? request.#parts : undefined;
    }

    static use(request: PlainRequest): void {
      request.#used = true;
    }

    get method(): string {
      return this.#parts.method;
    }

    get url(): string {
      return this.#parts.url;
    }

    get redirect(): RequestRedirect {
      return this.#parts.redirect;
    }

    get body(): ReadableStream<Uint8Array> | null {
      return this.#parts.body === undefined ? null : PlainRequest.real(this).body;
    }

    get bodyUsed(): boolean {
      return this.#real === undefined ? this.#used : this.#real.bodyUsed;
    }

    clone(): Request {
      const real = this.#real !== undefined || this.#used;
      return real ? PlainRequest.real(this).clone() : new PlainRequest(this.#parts) as unknown as Request;
    }
  }

  standInFor<PlainRequest, Request>(PlainRequest, Request, new Request("http://localhost/"), PlainRequest.real);
  const requests: PlainRequests = {
    make: (parts) => new PlainRequest(parts) as unknown as Request,
    partsOf: (request) => PlainRequest.partsOf(request),
    use: (request) => PlainRequest.use(request as unknown as PlainRequest),
  };
  const probe = { method: "POST", url: "http://localhost/probe", redirect: "follow", body: undefined } as const;
  return passes(requests.make({ ...probe, fields: [["wireway", "probe"]] })) ? requests : null;
}

/** Whether the platform's own code takes such a request. */
function passes(probe: Request): boolean {
  try {
    const copy = new Request(probe);
    return copy.method === "POST" && copy.url === probe.url && copy.headers.get("wireway") === "probe";
  } catch {
    return false;
  }
}
