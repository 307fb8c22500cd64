/**
 * The error of a command line that can't be used.
 *
 * @module
 */

/** A command line that can't be used; its message is for whoever typed it. */
export class UsageError extends Error {}
