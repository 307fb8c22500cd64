/**
 * The thread that an {@linkcode Alarm} sleeps in: the system's own sleep is
 * exact to some 0.1 ms, the timers of the event loop to 1 or 2 ms.
 *
 * @module
 */

/** What the thread and its owner share. */
export class SharedSleep {
  /** The memory itself, to hand over. */
  readonly memory: SharedArrayBuffer;
  /** Counts the sleeps that were asked for. */
  readonly asked: Int32Array;
  /** How long the last of them is, in milliseconds. */
  readonly ms: Float64Array;

  /** Uses the memory of another one. */
  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(16)) {
    this.memory = memory;
    this.asked = new Int32Array(memory, 0, 1);
    this.ms = new Float64Array(memory, 8, 1);
  }
}

/** As much of a worker's own scope as is used here. */
const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<SharedArrayBuffer>) => void;
  postMessage(message: number): void;
};

// On the main thread this is a module like any other.
if (typeof (globalThis as { WorkerGlobalScope?: unknown }).WorkerGlobalScope === "function") {
  scope.onmessage = ({ data }) => {
    const { asked, ms } = new SharedSleep(data);
    for (let seen = 0;;) {
      Atomics.wait(asked, 0, seen);
      seen = Atomics.load(asked, 0);
      Atomics.wait(asked, 0, seen, ms[0]);
      scope.postMessage(seen);
    }
  };
}
