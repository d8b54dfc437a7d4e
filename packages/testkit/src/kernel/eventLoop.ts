/** Real event loop for the kernel. Taken when this module is loaded, so before any global is replaced. */
const { setImmediate: realImmediate } = globalThis as { readonly setImmediate?: (run: () => void) => unknown }
const realTimeout = globalThis.setTimeout

/** Calls the function in a turn of its own, after the promise callbacks that are due. */
export const inNextTurn: (run: () => void) => void = realImmediate ?? ((run) => realTimeout(run, 0))

/**
 * Runs the promise callbacks that are due, from inside the loop of the kernel. Node has no public function that does
 * this without a return to its event loop. On a platform without the private function, the callbacks wait and the run
 * ends as stalled.
 */
export const runMicrotasks: () => void = (() => {
  const { process } = globalThis as { readonly process?: { readonly _tickCallback?: unknown } }
  const tick = process?._tickCallback
  return typeof tick === "function" ? () => Reflect.apply(tick, process, []) : () => undefined
})()
