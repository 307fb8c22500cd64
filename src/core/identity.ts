/**
 * Who a client is that was let in.
 *
 * @module
 */

import type { Admittance } from "./channel.ts";

/** Who was let in: undefined where nobody said more than yes. */
export function identityOf(admittance: Admittance): unknown {
  return admittance === true ? undefined : admittance;
}
