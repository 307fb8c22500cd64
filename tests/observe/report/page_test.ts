/**
 * The metrics of health(), objectives() and report() on a page for Prometheus.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { prometheus } from "../../../adapters/prometheus.ts";
import { chain, health, objectives, report, TransportError } from "../../../mod.ts";
import { peer, peerTest, run } from "../../support/peer.ts";

peerTest(
  "promtool finds nothing wrong with health, objectives and a report",
  [peer("promtool", "prometheus")],
  async () => {
    using watched = health({ probes: { database: { check: () => true } } });
    using promised = objectives({ targets: { p99Ms: 200, errorRate: 0.01 }, name: "orders" });
    const performance = report({ calls: promised });
    const call = chain(
      (request: string) => {
        if (request === "bad") throw new TransportError("remote", "Out of paper", { remote: true });
        return request;
      },
      watched.watch("orders"),
      promised.watch,
    );
    for (const request of ["good", "good", "bad", "good"]) await call(request).catch(() => {});
    const page = prometheus([watched.metrics, promised.metrics, performance.metrics]);
    for (const accept of ["text/plain", "application/openmetrics-text"]) {
      const text = await page(new Request("http://host/metrics", { headers: { accept } })).text();
      assert.match(text, /^wireway_objective_measured\{objective="errorRate",objectives="orders"\} 0\.25$/m);
      assert.match(text, /^wireway_health_state\{check="peer",endpoint="orders",kind="peer",state="healthy"\} 1$/m);
      assert.match(text, /^wireway_report_score\{score="reliability"\} 4$/m);
      if (accept !== "text/plain") continue;
      const { code, stdout, stderr } = await run("promtool", ["check", "metrics"], { stdin: text });
      assert.deepEqual([code, stdout, stderr], [0, "", ""], text);
    }
  },
);
