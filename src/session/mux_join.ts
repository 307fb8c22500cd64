/**
 * Joins the head and the body of a frame of mux(), for channels that take whole
 * messages only.
 *
 * @module
 */

/**
 * Small frames for channels that take whole messages only are cut from a slab:
 * an array of its own costs more than all the rest of a call.
 */
const slabBytes = 8 * 1024;
let slab = new Uint8Array(0);
let slabUsed = 0;

/** The head and the body as one message. */
export function join(frameHead: Uint8Array, headLength: number, body: Uint8Array): Uint8Array {
  const length = headLength + body.length;
  let message: Uint8Array;
  if (length > slabBytes >> 3) {
    message = new Uint8Array(length);
  } else {
    if (slabUsed + length > slab.length) {
      slab = new Uint8Array(slabBytes);
      slabUsed = 0;
    }
    message = new Uint8Array(slab.buffer, slabUsed, length);
    slabUsed += length;
  }
  for (let i = 0; i < headLength; i++) message[i] = frameHead[i];
  message.set(body, headLength);
  return message;
}
