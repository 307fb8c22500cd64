/**
 * withProcessed(): what an error carries goes with it.
 *
 * @module
 */

import { strict as assert } from "node:assert";
import { TransportError } from "../../src/core/errors.ts";
import { withProcessed } from "../../src/core/with_processed.ts";

Deno.test("withProcessed() changes what is said of the far side's work, and nothing else", () => {
  const details = { status: 503 };
  const error = new TransportError("overloaded", "Too much", { details, retryAfterMs: 7, remote: true });
  const changed = withProcessed(error, "maybe");
  const { code, message, processed, retryAfterMs, remote, cause } = changed;
  assert.deepEqual([code, message, processed, retryAfterMs, remote], ["overloaded", "Too much", "maybe", 7, true]);
  assert.equal(changed.details, details);
  assert.equal(cause, error);
  assert.equal(withProcessed(error, "no"), error, "which says so already");
});
