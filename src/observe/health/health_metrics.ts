/**
 * Metrics of health().
 *
 * @module
 */

import { type Metric, metric } from "../metric.ts";
import type { HealthSnapshot, HealthState } from "./health_snapshot.ts";

const states: readonly HealthState[] = ["unknown", "healthy", "degraded", "unhealthy"];

/** A snapshot as metrics. */
export function healthMetrics({ live, ready, checks }: HealthSnapshot): Metric[] {
  const whole = (name: string, description: string, is: boolean): Metric =>
    metric("gauge", `wireway.health.${name}`, "", description, {}, is ? 1 : 0);
  return [
    whole("live", "1 where the program should be left running.", live),
    whole("ready", "1 where the program should be given work.", ready),
    {
      name: "wireway.health.state",
      kind: "gauge",
      unit: "",
      description: "1 for the state that a check is in.",
      series: checks.flatMap(({ name, kind, endpoint = "", state }) =>
        states.map((one) => ({ labels: { check: name, kind, endpoint, state: one }, value: one === state ? 1 : 0 }))
      ),
    },
  ];
}
