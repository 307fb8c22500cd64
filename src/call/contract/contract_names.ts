/**
 * What the methods of a contract are called on the wire.
 *
 * @module
 */

/** A method as it is called on the wire: `orders.place`, `orders.v2.place`. */
export function wireName({ name, version }: { name: string; version: number }, method: string): string {
  return version === 1 ? `${name}.${method}` : `${name}.v${version}.${method}`;
}
