/**
 * The dashboard of the example server: what it measures of itself, and a gentle
 * load of its own for those who want to see something move.
 *
 * `deno task start --load 20` makes 20 calls a second over TCP.
 *
 * @module
 */

import {
  adjustablesOf,
  type AdjustableStage,
  callContext,
  callMeter,
  type CallMiddleware,
  chain,
  circuitBreaker,
  concurrencyLimit,
  EventLog,
  EventLoopDelay,
  health,
  HostMeter,
  hostMetrics,
  idempotent,
  limitMetrics,
  linkStats,
  type MetricSource,
  mux,
  objectives,
  type Observer,
  pool,
  poolMetrics,
  rateLimit,
  type Report,
  report,
  type ReportOptions,
  retry,
  tcp,
  text,
  timeout,
} from "@wireway/wireway";
import { type Dashboard, dashboard } from "@wireway/wireway/dashboard";

/** What is known once the servers listen. */
export interface Served {
  /** What the service is served on over TCP. */
  readonly transport: object;
  /** The service. */
  readonly handler: object;
  /** Where the figures of the servers come from; asked again and again. */
  readonly servers: MetricSource;
  /** The port for the program's own load; without `load` there is none. */
  readonly port: number;
  /** Calls a second that the program makes to itself. */
  readonly load: number;
}

/** What measures the example server. */
export class Measurements {
  readonly #meter = callMeter({ labels: { service: "example" } });
  readonly #events = new EventLog();
  readonly #promised = objectives({ name: "example", targets: { p95Ms: 100, p99Ms: 200, errorRate: 0.01 } });
  readonly #watched = health();
  readonly #delay = new EventLoopDelay();
  readonly #atOnce = concurrencyLimit({ max: 10_000 });
  readonly #often = rateLimit({ windows: [{ calls: 100_000, perMs: 1000 }] });
  /** There once it is known what it reports on. */
  #report: Report | undefined;
  #end: () => Promise<void> = () => Promise.resolve();

  /** Hears what happens to connections. */
  readonly observer: Observer = (event) => {
    this.#events.observer(event);
    this.#report?.observer(event);
  };

  /** Goes around the service. */
  readonly around: readonly [CallMiddleware, CallMiddleware, CallMiddleware, CallMiddleware] = [
    this.#atOnce,
    this.#often,
    this.#promised.watch,
    this.#meter,
  ];

  /** Makes the dashboard, and begins with the load. */
  board({ transport, handler, servers, port, load }: Served): Dashboard {
    const own = load > 0 ? this.#load(port, load) : undefined;
    this.#report = report({
      calls: this.#promised,
      limits: { atOnce: { stats: this.#atOnce.stats, adjustable: stageOf(this.#atOnce, "concurrencyLimit") } },
      rates: { often: { stats: this.#often.stats, adjustable: stageOf(this.#often, "rateLimit") } },
      // The buffers of the sockets are filled by what goes out, the windows of the calls by what comes in.
      links: {
        tcp: { stats: linkStats(transport), adjustable: stageOf(transport, "tcp") },
        mux: { stats: linkStats(transport), adjustable: stageOf(transport, "mux") },
      },
      ...own?.reported,
      host: new HostMeter(),
      eventLoop: this.#delay,
    });
    return dashboard({
      title: "The example server",
      note: load > 0
        ? `${load} calls a second are this program's own (--load ${load}), to itself.`
        : "Figures of real calls only; deno task start --load 20 makes some.",
      chains: { service: { transport, handler }, ...own?.chains },
      sources: [
        this.#meter.metrics,
        servers,
        limitMetrics(this.#atOnce, { limiter: "at-once" }),
        limitMetrics(this.#often, { limiter: "often" }),
        ...(own?.sources ?? []),
        hostMetrics(new HostMeter(), this.#delay),
      ],
      events: this.#events,
      health: this.#watched,
      objectives: this.#promised,
      report: this.#report,
    });
  }

  /** Ends the load and all that looks. */
  async close(): Promise<void> {
    await this.#end();
    this.#watched.close();
    this.#promised.close();
    this.#delay[Symbol.dispose]();
  }

  #load(port: number, perSecond: number): Load {
    const { observer } = this;
    const meter = callMeter({ labels: { client: "load" } });
    const connections = chain(tcp({ port, observer }), mux(), text(), pool({ max: 2, observer }));
    const call = chain(
      connections,
      circuitBreaker({ observer }),
      this.#watched.watch("example"),
      retry({ observer }),
      timeout({ ms: 2000 }),
      meter,
    );
    const context = callContext().set(idempotent, true);
    const requests = ["hello load", "sum 1 2 3", "time", "wait 5", "wait 20"];
    let number = 0;
    const timer = setInterval(() => {
      call(requests[number++ % requests.length], context).catch(() => {});
    }, 1000 / perSecond);
    this.#end = () => {
      clearInterval(timer);
      return connections.close();
    };
    const pools = { load: { stats: () => connections.stats(), adjustable: stageOf(call, "pool") } };
    const [timeouts, retries] = [{ wait: stageOf(call, "timeout") }, { again: stageOf(call, "retry") }];
    return {
      chains: { load: call },
      sources: [meter.metrics, poolMetrics(connections, { client: "load" })],
      reported: { pools, timeouts, retries },
    };
  }
}

/** The program's own load, as it is shown. */
interface Load {
  readonly chains: Record<string, object>;
  readonly sources: MetricSource[];
  readonly reported: Pick<ReportOptions, "pools" | "timeouts" | "retries">;
}

function stageOf(part: object, name: string): AdjustableStage {
  return adjustablesOf(part).find((stage) => stage.name === name)!;
}
