/**
 * Writing XML: elements with attributes, all of it escaped.
 *
 * @module
 */

/** The attributes of an element. */
export type Attributes = Record<string, string | number>;

const escapes: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;" };

/** Text as XML has it. Characters that XML has no place for are left out. */
export function escaped(text: string): string {
  // deno-lint-ignore no-control-regex -- these are the characters that are not allowed
  return text.replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, "").replace(/[&<>"']/g, (char) => escapes[char]);
}

/** An element around others that are XML already. */
export function element(name: string, attributes: Attributes, ...children: string[]): string {
  const words = Object.entries(attributes).map(([key, value]) => {
    const text = typeof value === "number" ? String(Math.round(value * 100) / 100) : value;
    return ` ${key}="${escaped(text)}"`;
  }).join("");
  return children.length === 0 ? `<${name}${words}/>` : `<${name}${words}>${children.join("")}</${name}>`;
}

/** An element with text. */
export function textElement(name: string, attributes: Attributes, text: string): string {
  return element(name, attributes, escaped(text));
}
