/** Child processes that end with their parent: when a scope closes, or when the parent exits. */
import type { ChildProcess } from "node:child_process"
import { once } from "node:events"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/** Reports whether the process has ended or never started. */
export const hasEnded = (child: ChildProcess): boolean =>
  child.pid === undefined || child.exitCode !== null || child.signalCode !== null

const running = new Set<ChildProcess>()

process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL")
})

/**
 * Starts a child for the scope. The end of the scope releases it, and kills it if it has not ended after the grace
 * time.
 */
export const scoped = <Child extends ChildProcess>(
  spawn: () => Child,
  graceMillis: number,
): Effect.Effect<Child, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawn()
      running.add(child)
      child.once("exit", () => running.delete(child))
      // A child that could not start has no id.
      child.on("error", () => running.delete(child))
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
