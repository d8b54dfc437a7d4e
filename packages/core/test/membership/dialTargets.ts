/** Peers that a node wants to dial, all together. A node itself looks at those that a step changed. */
import * as State from "../../src/membership/State.ts"

/** Returns all peers that should have a link and have none, by name. */
export const dialTargets = (state: State.State): ReadonlyMap<string, State.DialTarget> => {
  const result = new Map<string, State.DialTarget>()
  for (const names of [state.members.keys(), state.candidates.keys(), [state.self.name]]) {
    for (const name of names) {
      const target = State.dialTarget(state, name)
      if (target !== undefined) result.set(name, target)
    }
  }
  return result
}
