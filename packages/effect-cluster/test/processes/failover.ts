/** Steps in which a runner of a fleet is lost, for the tests with a short lease and with the default one. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Fleet, served, spread } from "./Fleet.ts"
import * as Runners from "./Runners.ts"

/**
 * Kills a runner and waits until the others have its entities. They must have marked the runner: when only its lease had
 * ended, its flag would be as it was. Returns the time from the signal in milliseconds.
 */
export const kill = Effect.fnUntraced(function* (victim: Runners.Runner) {
  const { isHealthy, remove } = yield* Fleet
  const rest = remove(victim)
  const killed = Runners.now()
  yield* victim.kill
  yield* served(rest)
  const took = Runners.now() - killed
  assert.strictEqual(yield* isHealthy(victim), false)
  return took
})

/**
 * Stops a process and waits until the others have its entities, which must not be before its lease has ended. Then lets
 * it go on, and waits until it serves again.
 */
export const freeze = Effect.fnUntraced(function* (lease: number) {
  const { runners } = yield* Fleet
  const [victim] = runners()
  if (victim === undefined) return assert.fail("there is no runner")
  const stopped = Runners.now()
  yield* victim.freeze
  yield* served(runners().filter((runner) => runner !== victim))
  const took = Runners.now() - stopped
  // The last refresh was up to a third of the lease ago. Locks that are given away before the lease ends are a fault.
  assert.isAtLeast(took, (lease * 2) / 3 - 500)
  yield* victim.thaw
  yield* spread(runners())
  return took
})
