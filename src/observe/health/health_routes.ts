/**
 * What a load balancer or an orchestrator asks: is it alive, is it ready?
 *
 * @module
 */

import type { HealthSnapshot } from "./health_snapshot.ts";

/** Answers a request by what `read` says of the question. */
export function answerHealth(
  request: Request,
  read: () => HealthSnapshot,
  question: "live" | "ready",
  reasons: boolean,
): Response {
  const headers = { "cache-control": "no-store", "content-type": "application/json" };
  if (request.method !== "GET" && request.method !== "HEAD") {
    return new Response(null, { status: 405, headers: { allow: "GET, HEAD" } });
  }
  const snapshot = read();
  const good = snapshot[question];
  const asked = question === "live" ? snapshot.checks.filter(({ liveness }) => liveness) : snapshot.checks;
  const checks = asked.map(({ name, kind, endpoint, state, forMs, required, reason }) => ({
    name,
    kind,
    ...(endpoint === undefined ? {} : { endpoint }),
    state,
    forMs: Math.round(forMs),
    required,
    ...(reasons ? { reason } : {}),
  }));
  const body = { status: good ? "pass" : "fail", ...(question === "ready" ? { state: snapshot.state } : {}), checks };
  const text = request.method === "HEAD" ? null : `${JSON.stringify(body)}\n`;
  return new Response(text, { status: good ? 200 : 503, headers });
}
