/**
 * What an event counts as, in measurements.
 *
 * @module
 */

import type { TransportEvent } from "../core/observer.ts";
import { errorTypeOf } from "./call_conventions.ts";

/** How a metric adds up. */
export type EventKind = "counter" | "level" | "gauge";

/** A metric that events are counted in. */
export interface EventMetric {
  readonly name: string;
  /** `counter` only grows, `level` goes up and down, `gauge` is set. */
  readonly kind: EventKind;
  readonly unit: string;
  readonly description: string;
}

/** One measurement of an event. */
export interface EventMeasurement {
  readonly metric: keyof typeof eventMetrics;
  readonly attributes: Readonly<Record<string, string>>;
  /** What a counter or a level changes by, or a gauge is set to. */
  readonly value: number;
}

/** The metrics of events, by a short name. */
export const eventMetrics = {
  connections: level("wireway.open_connections", "{connection}", "Connections that are open."),
  connectionFailures: counter("wireway.connection.failures", "{connection}", "Connections that ended with an error."),
  connectionRefusals: counter("wireway.connection.refusals", "{connection}", "Connections that were turned away."),
  dialFailures: counter("wireway.dial.failures", "{attempt}", "Attempts to connect that failed."),
  drains: counter("wireway.session.drains", "{session}", "Sessions that stopped taking calls, to end in order."),
  rejections: counter("wireway.call.rejections", "{call}", "Calls that a policy refused."),
  retries: counter("wireway.call.retries", "{attempt}", "Further attempts after one that failed."),
  hedges: counter("wireway.call.hedges", "{attempt}", "Further attempts beside one that is slow."),
  answers: counter("wireway.call.answers", "{call}", "Calls that a policy answered in place of the far side."),
  cacheFailures: counter("wireway.cache.failures", "{operation}", "Operations of a cache's store that failed."),
  transitions: counter("wireway.policy.transitions", "{transition}", "Changes of a policy's state."),
  state: gauge("wireway.policy.state", "", "1 for the state that a policy is in, 0 for those that it was in."),
  limit: gauge("wireway.policy.limit", "{call}", "The limit that a policy holds calls to."),
  ejections: counter("wireway.endpoint.ejections", "{endpoint}", "Endpoints taken out of use because they failed."),
  readmissions: counter("wireway.endpoint.readmissions", "{endpoint}", "Endpoints taken back into use."),
} satisfies Record<string, EventMetric>;

function counter(name: string, unit: string, description: string): EventMetric {
  return { name, kind: "counter", unit, description };
}

function level(name: string, unit: string, description: string): EventMetric {
  return { name, kind: "level", unit, description };
}

function gauge(name: string, unit: string, description: string): EventMetric {
  return { name, kind: "gauge", unit, description };
}

/** What an event counts as. */
export function measurementsOf(event: TransportEvent): EventMeasurement[] {
  switch (event.type) {
    case "connection-opened":
      return [one("connections", connectionOf(event))];
    case "connection-closed": {
      const { error } = event;
      const closed = one("connections", connectionOf(event), -1);
      if (error === undefined) return [closed];
      return [closed, one("connectionFailures", { ...connectionOf(event), "error.type": error.code })];
    }
    case "connection-refused":
      return [one("connectionRefusals", { "error.type": event.error.code })];
    case "dial-failed":
      return [one("dialFailures", { "error.type": event.error.code })];
    case "session-draining":
      return [one("drains", { "wireway.by": event.by })];
    case "call-rejected":
      return [one("rejections", { ...policyOf(event), "error.type": event.error.code })];
    case "call-retried":
      return [one("retries", { ...policyOf(event), "error.type": reasonOf(event.error) })];
    case "call-hedged":
      return [one("hedges", policyOf(event))];
    case "call-answered":
      return [one("answers", { ...policyOf(event), "wireway.from": event.from })];
    case "cache-failed":
      return [one("cacheFailures", { ...policyOf(event), "error.type": errorTypeOf(event.error) })];
    case "state-changed":
      return [
        one("transitions", { ...policyOf(event), "wireway.from": event.from, "wireway.to": event.to }),
        one("state", { ...policyOf(event), "wireway.state": event.from }, 0),
        one("state", { ...policyOf(event), "wireway.state": event.to }),
      ];
    case "limit-changed":
      return [one("limit", policyOf(event), event.to)];
    case "endpoint-ejected":
      return [one("ejections", policyOf(event))];
    case "endpoint-readmitted":
      return [one("readmissions", policyOf(event))];
  }
}

function one(
  metric: keyof typeof eventMetrics,
  attributes: Readonly<Record<string, string>>,
  value = 1,
): EventMeasurement {
  return { metric, attributes, value };
}

function connectionOf({ side, remote }: { side: string; remote: { transport: string } }): Record<string, string> {
  return { "wireway.side": side, "wireway.transport": remote.transport };
}

function policyOf({ policy }: { policy: string }): Record<string, string> {
  return { "wireway.policy": policy };
}

/** What was retried may have been a response. */
function reasonOf(result: unknown): string {
  return result instanceof Response ? String(result.status) : errorTypeOf(result);
}
