/**
 * Calling somebody who only looks.
 *
 * @module
 */

/** Calls `look` with `seen`; what it throws, and a promise of it that fails, is ignored: it is no part of the work. */
export function looking<Seen extends unknown[]>(look: (...seen: Seen) => unknown, ...seen: Seen): void {
  try {
    const result = look(...seen);
    if (result instanceof Promise) result.catch(() => {});
  } catch {
    // Whoever looks can't break what it looks at.
  }
}
