/**
 * Calling somebody who only looks.
 *
 * @module
 */

/** Calls `look`; what it throws, and a promise of it that fails, is ignored: it is no part of the work. */
export function looking(look: () => unknown): void {
  try {
    const result = look();
    if (result instanceof Promise) result.catch(() => {});
  } catch {
    // Whoever looks can't break what it looks at.
  }
}
