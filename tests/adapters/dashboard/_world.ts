/**
 * A program with a dashboard, under a load that is known: its calls take as
 * long as they are told to, on a clock that is moved by hand.
 *
 * @module
 */

import { Hono } from "hono";
import { type Dashboard, dashboard, type DashboardOptions } from "../../../adapters/dashboard.ts";
import {
  bandwidthMetrics,
  batch,
  batchMetrics,
  BatchStats,
  breakerMetrics,
  callMeter,
  chain,
  circuitBreaker,
  type Client,
  compress,
  compressionMetrics,
  compressionsOf,
  CompressionStats,
  EventLog,
  health,
  http,
  ManualClock,
  mux,
  objectives,
  pool,
  poolMetrics,
  report,
  retry,
  serve,
  type Server,
  serverMetrics,
  type Service,
  shape,
  ShapeStats,
  tcp,
  text,
  timeout,
  TransportError,
} from "../../../mod.ts";

/** What a call shall do: end after so long, with a reply or an error. */
export interface Told {
  readonly tookMs: number;
  readonly fails?: boolean;
}

/** The program. */
export interface World extends AsyncDisposable {
  readonly clock: ManualClock;
  readonly board: Dashboard;
  /** The address of the page. */
  readonly url: string;
  /** Calls that take as long as they are told to. */
  readonly orders: Service<Told, string>;
  /** Calls over TCP, which are echoed. */
  readonly echo: Client<string, string>;
  readonly far: Server;
}

/** The time on the wall when the clock says 0. */
export const beganAt: number = Date.UTC(2026, 0, 2, 12, 0, 0);

/** Starts the program; `more` are further options of the dashboard. */
export async function startWorld(more: DashboardOptions = {}): Promise<World> {
  const clock = new ManualClock();
  const wallClock = (): number => beganAt + clock.now();
  const events = new EventLog({ wallClock });
  const { observer } = events;
  const ordersMeter = callMeter({ clock, labels: { upstream: "orders" } });
  const breaker = circuitBreaker({ clock, failures: 3, observer, name: "orders breaker", random: () => 0 });
  const answer = ({ tookMs, fails }: Told): Promise<string> =>
    new Promise((resolve, reject) =>
      clock.schedule(() => {
        if (fails) reject(new TransportError("connection-lost", "Connection lost: as told", { processed: "maybe" }));
        else resolve("done");
      }, tookMs)
    );
  const date = (): Date => new Date(wallClock());
  const watched = health({ clock });
  const windows = [{ severity: "page", longMs: 300_000, shortMs: 60_000, rate: 6 }];
  const promised = objectives({ targets: { p95Ms: 50, errorRate: 0.01 }, name: "orders", windows, clock, date });
  const orders = chain(
    answer,
    breaker,
    retry({ clock, observer }),
    timeout({ ms: 5000, clock }),
    promised.watch,
    watched.watch("orders"),
    ordersMeter,
  );

  const [batches, compression, shaped] = [new BatchStats(), new CompressionStats(), new ShapeStats()];
  const near = (port: number) =>
    chain(
      tcp({ port }),
      shape({ stats: shaped }),
      compress({ stats: compression, thresholdBytes: 256 }),
      batch({ stats: batches }),
      mux(),
      text(),
    );
  const wire = chain(tcp({ port: 0 }), shape(), compress(), batch(), mux(), text());
  const handler = (request: string): string => request;
  const far = await serve(wire, handler);
  const connections = chain(near(far.addr.port!), pool({ max: 2 }));
  const echo = chain(connections, retry({ clock }));
  const performance = report({ calls: promised, compressions: compressionsOf({ echo }), clock });

  const board = dashboard({
    title: "Shop",
    chains: { orders, echo, "echo server": { transport: wire, handler } },
    sources: [
      ordersMeter.metrics,
      serverMetrics(far, { listener: "echo" }),
      poolMetrics(connections, { upstream: "echo" }),
      breakerMetrics(breaker, { upstream: "orders" }),
      batchMetrics(batches, { upstream: "echo" }),
      compressionMetrics(compression, { upstream: "echo" }),
      bandwidthMetrics(shaped, { upstream: "echo" }),
    ],
    events,
    health: watched,
    objectives: promised,
    report: performance,
    clock,
    wallClock,
    ...more,
  });
  const site = await serve(http({ port: 0 }), new Hono().route("/dashboard", board.app).fetch);
  return {
    clock,
    board,
    url: `http://127.0.0.1:${site.addr.port}/dashboard`,
    orders,
    echo: echo as Client<string, string>,
    far,
    async [Symbol.asyncDispose]() {
      board.close();
      watched.close();
      promised.close();
      await echo.close();
      await Promise.all([far.shutdown({ graceMs: 1000 }), site.shutdown({ graceMs: 1000 })]);
    },
  };
}
