/**
 * A cache for HTTP around a service of the test's own, on a clock moved by hand.
 *
 * @module
 */

import {
  callContext,
  chain,
  httpCache,
  type HttpCacheOptions,
  ManualClock,
  type Service,
  type TransportEvent,
} from "../../../mod.ts";
import { settle } from "../../support/calls.ts";

/** Where everything is. */
export const url = "http://test/page";

/** When the test begins, in milliseconds since 1970. */
export const started = 1_700_000_000_000;

/** A service that answers as `reply` says, and what came to it. */
export function world(
  reply: (request: Request, count: number) => Response | Promise<Response>,
  options: HttpCacheOptions = {},
  clock: ManualClock = new ManualClock(),
) {
  const requests: Request[] = [];
  const events: TransportEvent[] = [];
  const wallClock = () => started + clock.now();
  const service: Service<Request, Response> = async (request) => {
    requests.push(request);
    return await reply(request, requests.length);
  };
  const observer = (event: TransportEvent) => events.push(event);
  const pages = httpCache({ clock, wallClock, observer, ...options });
  const call = chain(service, pages);
  /** Asks, and reads the body to its end. */
  const get = async (headers: HeadersInit = {}, path = "", method = "GET") => {
    const response = await call(new Request(url + path, { method, headers }), callContext());
    const body = await response.text();
    await settle();
    return { status: response.status, headers: response.headers, body, response, age: response.headers.get("age") };
  };
  /** The bodies of calls one after another. */
  const bodies = async (...all: HeadersInit[]) => {
    const found: string[] = [];
    for (const headers of all) found.push((await get(headers)).body);
    return found.join(" ");
  };
  const seconds = (count: number) => clock.advance(count * 1000);
  return { call, get, bodies, requests, events, clock, seconds, pages };
}

/** A service's answer with a number that counts its answers. */
export function numbered(headers: HeadersInit, status = 200): (request: Request, count: number) => Response {
  return (_, count) => new Response(status === 204 ? null : String(count), { status, headers });
}
