/**
 * Which encoding a body is sent in: RFC 9110, section 12.5.3.
 *
 * @module
 */

/**
 * An encoding of a body, by the name that HTTP gives it.
 *
 * @example
 * ```ts
 * import { contentEncoding, type ContentCoding } from "@wireway/wireway";
 * const codings: ContentCoding[] = ["gzip"];
 * contentEncoding({ codings });
 * ```
 */
export type ContentCoding = "br" | "gzip" | "deflate";

/** All of them, the best first. */
export const contentCodings: readonly ContentCoding[] = ["br", "gzip", "deflate"];

/** What a field says about one coding. */
interface Preference {
  readonly coding: string;
  readonly quality: number;
}

/** The preferences of an Accept-Encoding field; what can't be read is left out. */
function preferencesOf(field: string): Preference[] {
  const preferences: Preference[] = [];
  for (const member of field.split(",")) {
    const [name, ...parameters] = member.split(";").map((part) => part.trim().toLowerCase());
    if (name === "") continue;
    const weight = parameters.find((parameter) => parameter.startsWith("q="));
    const quality = weight === undefined
      ? 1
      : /^q=(0(\.\d{0,3})?|1(\.0{0,3})?)$/.test(weight)
      ? Number(weight.slice(2))
      : NaN;
    if (!Number.isNaN(quality)) preferences.push({ coding: name === "x-gzip" ? "gzip" : name, quality });
  }
  return preferences;
}

/**
 * The coding that the far side likes best, of several the first of `offered`;
 * `identity` where it likes none of them, or that one better.
 */
export function chooseCoding(field: string | null, offered: readonly ContentCoding[]): ContentCoding | "identity" {
  if (field === null) return "identity";
  const preferences = preferencesOf(field);
  const qualityOf = (coding: string): number | undefined =>
    preferences.find((preference) => preference.coding === coding)?.quality;
  const others = qualityOf("*");
  // What is not spoken of is allowed, and less welcome than anything that is.
  let best: ContentCoding | "identity" = "identity";
  let highest = qualityOf("identity") ?? 0;
  for (const coding of offered) {
    const quality = qualityOf(coding) ?? others ?? 0;
    if (quality > 0 && quality > highest) {
      best = coding;
      highest = quality;
    } else if (quality > 0 && quality === highest && best === "identity") {
      best = coding;
    }
  }
  return best;
}

/** Types that are worth compressing: text of all kinds, and formats that are not compressed already. */
const compressible =
  /^(text\/|application\/([\w.-]*\+)?(json|xml|javascript|wasm|x-ndjson|jsonl?|graphql|rtf|sql|toml|yaml|x-sh|manifest)\b|application\/(vnd\.ms-fontobject|x-httpd-php|geo\+json|ld\+json)|font\/(otf|ttf)|image\/(svg\+xml|bmp|x-icon|vnd\.microsoft\.icon)|message\/)/i;

/** Whether a body of this type gets smaller. */
export function isCompressible(contentType: string | null): boolean {
  return contentType !== null && compressible.test(contentType);
}

/** Whether the Cache-Control field forbids to change the body. */
export function forbidsTransform(cacheControl: string | null): boolean {
  return cacheControl !== null && /(^|[\s,])no-transform([\s,]|$)/i.test(cacheControl);
}

/** The field with one more name in it, unless that or `*` is there. */
export function withVary(vary: string | null, name: string): string {
  if (vary === null || vary.trim() === "") return name;
  const names = vary.split(",").map((each) => each.trim().toLowerCase());
  return names.includes("*") || names.includes(name.toLowerCase()) ? vary : `${vary}, ${name}`;
}
