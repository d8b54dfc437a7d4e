/**
 * Loses runners with the default lease of 35 seconds, which takes too long for the tests:
 *
 *     node packages/effect-cluster/test/processes/defaultLease.ts
 *
 * A process that stands still must keep its entities until its lease has ended, and a killed one must not.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Failover from "./failover.ts"
import * as Fleet from "./Fleet.ts"
import * as Runners from "./Runners.ts"

const lease = 35_000

const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(1)} s`

const main = Effect.gen(function* () {
  const { runners, start } = yield* Fleet.Fleet
  yield* Console.log(`SIGSTOP: the entities answer on others after ${seconds(yield* Failover.freeze(lease))}`)
  for (const isHolder of [false, true]) {
    const holder = yield* Runners.holder(runners())
    const victim = isHolder ? holder : (runners().find((runner) => runner !== holder) ?? holder)
    const took = yield* Failover.kill(victim)
    const which = isHolder ? "the runner that checks health" : "another runner"
    yield* Console.log(`SIGKILL of ${which}: the entities answer on others after ${seconds(took)}`)
    yield* start(victim.name)
    yield* Fleet.spread(runners())
  }
})

main.pipe(
  Effect.scoped,
  Effect.provide(Layer.provide(Fleet.layer(["a", "b", "c"], {}), Fleet.Database.layer)),
  NodeRuntime.runMain,
)
