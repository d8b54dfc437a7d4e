/** Membership loop for tests of the parts around it. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Membership from "../../src/membership/Membership.ts"
import * as Settings from "../../src/membership/Settings.ts"
import * as State from "../../src/membership/State.ts"
import * as MembershipLoop from "../../src/peering/MembershipLoop.ts"
import { recordOf, wall } from "../membership/support.ts"

/** State of a node `a` that has met no peer. */
export const initial: State.State = State.make({
  settings: Settings.defaults,
  self: recordOf("a"),
  now: 0,
  wall,
  seed: 1,
})

/** Creates a loop, and the inputs that it has handled. By default no input changes the state. */
export const makeLoop = Effect.fnUntraced(function* (
  step: MembershipLoop.Options["step"] = (state) => [state, []],
  options: Partial<MembershipLoop.Options> = {},
) {
  const inputs: Array<Membership.Input> = []
  const loop = yield* MembershipLoop.make({
    initial,
    step: (state, now, input) => {
      inputs.push(input)
      return step(state, now, input)
    },
    clock: yield* Clock.Clock,
    capacity: 16,
    share: 64,
    pulse: 1_000,
    ...options,
  })
  return { loop, inputs }
})
