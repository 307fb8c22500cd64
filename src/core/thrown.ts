/**
 * What was thrown, in words.
 *
 * @module
 */

/** What a thrown value says, whatever it is: not every object can be made a text. */
export function textOf(thrown: unknown): string {
  try {
    return thrown instanceof Error ? `${thrown.message}` : String(thrown);
  } catch {
    return `a thrown ${typeof thrown}`;
  }
}
