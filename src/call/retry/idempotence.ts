/**
 * How the option `idempotent` is read, wherever there is one.
 *
 * @module
 */

import type { Idempotence } from "../../core/idempotent.ts";
import type { OptionRule } from "../../core/options.ts";

/** See the module. */
export const idempotence: OptionRule<Idempotence | undefined> = {
  allowed: "true, false or a function",
  fallback: undefined,
  accepts: (value) => typeof value === "boolean" || typeof value === "function",
};
