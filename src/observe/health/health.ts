/**
 * health(): whether a program and the endpoints that it calls are well.
 *
 * @module
 */

import { named, withFigures } from "../../core/describe.ts";
import type { Observer } from "../../core/observer.ts";
import type { CallMiddleware, Client, Service } from "../../core/service.ts";
import type { CloseOptions } from "../../core/session.ts";
import { measuredCalls } from "../measured_calls.ts";
import type { MetricSource } from "../metric.ts";
import { healthMetrics } from "./health_metrics.ts";
import { HealthMonitor } from "./health_monitor.ts";
import { type HealthOptions, readHealthOptions } from "./health_options.ts";
import { answerHealth } from "./health_routes.ts";
import type { HealthSnapshot } from "./health_snapshot.ts";

export type { HealthOptions, ProbeOptions, UseOptions } from "./health_options.ts";
export type {
  EndpointHealth,
  HealthCheck,
  HealthCheckKind,
  HealthDeed,
  HealthLogEntry,
  HealthSnapshot,
  HealthState,
} from "./health_snapshot.ts";
export { eventLoopUse, limitUse, poolUse } from "./use.ts";

/**
 * Watches, and says how things are.
 *
 * @example
 * ```ts
 * import { type Health, health } from "@wireway/wireway";
 * const watched: Health = health();
 * console.log(watched.snapshot().state);
 * watched.close();
 * ```
 */
export interface Health extends Disposable {
  /**
   * Looks at the live calls of an endpoint. Hands on the inner service's own
   * promise. Where the service around it is closed, as balance() does when an
   * endpoint has gone, the endpoint is forgotten.
   */
  watch(endpoint: string): CallMiddleware;
  /**
   * Hears what connections and policies tell: for the `observer` of all parts
   * of an endpoint, or without a name for that of balance() and of what is about
   * none.
   */
  observer(endpoint?: string): Observer;
  /** Whether calls should go to the endpoint: for `isHealthy` of balance(). One that is not known is well. */
  isHealthy(endpoint: string): boolean;
  /** What is known now. */
  snapshot(): HealthSnapshot;
  /** The same as metrics. */
  readonly metrics: MetricSource;
  /** Answers 200 where the program should be left running, else 503. */
  livez(request: Request): Response;
  /** Answers 200 where the program should be given work, else 503. */
  readyz(request: Request): Response;
  /** Asks and looks no more by itself. */
  close(): void;
}

/**
 * Watches the whole program and each endpoint, actively by probes, passively
 * by live calls and by what connections and policies tell, and says what is
 * wrong, since when, and what was done about it.
 *
 * It detects
 *
 * - rising latency: 95 of 100 calls of late take `latencyFactor` times as long
 *   as those before, and `latencyRiseMs` more (`degraded`);
 * - bursts of errors: `failureShare` of at least `minCalls` calls of late failed;
 * - dead peers: `failuresInRow` calls or connects in a row got no answer, or
 *   calls have been in flight for `silentAfterMs` and none was answered;
 * - saturation: {@linkcode UseOptions} (`degraded`).
 *
 * What is bad is held to be bad for `holdMs`, twice as long each time that it
 * turns bad again soon, so that nothing flaps; then it must be clearly better,
 * or not have been tried at all. What counts as a failure is the one verdict on
 * calls: what this side refused and whoever gave up say nothing. A call lasts
 * until its body or its stream has ended; one whose head is there has been
 * answered, however long the rest takes.
 *
 * It acts through `isHealthy` of balance(), which leaves out what is unhealthy,
 * and through its hooks. Its log says what it did, and what balance() and
 * pools told that they did: ejections, redials, refills, readmissions.
 *
 * The whole is unhealthy where a probe of the whole is, or where fewer than
 * `minHealthyShare` of the endpoints are not; it is ready where it is not
 * unhealthy and no `required` probe is. It is alive unless a probe that says
 * `liveness` is unhealthy: what a restart would not cure is no reason for one.
 *
 * Memory: ten histograms for each endpoint, some 40 KB, 320 KB at the most. Call `close()` to end it; it does not
 * keep the process alive.
 *
 * Errors: `invalid-option`.
 *
 * @example Endpoints, left out while they are unhealthy
 * ```ts
 * import { balance, chain, health, mux, pool, tcp } from "@wireway/wireway";
 * using watched = health({ onUnhealthy: ({ endpoint, reason }) => console.error(endpoint, reason) });
 * const backends = balance({
 *   endpoints: ["10.0.0.1", "10.0.0.2"],
 *   connect: (hostname) => {
 *     const observer = watched.observer(hostname);
 *     return chain(tcp({ hostname, port: 9000, observer }), mux(), pool({ observer }), watched.watch(hostname));
 *   },
 *   isHealthy: (endpoint) => watched.isHealthy(endpoint),
 *   observer: watched.observer(),
 * });
 * ```
 *
 * @example The routes of a server
 * ```ts
 * import { health, http, serve } from "@wireway/wireway";
 * using watched = health({ probes: { database: { check: () => fetch("http://127.0.0.1:5984/_up") } } });
 * await serve(http({ port: 8000 }), (request: Request) => {
 *   const { pathname } = new URL(request.url);
 *   if (pathname === "/livez") return watched.livez(request);
 *   if (pathname === "/readyz") return watched.readyz(request);
 *   return new Response("hello");
 * });
 * ```
 */
export function health(options: HealthOptions = {}): Health {
  const settings = readHealthOptions(options);
  const monitor = new HealthMonitor(settings);
  const snapshot = (): HealthSnapshot => monitor.snapshot();
  const close = (): void => monitor.close();
  return {
    watch: (endpoint: string): CallMiddleware =>
      named("health.watch", { endpoint }, <Req, Res>(inner: Service<Req, Res>): Service<Req, Res> => {
        const watched = monitor.use(endpoint);
        const measured = measuredCalls(inner, settings.clock, watched.endpoint, settings.streams);
        const outer = withFigures(measured, watched.endpoint.shown);
        return "close" in inner ? closable(outer, inner as Client<Req, Res>, () => monitor.leave(watched)) : outer;
      }),
    observer: (endpoint?: string): Observer => monitor.observe(endpoint),
    isHealthy: (endpoint: string): boolean => monitor.isHealthy(endpoint),
    snapshot,
    metrics: () => healthMetrics(snapshot()),
    livez: (request: Request): Response => answerHealth(request, snapshot, "live", settings.reasons),
    readyz: (request: Request): Response => answerHealth(request, snapshot, "ready", settings.reasons),
    close,
    [Symbol.dispose]: close,
  };
}

/** The service with a close that also runs `left`, once. */
function closable<Req, Res>(outer: Service<Req, Res>, inner: Client<Req, Res>, left: () => void): Client<Req, Res> {
  let closing: Promise<void> | undefined;
  const close = (options?: CloseOptions): Promise<void> => closing ??= inner.close(options).finally(left);
  return Object.assign(outer, { close, [Symbol.asyncDispose]: close });
}
