/** The real event loop, as the kernel uses it. Taken when this module is loaded, so before anything is replaced. */
const { setImmediate: realImmediate } = globalThis as { readonly setImmediate?: (run: () => void) => unknown }
const realTimeout = globalThis.setTimeout

/** Calls the function in a turn of its own, after the promise callbacks that are due. */
export const inNextTurn: (run: () => void) => void = realImmediate ?? ((run) => realTimeout(run, 0))

/**
 * Runs the promise callbacks that are due, from inside of the kernel's loop. Node has no public way to do this without a
 * return to its event loop. Where the private way is missing, the callbacks wait and the run ends as stalled.
 */
export const runMicrotasks: () => void = (() => {
  const { process } = globalThis as { readonly process?: { readonly _tickCallback?: unknown } }
  const tick = process?._tickCallback
  return typeof tick === "function" ? () => Reflect.apply(tick, process, []) : () => undefined
})()
