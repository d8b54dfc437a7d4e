/** Mutation tests of presences: the swarm must find the defect of each mutant. Otherwise a check is missing. */
import { findMutants } from "../../../core/test/simulation/findMutants.ts"
import type { Reach } from "../../src/internal/MapObserver.ts"
import { PresenceTable } from "../../src/internal/presence/PresenceTable.ts"
import type { Change } from "../../src/internal/Service.ts"
import { scenario } from "./simulation.ts"

/** Keys leave although the node is isolated. */
class RestlessTable<A> extends PresenceTable<A> {
  override fold(changes: ReadonlyArray<Change<string, A>>, _: Reach, now: number) {
    return super.fold(changes, "synced", now)
  }
}

/** The metas of a node that has failed stay. */
class GhostlyTable<A> extends PresenceTable<A> {
  override fold(changes: ReadonlyArray<Change<string, A>>, reach: Reach, now: number) {
    const kept = changes.filter((change) => change._tag !== "Removed" || change.why !== "failed")
    return super.fold(kept, reach, now)
  }
}

/** Keys whose grace is over are forgotten, and nobody is told. */
class SilentTable<A> extends PresenceTable<A> {
  override tick(now: number) {
    return super.tick(now).slice(1)
  }
}

const mutants = (
  [
    ["keys leave while the node is isolated", 20, 1, <A>(grace: number) => new RestlessTable<A>(grace)],
    ["the keys of a failed node stay", 10, 1, <A>(grace: number) => new GhostlyTable<A>(grace)],
    ["the end of a grace is not told", 5, 2, <A>(grace: number) => new SilentTable<A>(grace)],
  ] as const
).map(([name, within, first, makePresenceTable]) => ({
  name,
  within,
  first,
  scenario: scenario(`mutant: ${name}`, { makePresenceTable }),
}))

findMutants("a mutant of presences is found", mutants)
