/** All peers that a node should dial. A node itself visits only the peers that a step changed. */
import * as State from "../../src/membership/State.ts"

/** Returns all peers that have no link and should have one, by name. */
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
