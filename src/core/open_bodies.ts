/**
 * Bodies of responses that a server must end itself when it ends.
 *
 * @module
 */

import type { TransportError } from "./errors.ts";

/** A body that goes on until somebody ends it. */
export interface OpenBody {
  /** Ends it: nothing more comes, because of `error`. */
  end(error: TransportError): void;
}

/** In a `Request`: the open bodies of the server that it came in at, for whoever answers it with one more. */
const openBodies: unique symbol = Symbol("open bodies");

/** A request as a server marks it. */
interface MarkedRequest extends Request {
  [openBodies]?: Set<OpenBody>;
}

/** Has whoever answers `request` with a body that goes on add it to `bodies`. */
export function markRequest(request: MarkedRequest, bodies: Set<OpenBody>): void {
  request[openBodies] = bodies;
}

/** Where a body that answers `request` is to stand while it is open; undefined where no server asks for that. */
export function openBodiesOf(request: MarkedRequest): Set<OpenBody> | undefined {
  return request[openBodies];
}

/** Marks `outer` as `inner` is marked: the same request, made anew on its way to the handler. */
export function passMark(inner: MarkedRequest, outer: MarkedRequest): void {
  const bodies = inner[openBodies];
  if (bodies !== undefined) outer[openBodies] = bodies;
}
