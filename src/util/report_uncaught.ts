/**
 * What a listener throws, told to whoever looks after the process.
 *
 * @module
 */

/**
 * Reports it as any uncaught error is. For where one bad listener must not keep
 * the others from hearing.
 */
export function reportUncaught(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
