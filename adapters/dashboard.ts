/**
 * A dashboard: one page with the live figures of a program, as routes of a Hono
 * app.
 *
 * ```ts
 * import { Hono } from "hono";
 * import { callMeter, chain, HostMeter, hostMetrics, http, mux, pool, poolMetrics, serve, tcp } from "@wireway/wireway";
 * import { dashboard } from "@wireway/wireway/dashboard";
 *
 * const meter = callMeter({ labels: { upstream: "orders" } });
 * const connections = chain(tcp({ port: 9000 }), mux(), pool({ max: 4 }));
 * const orders = chain(connections, meter);
 * const board = dashboard({
 *   title: "Shop",
 *   chains: { orders },
 *   sources: [meter.metrics, poolMetrics(connections, { upstream: "orders" }), hostMetrics(new HostMeter())],
 * });
 * const app = new Hono().route("/dashboard", board.app);
 * await serve(http({ port: 8000 }), app.fetch);
 * ```
 *
 * The page is made of files that come with this module, and of the plotting
 * library uPlot out of its npm package: nothing is loaded from elsewhere, and
 * no permission is needed but that to listen. They are imported with
 * `with { type: "text" }`, which Deno 2.9 and Bun understand; other runtimes
 * need a bundler that does.
 *
 * @module
 */

import { Hono } from "hono";
import { type Clock, type EventLog, type MetricSource, Recorder, systemClock } from "../mod.ts";
import { given, integer, label, oneOf, type OptionRule, readOptions } from "../src/core/options.ts";
import { Chains, type DrawnChain } from "./dashboard/chains.ts";
import { Feed, type Snapshots } from "./dashboard/feed.ts";
import { guarded, pageRoutes } from "./dashboard/page.ts";

/**
 * Options of {@linkcode dashboard}.
 *
 * @example
 * ```ts
 * import { callMeter } from "@wireway/wireway";
 * import { dashboard, type DashboardOptions } from "@wireway/wireway/dashboard";
 * const options: DashboardOptions = { title: "Shop", sources: [callMeter().metrics], record: "always" };
 * dashboard(options);
 * ```
 */
export interface DashboardOptions {
  /** What stands above the page. @default {"Wireway"} */
  title?: string;
  /** A line below that, such as where the load comes from. */
  note?: string;
  /** The chains to draw, by name: clients and handlers; of a server `{ transport, handler }`. @default {{}} */
  chains?: Readonly<Record<string, object | { readonly transport: object; readonly handler: object }>>;
  /**
   * Where the figures come from. The calls at the top of the page are those of the first {@linkcode callMeter}
   * among them: two may see the same call. @default {[]}
   */
  sources?: readonly MetricSource[];
  /** The log of events to show. */
  events?: EventLog;
  /** Shows its checks, endpoints and log: what `health()` gives. */
  health?: { snapshot(): unknown };
  /** Shows targets, burn rates, alerts and a trend of each: what `objectives()` gives; or several of them. */
  objectives?: { snapshot(): unknown } | readonly { snapshot(): unknown }[];
  /** Shows scores and recommendations: what `report()` gives. */
  report?: { snapshot(): unknown };
  /** Whether figures are read always, or only while somebody looks. @default {"while-watched"} */
  record?: "while-watched" | "always";
  /** Time between two readings, in milliseconds. @default {1000} */
  everyMs?: number;
  /** How many pages may look at once; the next one is answered 503. @default {100} */
  maxReaders?: number;
  /** How many series of figures are kept; the page says how many are left out. @default {500} */
  maxSeries?: number;
  /** Who may see it; asked before each answer, which is 403 where it says no. Default: all who reach it. */
  authorize?: (request: Request) => boolean | Promise<boolean>;
  /** Times the readings. @default {systemClock} */
  clock?: Clock;
  /** The date and time, in milliseconds since 1970. @default {Date.now} */
  wallClock?: () => number;
}

/**
 * A dashboard that can be mounted.
 *
 * @example
 * ```ts
 * import { Hono } from "hono";
 * import { type Dashboard, dashboard } from "@wireway/wireway/dashboard";
 * const board: Dashboard = dashboard();
 * new Hono().route("/dashboard", board.app);
 * board.close();
 * ```
 */
export interface Dashboard extends Disposable {
  // The tag is for the linter of docs, which would have all types of Hono be ours; the docs show the routes all the same.
  /**
   * The routes: the page, its files, and `events`. Mounted by `route()` at any
   * path, the page is found there with and without a slash behind it.
   *
   * @internal
   */
  readonly app: Hono;
  /** Pages that look now. */
  readonly readers: number;
  /** Ends the streams of all pages, and the readings. A server that shuts down waits for them otherwise. */
  close(): void;
}

