/**
 * Counts what hangs on an abort signal.
 *
 * @module
 */

/** What was hung on a signal and taken off again. */
export interface SignalSpy {
  /** Listeners added so far. */
  readonly added: number;
  /** Listeners that hang on it now. */
  readonly hanging: number;
}

/** Watches the listeners of one signal. A listener that has run once, and was to, counts as gone. */
export function spyOn(signal: AbortSignal): SignalSpy {
  const hanging = new Set<unknown>();
  const add = signal.addEventListener;
  const remove = signal.removeEventListener;
  let added = 0;
  signal.addEventListener = function (type: string, listener: unknown, options?: unknown): void {
    added++;
    hanging.add(listener);
    add.call(signal, type as "abort", listener as () => void, options as AddEventListenerOptions);
  };
  signal.removeEventListener = function (type: string, listener: unknown): void {
    hanging.delete(listener);
    remove.call(signal, type as "abort", listener as () => void);
  };
  return {
    get added() {
      return added;
    },
    get hanging() {
      return hanging.size;
    },
  };
}
