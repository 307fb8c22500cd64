/**
 * Rendezvous hashing: the same key goes to the same place, and when a place
 * comes or goes only its own keys move.
 *
 * D. Thaler and C. Ravishankar, "A Name-Based Mapping Scheme for Rendezvous",
 * 1996.
 *
 * @module
 */

/** A number for a text, of 32 bits (FNV-1a, with the finish of MurmurHash3 so that near texts are far apart). */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return mixed(hash);
}

/** How much a key belongs to a place, both given by their hashes: the place with the highest gets it. */
export function affinity(key: number, place: number): number {
  return mixed(key ^ Math.imul(place, 0x9e3779b1)) >>> 0;
}

function mixed(hash: number): number {
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