/**
 * Makes a dashboard. It shows what it is given: throughput and latency of
 * {@linkcode callMeter}, connections of servers and pools, states of breakers,
 * batch sizes, compression, bandwidth of each class, the process; each chain
 * from its caller to the wire with live figures at every stage that keeps some;
 * health, objectives with their alerts and what they have measured over the last
 * hours, and the report. What is not known is
 * shown as "–", never as 0.
 *
 * Figures are read once a second while a page looks, and kept for ten minutes;
 * put together by the minute, for six hours. A page gets them when it connects
 * and one event a second from then on. It may lose its connection: it comes back
 * by itself and gets what it missed, up to two minutes, or all anew.
 *
 * Everything is bounded: pages, series, readings, what waits for a slow page.
 * Nothing is changed from the page, and what it shows it escapes.
 *
 * Errors: `invalid-option`.
 *
 * @example
 * ```ts
 * import { Hono } from "hono";
 * import { chain, EventLog, http, pool, poolMetrics, serve } from "@wireway/wireway";
 * import { dashboard } from "@wireway/wireway/dashboard";
 * const events = new EventLog();
 * const orders = chain(http({ origin: "https://orders.example", observer: events.observer }), pool());
 * const board = dashboard({
 *   chains: { orders },
 *   sources: [poolMetrics(orders)],
 *   events,
 *   authorize: (request) => request.headers.get("authorization") === `Bearer ${Deno.env.get("DASHBOARD_TOKEN")}`,
 * });
 * await serve(http({ port: 8000 }), new Hono().route("/dashboard", board.app).fetch);
 * ```
 */
export function dashboard(options: DashboardOptions = {}): Dashboard {
  const read = readOptions("dashboard()", options, rules);
  const { title, note, chains, sources, events, record, everyMs, maxReaders, maxSeries } = read;
  const { authorize, clock, wallClock } = read;
  const feed = new Feed({
    title,
    note,
    everyMs,
    always: record === "always",
    maxReaders,
    chains: new Chains(chains as Record<string, DrawnChain>),
    recorder: new Recorder(sources, { maxSeries }),
    events,
    panels: panelsOf(read),
    clock,
    wallClock,
  });
  const app = new Hono();
  app.use(guarded(authorize));
  app.get("/events", (c) => feed.answer(c.req.raw));
  app.route("/", pageRoutes(title));
  const close = (): void => feed.close();
  return {
    app,
    get readers(): number {
      return feed.readers;
    },
    close,
    [Symbol.dispose]: close,
  };
}

/** Something with a snapshot, as health(), objectives() and report() give it. */
const snapshots: OptionRule<Snapshots | undefined> = {
  allowed: "an object with snapshot()",
  fallback: undefined,
  accepts: hasSnapshot,
};

const rules = {
  title: label("Wireway"),
  note: label(undefined),
  chains: {
    allowed: "chains by name",
    fallback: {} as NonNullable<DashboardOptions["chains"]>,
    accepts: (value: unknown) => isObject(value) && Object.values(value).every(isChain),
  },
  sources: {
    allowed: "a list of functions",
    fallback: [] as readonly MetricSource[],
    accepts: (value: unknown) => Array.isArray(value) && value.every((one) => typeof one === "function"),
  },
  events: given<EventLog | undefined>(undefined, "an object"),
  health: snapshots,
  objectives: {
    allowed: "an object with snapshot(), or a list of them",
    fallback: undefined as DashboardOptions["objectives"],
    accepts: (value: unknown) => Array.isArray(value) ? value.every(hasSnapshot) : hasSnapshot(value),
  },
  report: snapshots,
  record: oneOf("while-watched", ["while-watched", "always"]),
  everyMs: integer(1000, 1, 3_600_000),
  maxReaders: integer(100, 1, 100_000),
  maxSeries: integer(500, 1, 100_000),
  authorize: given<DashboardOptions["authorize"]>(undefined, "a function"),
  clock: given<Clock>(systemClock, "an object"),
  wallClock: given<() => number>(() => Date.now(), "a function"),
};

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isChain(value: unknown): boolean {
  return typeof value === "function" || isObject(value);
}

function hasSnapshot(value: unknown): value is Snapshots {
  return isChain(value) && typeof (value as Partial<Snapshots>).snapshot === "function";
}

function panelsOf({ health, objectives, report }: DashboardOptions): Record<string, Snapshots> {
  const panels: Record<string, Snapshots> = {};
  if (health !== undefined) panels.health = health;
  if (objectives !== undefined) {
    const all = Array.isArray(objectives) ? objectives as Snapshots[] : [objectives as Snapshots];
    panels.objectives = { snapshot: () => all.map((one) => one.snapshot()) };
  }
  if (report !== undefined) panels.report = report;
  return panels;
}
