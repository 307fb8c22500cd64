/**
 * Orders of a chain that compile and make no sense.
 *
 * @module
 */

import type { Stage } from "./describe.ts";
import { TransportError } from "./errors.ts";

/** Two members of a chain that must not stand like this, and why. */
interface Rule {
  /** The one nearer to the wire. */
  readonly inner: readonly string[];
  /** The one nearer to the caller. */
  readonly outer: readonly string[];
  /** What would happen. */
  readonly reason: string;
}

const repeating = ["retry", "hedge"];
const answering = ["cache", "httpCache", "coalesce"];

const rules: readonly Rule[] = [
  {
    inner: repeating,
    outer: ["circuitBreaker", "circuitBreakers"],
    reason: "the breaker would see how calls end after all attempts, and not what each attempt says of the far side",
  },
  {
    inner: answering,
    outer: repeating,
    reason: "every further attempt would be answered as the first one was, or wait for it",
  },
  { inner: ["retry"], outer: ["retry"], reason: "attempts would multiply" },
  { inner: ["hedge"], outer: ["hedge"], reason: "attempts would multiply" },
  {
    inner: repeating,
    outer: ["adaptiveTimeout"],
    reason: "it would measure attempts together with the pauses between them, and not how fast the far side answers",
  },
  {
    inner: ["fallback"],
    outer: ["retry", "hedge", "circuitBreaker", "circuitBreakers", "adaptiveTimeout"],
    reason: "it would never see a failure",
  },
  {
    inner: ["fallback"],
    outer: ["cache", "httpCache"],
    reason: "what stands in for a reply would be kept as if it were one",
  },
  {
    inner: ["batch"],
    outer: ["compress"],
    reason: "each message would be compressed alone, and a batch of them compresses far better",
  },
  {
    inner: ["batch"],
    outer: ["shape"],
    reason: "what is urgent would wait in batches with the rest",
  },
  {
    inner: ["compress"],
    outer: ["shape"],
    reason: "it would count bytes that are never sent",
  },
];

/**
 * Refuses a member that makes no sense around those that are there. `stages`
 * stand from the wire to the caller; `name` would stand around them.
 *
 * Throws `invalid-option`.
 */
export function checkOrder(stages: readonly Stage[], name: string): void {
  for (const { inner, outer, reason } of rules) {
    if (!outer.includes(name)) continue;
    const found = stages.find((stage) => inner.includes(stage.name));
    if (found === undefined) continue;
    const advice = found.name === name ? "leave one of them out" : `put ${name}() before ${found.name}()`;
    throw new TransportError(
      "invalid-option",
      `Cannot build chain: ${name}() stands around ${found.name}(): ${reason}; ${advice}`,
      { details: { outer: name, inner: found.name } },
    );
  }
}
