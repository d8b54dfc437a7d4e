/**
 * Three clients add to one number under all faults.
 */
import { FaultPlan, Invariant, Simulation } from "@coterie/testkit"
import { Effect } from "effect"
import * as Disk from "../Disk.ts"
import * as Wire from "../Wire.ts"
import * as Client from "./Client.ts"
import * as LockServer from "./LockServer.ts"
import type * as Protocol from "./Protocol.ts"
import * as Store from "./Store.ts"

export const lock = (mistake?: Protocol.Mistake) =>
  Simulation.scenario(
    `a lock${mistake === undefined ? "" : ` with a mistake: ${mistake}`}`,
    { faults: FaultPlan.swarm, describe: Wire.describe },
    (sim) =>
      Effect.gen(function* () {
        const leases = Disk.memory(0)
        const numbers = Disk.memory(Store.empty)
        yield* sim.nodes(["lock"], () => LockServer.layer({ disk: leases, mistake }))
        yield* sim.nodes(["store"], () => Store.layer({ disk: numbers, mistake }))
        const clients = Object.values(
          yield* sim.nodes(["ann", "ben", "cat"], () => Client.layer({ lock: "lock", store: "store", mistake })),
        )

        let added = 0
        yield* Invariant.always("at most one client holds the lease", () => {
          const holders = clients.filter((client) => client.service(Client.Client)?.holds())
          return holders.length <= 1 || `${holders.map(({ name }) => name).join(" and ")} do`
        })
        yield* Invariant.always("the store has every acknowledged addition", () => {
          const { value } = numbers.look()
          return value >= added || `${added} additions were acknowledged, and the store has ${value}`
        })
        yield* Invariant.eventually("a client adds one", () => added > 0, { within: "5 minutes" })
        yield* Invariant.sometimes("a client loses its lease")

        for (const client of clients) {
          yield* Effect.flatMap(Client.Client, ({ increment }) => increment).pipe(
            client.run,
            Effect.tap(() => Effect.sync(() => added++)),
            Effect.tapErrorTag("LeaseLost", () => Invariant.reached("a client loses its lease")),
            Effect.ignore,
            Effect.andThen(Effect.sleep("100 millis")),
            Effect.forever,
            Effect.forkScoped,
          )
        }

        yield* Effect.sleep("2 minutes")
        const before = added
        yield* sim.converges(() => added > before || "no client gets the lease any more")
      }),
  )
