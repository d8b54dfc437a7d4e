/** Signals that stop, continue and kill a child process. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import * as Child from "../../../../examples/support/Child.ts"

export interface Signals {
  /** Sends SIGKILL and waits for the end. Returns the time before the signal, on the clock of the reports. */
  readonly kill: Effect.Effect<number, Child.ChildFailure>
  /** Sends SIGSTOP. The process stops, and the kernel keeps its sockets open. Returns the time before the signal. */
  readonly freeze: Effect.Effect<number, Child.ChildFailure>
  /** Sends SIGCONT. Returns the time before the signal. */
  readonly thaw: Effect.Effect<number, Child.ChildFailure>
}

const timeout = "60 seconds"

/** Returns the milliseconds on the clock of the reports. */
const now = (): number => Number(process.hrtime.bigint()) / 1e6

/** Makes the signals of a child. The end of the scope kills the child. */
export const make = Effect.fnUntraced(function* (child: Child.Child) {
  const context = yield* Effect.context<Scope.Scope | ChildProcessSpawner>()
  let ended = false
  let guard: Child.Child | undefined

  const kill = Effect.suspend(() => {
    const at = now()
    ended = true
    return Effect.as(child.signal("SIGKILL"), at)
  })
  // A stopped process does not notice the end of its input and would outlive the test. The guard notices the end and
  // continues the process.
  const freeze = Effect.gen(function* () {
    guard = yield* Child.spawnCommand(`the guard of ${child.name}`, "sh", [
      "-c",
      `echo ready; read -r _; kill -CONT ${child.pid}`,
    ])
    yield* guard.expect("that it is there", (line) => (line === "ready" ? line : undefined), { within: timeout })
    const at = now()
    process.kill(child.pid, "SIGSTOP")
    return at
  }).pipe(Effect.provide(context))
  const thaw = Effect.suspend(() => {
    const at = now()
    return guard === undefined ? Effect.succeed(at) : Effect.as(Effect.andThen(guard.hangUp, guard.ended), at)
  })
  // SIGKILL also ends a stopped process.
  yield* Effect.addFinalizer(() => Effect.suspend(() => (ended ? Effect.void : Effect.ignore(kill))))
  const signals: Signals = { kill, freeze, thaw }
  return signals
})
