/**
 * Replacement of the time, the random numbers and the timers of the platform by those of the simulation, only while the
 * loop runs. Programs that do not take them from Effect are thereby simulated as well.
 */
import { withFiberIds } from "./fiberIds.ts"
import { replacements, type Source } from "./replacements.ts"

let replaced = false

/** Returns `true` while the globals are replaced, which means that the caller is inside a simulation. */
export const areReplaced = (): boolean => replaced

interface Installed {
  readonly target: object
  readonly key: string
  readonly before: PropertyDescriptor | undefined
}

/** Runs the function with replaced globals. Restores the globals afterwards, also if the function throws. */
export const replacedBy = <A>(source: Source, run: () => A): A => {
  const installed: Array<Installed> = []
  try {
    for (const { key, target, value } of replacements(source)) {
      const before = Object.getOwnPropertyDescriptor(target, key)
      const enumerable = before?.enumerable ?? true
      Object.defineProperty(target, key, { value, writable: true, configurable: true, enumerable })
      installed.push({ target, key, before })
    }
    replaced = true
    return withFiberIds(source.fiberId, run)
  } finally {
    replaced = false
    for (const { before, key, target } of installed.reverse()) {
      if (before === undefined) Reflect.deleteProperty(target, key)
      else Object.defineProperty(target, key, before)
    }
  }
}
