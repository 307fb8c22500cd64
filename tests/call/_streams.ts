/**
 * A service whose replies are streams that the test drives.
 *
 * @module
 */

import { type CallContext, type Service, Streamed } from "../../mod.ts";

/** One call of the service. */
export interface StreamedCall {
  readonly request: unknown;
  readonly context: CallContext | undefined;
  /** The reply it got. */
  readonly reply: Streamed<string>;
  /** Whether its stream was left. */
  left: boolean;
  /** Ends its stream, or fails it. */
  end(error?: unknown): void;
}

/** Answers each call with a stream of one item, which ends when the test says so. */
export class Streams {
  readonly calls: StreamedCall[] = [];

  /** The service. */
  readonly service: Service<unknown, unknown> = (request, context) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    promise.catch(() => {});
    let given = false;
    const reply = new Streamed<string>(`reply ${this.calls.length}`, {
      [Symbol.asyncIterator]: () => ({
        next: async () => {
          if (given) await promise;
          const done = given;
          given = true;
          return done ? { done, value: undefined } : { done, value: "item" };
        },
        return: () => {
          call.left = true;
          return Promise.resolve({ done: true, value: undefined });
        },
      }),
    });
    const call: StreamedCall = {
      request,
      context,
      reply,
      left: false,
      end: (error) => error === undefined ? resolve() : reject(error),
    };
    this.calls.push(call);
    return Promise.resolve(reply);
  };
}

/** Reads a stream to its end; says how it ended. */
export async function read(reply: unknown): Promise<unknown> {
  const items: string[] = [];
  try {
    for await (const item of reply as Streamed<string>) items.push(item);
  } catch (error) {
    return error;
  }
  return items;
}

/** A request that a stream follows. */
export function asking(): Streamed<string> {
  async function* items(): AsyncGenerator<string> {
    yield "asked";
  }
  return new Streamed("request", items());
}
