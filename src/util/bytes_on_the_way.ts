/**
 * The product of bandwidth and round trip.
 *
 * @module
 */

/** What is on its way in one round trip, in bytes. */
export function bytesOnTheWay(bandwidthBitsPerSecond: number, roundTripMs: number): number {
  return bandwidthBitsPerSecond / 8 * roundTripMs / 1000;
}
