/**
 * About how many bytes a value takes.
 *
 * @module
 */

const objectBytes = 32;
const fieldBytes = 16;

/**
 * About how many bytes a value takes: two for each character of a text, the
 * length of bytes, and for the rest a guess that counts each field and item.
 * What an object holds twice counts once.
 */
export function sizeOf(value: unknown): number {
  if (typeof value === "string") return 2 * value.length;
  if (value instanceof Uint8Array) return value.byteLength;
  const seen = new Set<object>();
  const rest: unknown[] = [value];
  let bytes = 0;
  while (rest.length > 0) {
    const one = rest.pop();
    if (typeof one === "string") bytes += 2 * one.length;
    else if (typeof one !== "object" || one === null) bytes += 8;
    else if (!seen.has(one)) {
      seen.add(one);
      bytes += objectBytes;
      if (ArrayBuffer.isView(one) || one instanceof ArrayBuffer) {
        bytes += one.byteLength;
        continue;
      }
      for (const part of partsOf(one)) {
        bytes += fieldBytes;
        rest.push(part);
      }
    }
  }
  return bytes;
}

function partsOf(object: object): Iterable<unknown> {
  if (object instanceof Map) return [...object].flat(1);
  if (object instanceof Set || Array.isArray(object)) return object;
  return Object.values(object);
}
