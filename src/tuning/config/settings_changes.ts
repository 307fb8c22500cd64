/**
 * What has changed between two readings of a config file, and bringing it to
 * what runs.
 *
 * @module
 */

import type { SettingValue } from "../../core/adjustable.ts";
import { adjustablesOf, type AdjustableStage } from "../../core/describe.ts";
import { TransportError } from "../../core/errors.ts";
import { isObject } from "./environment.ts";

/**
 * One setting that has changed.
 *
 * @example
 * ```ts
 * import type { SettingsChange } from "@wireway/wireway/settings";
 * const change: SettingsChange = { path: "pool.max", from: 10, to: 20 };
 * ```
 */
export interface SettingsChange {
  /** Which: `pool.max`. */
  readonly path: string;
  /** What the file said before; undefined where it said nothing. */
  readonly from: unknown;
  /** What it says now; undefined where it says nothing any more. */
  readonly to: unknown;
}

/**
 * One that holds from the next start on, and why.
 *
 * @example
 * ```ts
 * import type { RestartChange } from "@wireway/wireway/settings";
 * const tell = ({ path, reason }: RestartChange): string => `${path} needs a restart: ${reason}`;
 * ```
 */
export interface RestartChange extends SettingsChange {
  /** Why it can't be applied now. */
  readonly reason: string;
}

/** What came of changes. */
export interface AppliedChanges {
  /** Those that hold now. */
  readonly applied: readonly SettingsChange[];
  /** Those that hold from the next start on. */
  readonly restart: readonly RestartChange[];
}

/** The settings that differ, by their paths. Lists of the same length are looked into. */
export function changesBetween(before: unknown, after: unknown, path = ""): SettingsChange[] {
  if (isObject(before) && isObject(after)) {
    const names = new Set([...Object.keys(before), ...Object.keys(after)]);
    return [...names].flatMap((name) =>
      changesBetween(before[name], after[name], path === "" ? name : `${path}.${name}`)
    );
  }
  if (Array.isArray(before) && Array.isArray(after) && before.length === after.length && before.some(isObject)) {
    return before.flatMap((one, index) => changesBetween(one, after[index], `${path}[${index}]`));
  }
  return JSON.stringify(shown(before)) === JSON.stringify(shown(after)) ? [] : [{ path, from: before, to: after }];
}

/** JSON has no infinity. */
function shown(value: unknown): unknown {
  return value === Infinity ? "Infinity" : value;
}

/** A change that can be made now. */
interface Step {
  readonly change: SettingsChange;
  readonly stage: AdjustableStage;
  readonly name: string;
  readonly was: SettingValue;
}

/**
 * Brings changes to the stages of running chains: all that can be made live, or
 * none of them where one is refused.
 *
 * Throws `invalid-option` where a stage refuses what the file says; then nothing
 * has changed.
 */
export function applyChanges(changes: readonly SettingsChange[], parts: Iterable<object>): AppliedChanges {
  const stages = stagesByName(parts);
  const steps: Step[] = [];
  const applied: SettingsChange[] = [];
  const restart: RestartChange[] = [];
  for (const change of changes) {
    const dot = change.path.indexOf(".");
    const [section, name] = [change.path.slice(0, dot), change.path.slice(dot + 1)];
    const own = stages.get(section) ?? [];
    const reason = whyNot(change, section, name, own);
    if (reason !== undefined) {
      restart.push({ ...change, reason });
      continue;
    }
    applied.push(change);
    for (const stage of own) steps.push({ change, stage: stage!, name, was: stage!.settings()[name].value });
  }
  adjustAll(steps);
  return { applied, restart };
}

/** Each name's stages; undefined for one that a chain has twice: nobody knows which one is meant. */
function stagesByName(parts: Iterable<object>): Map<string, (AdjustableStage | undefined)[]> {
  const stages = new Map<string, (AdjustableStage | undefined)[]>();
  for (const part of new Set(parts)) {
    for (const [name, own] of Map.groupBy(adjustablesOf(part), ({ name }) => name)) {
      stages.set(name, [...stages.get(name) ?? [], own.length === 1 ? own[0] : undefined]);
    }
  }
  return stages;
}

function whyNot(
  { to }: SettingsChange,
  section: string,
  name: string,
  stages: readonly (AdjustableStage | undefined)[],
): string | undefined {
  if (stages.length === 0) return `no ${section}() that is followed can change it while it runs`;
  if (stages.includes(undefined)) return `a chain has more than one ${section}(): follow the one that is meant`;
  if (to === undefined) return "it was taken out: what holds then is known at the next start";
  if (!stages.every((stage) => stage!.settings()[name]?.live)) return "it can't be changed while it is in use";
  return undefined;
}

/** Where settings bound each other, the one that makes room goes first: what is refused is tried again after the others. */
function adjustAll(steps: readonly Step[]): void {
  const done: Step[] = [];
  let left = [...steps];
  while (left.length > 0) {
    const refused: Step[] = [];
    let error: unknown;
    for (const step of left) {
      try {
        step.stage.adjust(step.name, step.change.to as SettingValue);
        done.push(step);
      } catch (thrown) {
        refused.push(step);
        error ??= thrown;
      }
    }
    if (refused.length === left.length) {
      for (const { stage, name, was } of done.reverse()) stage.adjust(name, was);
      throw TransportError.from(error, "invalid-option", { processed: "no" });
    }
    left = refused;
  }
}
