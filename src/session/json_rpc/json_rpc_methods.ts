/**
 * The methods of the protocol's own, all of which begin with `$/`, as the
 * Language Server Protocol reserves them.
 *
 * @module
 */

/** Gives up a call. */
export const cancelMethod = "$/cancelRequest";

/** A request that asks for a sign of life. */
export const pingMethod = "$/ping";

/** Says that this end makes no new calls and wants none. */
export const goawayMethod = "$/goaway";

/** What is said of streams. */
export const StreamMethod = {
  /** A call that a stream follows. */
  call: "$/stream/call",
  /** One item, from the sender. */
  item: "$/stream/item",
  /** The end, from the sender. */
  end: "$/stream/end",
  /** Leave to send more, from the receiver. */
  credit: "$/stream/credit",
  /** No more is wanted, from the receiver. */
  cancel: "$/stream/cancel",
} as const;
