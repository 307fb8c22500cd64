/**
 * Settings that can be changed while they are in use: one interface for what
 * has them (a pool, a limit, a timeout) and for what changes them (a config
 * file that is read again, the recommendations of a report, an operator's
 * page).
 *
 * @module
 */

import { TransportError } from "./errors.ts";
import { invalidOption } from "./options.ts";

/**
 * What a setting may be.
 *
 * @example
 * ```ts
 * import type { SettingValue } from "@wireway/wireway";
 * const values: SettingValue[] = [10, "fifo", true, Infinity];
 * ```
 */
export type SettingValue = number | string | boolean;

/**
 * One setting, as it holds now.
 *
 * @example
 * ```ts
 * import type { Setting } from "@wireway/wireway";
 * const show = ({ value, live }: Setting): string => live ? `${value}` : `${value} (until the next start)`;
 * ```
 */
export interface Setting {
  /** What holds now. */
  readonly value: SettingValue;
  /** The least that is allowed, where it is a number that has one. */
  readonly min?: number;
  /** The most that is allowed, where it is a number that has one. */
  readonly max?: number;
  /** What is allowed, in words. */
  readonly allowed: string;
  /** Whether it can be changed while it is in use. What can't needs a restart. */
  readonly live: boolean;
}

/**
 * Something with settings of which some can be changed while it works.
 *
 * @example
 * ```ts
 * import type { Adjustable } from "@wireway/wireway";
 * function double(part: Adjustable, name: string): void {
 *   const { value, live } = part.settings()[name];
 *   if (live && typeof value === "number") part.adjust(name, value * 2);
 * }
 * ```
 */
export interface Adjustable {
  /** The settings by name: those of its options, as they hold now. */
  settings(): Readonly<Record<string, Setting>>;
  /**
   * Changes a setting, for what comes next: calls under way are not disturbed
   * and no connection is dropped. A change that was refused has changed
   * nothing. Where two settings bound each other, as `min` and `max` do, the
   * one that makes room goes first.
   *
   * Throws `invalid-option` for a name that is not there and a value that is
   * not allowed, and `unsupported` for a setting that needs a restart.
   */
  adjust(name: string, value: SettingValue): void;
}

/**
 * How one setting of {@linkcode adjustable} is read and changed.
 *
 * @example
 * ```ts
 * import type { AdjustableSetting } from "@wireway/wireway";
 * let max = 10;
 * const setting: AdjustableSetting = {
 *   rule: { allowed: "an integer from 1 to 100", accepts: (value) => Number.isInteger(value) && Number(value) >= 1 },
 *   get: () => max,
 *   set: (value) => max = Number(value),
 * };
 * ```
 */
export interface AdjustableSetting {
  /** What is allowed: the rule by which the option was read. */
  readonly rule: {
    /** What is allowed, in words. */
    readonly allowed: string;
    /** Whether a value is allowed. */
    accepts(value: unknown): boolean;
  };
  /** The least that is allowed, to be shown. */
  readonly min?: number;
  /** The most that is allowed, to be shown. */
  readonly max?: number;
  /** What holds now. */
  get(): SettingValue;
  /** Changes it; absent where that needs a restart. May throw `invalid-option`, for what the rule can't know. */
  set?(value: SettingValue): void;
}

/**
 * Makes an {@linkcode Adjustable} of a table: for middleware and others that
 * have settings. `owner` names it in errors, as a user writes it: `pool()`.
 *
 * Errors: those of {@linkcode Adjustable.adjust}.
 *
 * @example
 * ```ts
 * import { adjustable } from "@wireway/wireway";
 * let max = 10;
 * const { settings, adjust } = adjustable("doors()", {
 *   max: {
 *     rule: { allowed: "an integer from 1 to 100", accepts: (value) => Number.isInteger(value) && Number(value) >= 1 },
 *     get: () => max,
 *     set: (value) => max = Number(value),
 *   },
 * });
 * adjust("max", 20);
 * console.log(settings().max.value); // 20
 * ```
 */
export function adjustable(owner: string, table: Readonly<Record<string, AdjustableSetting>>): Adjustable {
  return {
    settings: (): Record<string, Setting> =>
      Object.fromEntries(
        Object.entries(table).map(([name, setting]): [string, Setting] => {
          const { rule, min, max } = setting;
          const bounds = { ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }) };
          const live = setting.set !== undefined;
          return [name, { value: setting.get(), ...bounds, allowed: rule.allowed, live }];
        }),
      ),
    adjust: (name: string, value: SettingValue): void => {
      if (!Object.hasOwn(table, name)) {
        const why = `Cannot adjust ${owner}: it has no setting ${JSON.stringify(name)}, only ${
          Object.keys(table).join(", ")
        }`;
        throw new TransportError("invalid-option", why, { details: { option: name } });
      }
      const setting = table[name];
      if (!setting.rule.accepts(value)) throw invalidOption(owner, name, value, setting.rule.allowed);
      if (setting.set === undefined) {
        const why = `Cannot adjust ${owner}: setting ${name} needs a restart`;
        throw new TransportError("unsupported", why, { details: { option: name } });
      }
      setting.set(value);
    },
  };
}
