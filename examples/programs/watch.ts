import { Cluster } from "@coterie/core"
import { Effect, Stream } from "effect"

/** Runs an effect for each process that is gone, in order. Use `views` for the newest list, which skips lists between. */
export const eachLoss = <E, R>(use: (name: string, generation: number) => Effect.Effect<void, E, R>) =>
  Effect.flatMap(Cluster.Cluster, ({ events }) =>
    Stream.runForEach(events, (event) => {
      // After `Failed` the process may be alive: it comes back with `Recovered`. `Replaced` means that it was restarted.
      if (event._tag === "Left" || event._tag === "Failed") return use(event.peer.name, event.peer.generation)
      return event._tag === "Replaced" ? use(event.old.name, event.old.generation) : Effect.void
    }),
  )
