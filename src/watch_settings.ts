/**
 * watchSettings(): settings that follow their file while the program runs.
 *
 * @module
 */

import { type Clock, systemClock } from "./core/clock.ts";
import { TransportError } from "./core/errors.ts";
import { duration, given, readOptions } from "./core/options.ts";
import { readSettingsOptions, type Settings, settingsOf, type SettingsOptions } from "./settings.ts";
import { looking } from "./util/looking.ts";
import {
  applyChanges,
  changesBetween,
  type RestartChange,
  type SettingsChange,
} from "./tuning/config/settings_changes.ts";
import { WatchedFile } from "./tuning/config/watched_file.ts";

export { type ConfigFiles, loadSettings, type NoFileOption, type Settings, type SettingsOptions } from "./settings.ts";
export type { RestartChange, SettingsChange } from "./tuning/config/settings_changes.ts";

/**
 * What came of a change of the file.
 *
 * @example
 * ```ts
 * import type { SettingsEvent } from "@wireway/wireway/settings";
 * const tell = (event: SettingsEvent): void => {
 *   if (event.type === "refused") console.error(event.error.message);
 *   else for (const { path, reason } of event.restart) console.warn(`${path} needs a restart: ${reason}`);
 * };
 * ```
 */
export type SettingsEvent =
  | {
    /** The file is right, and what can be changed while it runs was changed. */
    readonly type: "applied";
    /** What holds now. */
    readonly applied: readonly SettingsChange[];
    /** What holds from the next start on, and why. */
    readonly restart: readonly RestartChange[];
  }
  | {
    /** The file is wrong, or a stage refused what it says: nothing was changed. */
    readonly type: "refused";
    /** What is wrong, and where. */
    readonly error: TransportError;
  };

/**
 * Options of {@linkcode watchSettings}.
 *
 * @example
 * ```ts
 * import { watchSettings, type WatchSettingsOptions } from "@wireway/wireway/settings";
 * const options: WatchSettingsOptions = { pollMs: 5000, onChange: (event) => console.log(event.type) };
 * await using watch = await watchSettings("wireway.jsonc", options);
 * ```
 */
export interface WatchSettingsOptions extends SettingsOptions {
  /** Hears what came of each change. What it throws is ignored. */
  onChange?: (event: SettingsEvent) => void;
  /** Time between looks at the file, in milliseconds; `Infinity` to read it at `reload()` alone. @default {1000} */
  pollMs?: number;
  /** A file that changes is read when it has not changed for so long, in milliseconds. @default {100} */
  settleMs?: number;
  /** Measures the times. @default {systemClock} */
  clock?: Clock;
}

/**
 * Settings that follow their file.
 *
 * @example
 * ```ts
 * import { chain, concurrencyLimit } from "@wireway/wireway";
 * import { type SettingsWatch, watchSettings } from "@wireway/wireway/settings";
 * await using watch: SettingsWatch = await watchSettings("wireway.jsonc");
 * const handler = watch.follow(chain((request: string) => request, concurrencyLimit(watch.settings.concurrencyLimit)));
 * ```
 */
export interface SettingsWatch extends AsyncDisposable {
  /** What the file said when it was last right. */
  readonly settings: Settings;
  /** The settings of the file that need a restart to hold, since the start. */
  readonly needsRestart: readonly RestartChange[];
  /** Has a chain, or a single middleware, follow the file, and returns it. */
  follow<Part extends object>(part: Part): Part;
  /** Has it follow the file no more. */
  unfollow(part: object): void;
  /** Reads the file now, whether it has changed or not: for a signal, say. */
  reload(): Promise<SettingsEvent>;
  /** Watches no more. Resolves when what was under way has ended. */
  stop(): Promise<void>;
}

/**
 * Loads a config file as {@linkcode loadSettings} does, looks at it every
 * `pollMs`, and brings what has changed to the chains that follow it. Calls under
 * way are not disturbed and no connection is dropped.
 *
 * A setting is brought to the stages of its section's name: `pool.max` to each
 * `pool()`. Where a chain has two stages of a name, such as one `timeout()` for
 * each attempt and one for all, follow the one that is meant by itself. All of a
 * change holds, or where a stage refuses a part, none of it. What can't be
 * changed while it is in use, as the port of `tcp()`, is named, and holds from
 * the next start on.
 *
 * A file that is wrong changes nothing and `onChange` hears why; so it is while
 * an editor has it half written, which `settleMs` makes unlikely. A file that is
 * gone is waited for. To watch keeps no process alive.
 *
 * Errors: as for `loadSettings()`, at the beginning.
 *
 * @example
 * ```ts
 * import { chain, mux, pool, tcp, timeout } from "@wireway/wireway";
 * import { watchSettings } from "@wireway/wireway/settings";
 * await using watch = await watchSettings("wireway.jsonc", { onChange: (event) => console.log(event) });
 * const { settings } = watch;
 * await using call = chain(tcp(settings.tcp), mux(), pool(settings.pool), timeout(settings.timeout));
 * watch.follow(call);
 * ```
 */
export async function watchSettings(path: string, options: WatchSettingsOptions = {}): Promise<SettingsWatch> {
  const owner = "watchSettings()";
  const { onChange, pollMs, settleMs, clock, ...rest } = options;
  const own = readOptions(owner, { onChange, pollMs, settleMs, clock }, {
    onChange: given<WatchSettingsOptions["onChange"]>(undefined, "a function"),
    pollMs: duration(1000, 10),
    settleMs: duration(100),
    clock: given<Clock>(systemClock, "an object"),
  });
  const { files, ...reading } = readSettingsOptions(owner, rest);
  const parts = new Set<object>();
  const needed = new Map<string, RestartChange>();
  let running = Promise.resolve<SettingsEvent | undefined>(undefined);

  function take(text: string): SettingsEvent {
    const next = settingsOf(text, path, reading);
    const { applied, restart } = applyChanges(changesBetween(settings, next), parts);
    settings = next;
    for (const { path } of applied) needed.delete(path);
    for (const change of restart) {
      const from = needed.has(change.path) ? needed.get(change.path)!.from : change.from;
      needed.delete(change.path);
      if (changesBetween(from, change.to).length > 0) needed.set(change.path, { ...change, from });
    }
    return { type: "applied", applied, restart };
  }

  async function read(): Promise<SettingsEvent> {
    let event: SettingsEvent;
    try {
      event = take(await files.read(path));
    } catch (error) {
      event = { type: "refused", error: TransportError.from(error, "invalid-option", { processed: "no" }) };
    }
    if (own.onChange !== undefined) looking(own.onChange, event);
    return event;
  }

  /** One after the other, so that the last text read is the one that holds. */
  const reload = (): Promise<SettingsEvent> => {
    const next = running.then(read);
    running = next;
    return next;
  };

  const file = new WatchedFile(path, { ...own, files, changed: reload });
  // What changes while it is read for the first time is seen at the first look.
  await file.begin();
  let settings = settingsOf(await files.read(path), path, reading);
  file.watch();
  const stop = async (): Promise<void> => {
    await file.stop();
    await running;
  };
  return {
    get settings() {
      return settings;
    },
    get needsRestart() {
      return [...needed.values()];
    },
    follow: (part) => {
      parts.add(part);
      return part;
    },
    unfollow: (part) => void parts.delete(part),
    reload,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
