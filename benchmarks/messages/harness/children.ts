/** Children end with their parent, however that ends: by a scope, or else when it exits. */
import type { ChildProcess } from "node:child_process"
import { once } from "node:events"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/** Whether there is no process any more, or never was. */
export const hasEnded = (child: ChildProcess): boolean =>
  child.pid === undefined || child.exitCode !== null || child.signalCode !== null

/** A child until the scope closes. Then it is let go, and killed if it has not ended after the grace. */
export const scoped = <Child extends ChildProcess>(
  spawn: () => Child,
  graceMillis: number,
): Effect.Effect<Child, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawn()
      const kill = () => void child.kill("SIGKILL")
      process.once("exit", kill)
      child.once("exit", () => process.off("exit", kill))
      // That it could not be started shows in that it has no id.
      child.on("error", () => process.off("exit", kill))
      return child
    }),
    (child) => Effect.promise(() => end(child, graceMillis)),
  )

const end = async (child: ChildProcess, graceMillis: number): Promise<void> => {
  if (hasEnded(child)) return
  const ended = once(child, "exit")
  const timer = setTimeout(() => child.kill("SIGKILL"), graceMillis)
  if (child.connected) child.disconnect()
  await ended
  clearTimeout(timer)
}
