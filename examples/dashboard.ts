/**
 * The dashboard of the example server: what it measures of itself, and a gentle
 * load of its own for those who want to see something move.
 *
 * `deno task start --load 20` makes 20 calls a second over TCP.
 *
 * @module
 */

import {
  callContext,
  callMeter,
  type CallMiddleware,
  chain,
  circuitBreaker,
  EventLog,
  EventLoopDelay,
  health,
  HostMeter,
  hostMetrics,
  idempotent,
  type MetricSource,
  mux,
  objectives,
  type Observer,
  pool,
  poolMetrics,
  report,
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
  readonly #report = report({ calls: this.#promised });
  #end: () => Promise<void> = () => Promise.resolve();

  /** Hears what happens to connections. */
  readonly observer: Observer = (event) => {
    this.#events.observer(event);
    this.#report.observer(event);
  };

  /** Goes around the service. */
  readonly around: readonly [CallMiddleware, CallMiddleware] = [this.#promised.watch, this.#meter];

  /** Makes the dashboard, and begins with the load. */
  board({ transport, handler, servers, port, load }: Served): Dashboard {
    const own = load > 0 ? this.#load(port, load) : undefined;
    return dashboard({
      title: "The example server",
      note: load > 0
        ? `${load} calls a second are this program's own (--load ${load}), to itself.`
        : "Figures of real calls only; deno task start --load 20 makes some.",
      chains: { service: { transport, handler }, ...own?.chains },
      sources: [
        this.#meter.metrics,
        servers,
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

  #load(port: number, perSecond: number): { chains: Record<string, object>; sources: MetricSource[] } {
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
    return { chains: { load: call }, sources: [meter.metrics, poolMetrics(connections, { client: "load" })] };
  }
}
