/**
 * The table for {@linkcode adjustable} of settings that are read each time they
 * are used: to change one is to write it down.
 *
 * @module
 */

import { type Adjustable, adjustable, type AdjustableSetting, type SettingValue } from "./adjustable.ts";
import type { OptionRule } from "./options.ts";

/** What goes beside the settings. */
export interface LiveSettingsOptions<Settings> {
  /** Refuses settings that don't go together, before anything is changed. Throws `invalid-option`. */
  check?(next: Settings): void;
  /** Called when one has changed. */
  changed?(name: keyof Settings & string): void;
  /** Settings that are kept elsewhere, or changed in another way. */
  more?: Readonly<Record<string, AdjustableSetting>>;
}

/**
 * Makes those of `settings` adjustable that `live` names. The object is the one
 * that the work is done by: nobody may have a copy. All others that are plain
 * values are shown, and need a restart.
 */
export function liveSettings<Settings extends object>(
  owner: string,
  settings: Settings,
  rules: Readonly<Record<string, Pick<OptionRule<unknown>, "allowed" | "accepts" | "min" | "max">>>,
  live: readonly (keyof Settings & string)[],
  options: LiveSettingsOptions<Settings> = {},
): Adjustable {
  const current = settings as Record<string, unknown>;
  const table: Record<string, AdjustableSetting> = {};
  for (const name of Object.keys(rules)) {
    const { allowed, accepts, min, max } = rules[name];
    const get = (): SettingValue => current[name] as SettingValue;
    const entry: AdjustableSetting = { rule: { allowed, accepts }, min, max, get };
    if (live.includes(name as keyof Settings & string)) {
      entry.set = (value) => {
        options.check?.({ ...settings, [name]: value });
        current[name] = value;
        options.changed?.(name as keyof Settings & string);
      };
    } else if (!isPlain(current[name])) continue;
    table[name] = entry;
  }
  return adjustable(owner, { ...table, ...options.more });
}

function isPlain(value: unknown): value is SettingValue {
  return typeof value === "number" || typeof value === "string" || typeof value === "boolean";
}
