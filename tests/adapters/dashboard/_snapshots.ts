/**
 * What health(), objectives() and report() may say, typed by what they do say,
 * with texts that would harm a page that took them for HTML.
 *
 * @module
 */

import type { HealthSnapshot } from "../../../src/observe/health/health_snapshot.ts";
import type { Alert, ObjectivesSnapshot } from "../../../src/observe/objectives/objectives_snapshot.ts";
import type { ReportSnapshot } from "../../../src/observe/report/report_snapshot.ts";

export const evil = `<img src=x onerror="document.title='taken'">"'&`;

const alert: Alert = {
  id: "orders p99Ms page",
  state: "open",
  of: "orders",
  objective: "p99Ms",
  severity: "page",
  target: 200,
  measured: 412,
  longRate: 21,
  shortRate: 30,
  threshold: 14.4,
  longMs: 3_600_000,
  shortMs: 300_000,
  at: "2026-01-02T12:00:00.000Z",
  openMs: 0,
  text: `p99 is 412 ms, 200 ms are promised ${evil}`,
};

const health: HealthSnapshot = {
  state: "degraded",
  ready: true,
  live: true,
  windowMs: 10_000,
  checks: [{
    name: "errors",
    kind: "errors",
    endpoint: evil,
    state: "degraded",
    reason: "12 of 20 calls failed in the last 10 s",
    forMs: 4000,
    changes: 1,
    measured: 0.6,
    threshold: 0.5,
    required: true,
    liveness: false,
  }],
  endpoints: [{
    name: "10.0.0.1:9000",
    state: "healthy",
    inFlight: 3,
    calls: 20,
    failures: 12,
    p95Ms: 42.5,
    ejected: false,
  }],
  log: [{ agoMs: 10, by: "health", what: "degraded", text: "errors: 12 of 20", times: 2 }],
};

const objectives: ObjectivesSnapshot = {
  name: "orders",
  objectives: [
    {
      name: "p99Ms",
      target: 200,
      budget: 0.01,
      measured: 412,
      met: false,
      burn: [{
        severity: "page",
        longMs: 3_600_000,
        shortMs: 300_000,
        longRate: 21,
        shortRate: 30,
        threshold: 14.4,
        alerting: true,
      }],
    },
    { name: "errorRate", target: 0.001, budget: 0.001, burn: [] },
  ],
  open: [alert],
  recent: [alert],
  trend: [],
};

const report: ReportSnapshot = {
  periodMs: 60_000,
  scores: [{ name: "latency", score: 61.25, formula: "100 × (1 − 0.3875)" }],
  compressions: [{
    name: `orders.compress ${evil}`,
    bytesBefore: 30_720,
    bytesAfter: 10_240,
    ratio: 3,
    compressed: 7,
    plain: 2,
  }, { name: "web.contentEncoding", bytesBefore: 0, bytesAfter: 0, compressed: 0, plain: 4 }],
  recommendations: [{
    target: "pool",
    setting: "max",
    from: 2,
    to: 4,
    why: `calls waited 40 ms for a connection ${evil}`,
    measured: { waitMs: 40 },
    live: true,
  }],
};

/** As options of dashboard(). */
export const snapshots = {
  health: { snapshot: (): HealthSnapshot => health },
  objectives: { snapshot: (): ObjectivesSnapshot => objectives },
  report: { snapshot: (): ReportSnapshot => report },
};
