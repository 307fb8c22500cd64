/**
 * apply(): changes running settings as a report recommends.
 *
 * @module
 */

import type { Adjustable } from "../../core/adjustable.ts";
import { textOf } from "../../core/thrown.ts";
import type { Recommendation } from "./report_snapshot.ts";

/**
 * What became of recommendations.
 *
 * @example
 * ```ts
 * import type { Applied } from "@wireway/wireway";
 * const restartNeeded = ({ restart }: Applied): boolean => restart.length > 0;
 * ```
 */
export interface Applied {
  /** Those that hold now. */
  readonly applied: readonly Recommendation[];
  /** Those that hold after a restart, if they are written into the program's configuration. */
  readonly restart: readonly Recommendation[];
  /** Those that were not followed. */
  readonly refused: readonly Refused[];
}

/**
 * A recommendation that was not followed.
 *
 * @example
 * ```ts
 * import type { Refused } from "@wireway/wireway";
 * const line = ({ recommendation, why }: Refused): string => `${recommendation.setting}: ${why}`;
 * ```
 */
export interface Refused {
  /** The recommendation. */
  readonly recommendation: Recommendation;
  /** Why not. */
  readonly why: string;
}

/**
 * Changes the settings that can be changed while the program runs, and says
 * which need a restart and which were refused. A recommendation is refused where
 * the setting holds another value by now than when it was measured, and where
 * what it is for is not there or does not want it. One that is refused keeps
 * none of the others from being applied.
 *
 * @example
 * ```ts
 * import { type Adjustable, apply, report } from "@wireway/wireway";
 * declare const orders: Adjustable;
 * const { recommendations } = report({ timeouts: { orders } }).snapshot();
 * const { applied, restart, refused } = apply(recommendations, { orders });
 * for (const { target, setting, to } of applied) console.log(`${target}.${setting} is ${to}`);
 * ```
 */
export function apply(
  recommendations: readonly Recommendation[],
  targets: Readonly<Record<string, Adjustable>>,
): Applied {
  const applied: Recommendation[] = [];
  const restart: Recommendation[] = [];
  const refused: Refused[] = [];
  for (const recommendation of recommendations) {
    const { target, setting, from, to } = recommendation;
    const part = Object.hasOwn(targets, target) ? targets[target] : undefined;
    const settings = part?.settings() ?? {};
    const known = Object.hasOwn(settings, setting) ? settings[setting] : undefined;
    if (part === undefined || known === undefined) {
      const why = part === undefined ? `there is no ${target}` : `${target} has no setting ${setting}`;
      refused.push({ recommendation, why });
    } else if (known.value !== from) {
      refused.push({ recommendation, why: `${target}.${setting} is ${known.value} by now, it was ${from}` });
    } else if (!known.live) restart.push(recommendation);
    else {
      try {
        part.adjust(setting, to);
        applied.push(recommendation);
      } catch (error) {
        refused.push({ recommendation, why: textOf(error) });
      }
    }
  }
  return { applied, restart, refused };
}
