/**
 * Objects that stand in for a `Request` or a `Response` of the platform and
 * have it made when it is needed.
 *
 * The platform's own take more time to make, to fill and to read than all the
 * rest of a call. What is asked for most is answered by the stand-in; for all
 * else the platform's object is made, once, and answers itself.
 *
 * @module
 */

/**
 * Makes a class stand in for a class of the platform: `instanceof` holds, what
 * it does not define itself goes to the platform's methods, and where those
 * look for their own parts they find the ones of `real(it)`. `sample` is any
 * instance of the platform's.
 */
export function standInFor<Own extends object, Platform extends object>(
  own: { readonly prototype: Own },
  platform: { readonly prototype: Platform },
  sample: Platform,
  real: (standIn: Own) => Platform,
): void {
  const { prototype } = own;
  Object.setPrototypeOf(prototype, platform.prototype);
  Object.defineProperty(prototype, "constructor", { value: platform });
  for (const key of Object.getOwnPropertySymbols(sample)) {
    Object.defineProperty(prototype, key, {
      get(this: Own): unknown {
        return Reflect.get(real(this), key);
      },
      set(this: Own, value: unknown): void {
        Reflect.set(real(this), key, value);
      },
    });
  }
}
