/**
 * Runners as processes over PostgreSQL, which are killed, stopped and restarted. Without PostgreSQL the tests are
 * skipped and say why. `pnpm test:runners` does the same with the default lease.
 */
import { assert, describe, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Postgres from "../../../../examples/support/Postgres.ts"
import * as Failover from "./failover.ts"
import * as Fleet from "./Fleet.ts"
import * as Runners from "./Runners.ts"

/** Lease of the locks in milliseconds, instead of 35 seconds. */
const lease = 5_000

const timeout = 240_000

const title = "runners over PostgreSQL"
if (Postgres.missing !== undefined) console.warn(`not tested: ${title}: ${Postgres.missing}`)

const skipped = Postgres.missing === undefined ? title : `${title} (skipped: ${Postgres.missing})`
describe.skipIf(Postgres.missing !== undefined)(skipped, () => {
  layer(Fleet.Database.layer, { excludeTestServices: true, timeout })((it) => {
    it.layer(Fleet.layer(["a", "b", "c"], { shardLockExpiration: lease }), {
      timeout,
    })((it) => {
      it.effect(
        "answer for a killed runner, which its peers have marked",
        () =>
          Effect.gen(function* () {
            const { runners, start } = yield* Fleet.Fleet
            const holder = yield* Runners.holder(runners())
            const victim = runners().find((runner) => runner !== holder) ?? holder
            yield* Failover.kill(victim)
            yield* start(victim.name)
            yield* Fleet.spread(runners())
          }),
        timeout,
      )

      it.effect(
        "answer for a killed runner that was the one to check the health of the others",
        () =>
          Effect.gen(function* () {
            const { runners, start } = yield* Fleet.Fleet
            const holder = yield* Runners.holder(runners())
            yield* Failover.kill(holder)
            yield* start(holder.name)
            yield* Fleet.spread(runners())
          }),
        timeout,
      )

      it.effect(
        "answer for a process that stands still, and not before its lease has ended",
        () => Failover.freeze(lease),
        timeout,
      )

      it.effect(
        "lose no persisted request in a rolling restart, which a peer without entities makes",
        () =>
          Effect.gen(function* () {
            const { remove, runners, start } = yield* Fleet.Fleet
            const client = yield* start("client", "client")
            const all = [...runners()]
            const outcomes: Array<Effect.Success<ReturnType<typeof Runners.deposit>>["outcome"]> = []
            const talk = Effect.gen(function* () {
              while (true) {
                const entity = Fleet.entities[outcomes.length % Fleet.entities.length] ?? ""
                outcomes.push((yield* Runners.deposit(client, entity, `d${outcomes.length}`)).outcome)
                yield* Effect.sleep("200 millis")
              }
            })
            const talking = yield* Effect.forkScoped(talk)
            for (const old of runners()) {
              remove(old)
              yield* old.stop
              all.push(yield* start(old.name))
              yield* Fleet.spread(runners())
            }
            talking.interruptUnsafe()
            const results = yield* Effect.all(outcomes, { concurrency: "unbounded" })
            const carriedOut = all.flatMap(Runners.carriedOut)
            for (const { deposit, result } of results) {
              assert.include(["a", "b", "c"], result, deposit)
              assert.include(carriedOut, deposit)
            }
            assert.isAbove(results.length, 3)
          }),
        timeout,
      )

      it.effect(
        "answer for one of two, when the other has lost as many as it reaches",
        () =>
          Effect.gen(function* () {
            const { remove, runners } = yield* Fleet.Fleet
            const [first, second, third] = runners()
            if (first === undefined || second === undefined || third === undefined) return assert.fail()
            remove(third)
            yield* third.stop
            yield* Fleet.spread(runners())
            yield* Failover.kill(second)
          }),
        timeout,
      )
    })

    // On a busy machine the peers may need longer than a short lease to mark a runner.
    it.layer(Fleet.layer(["a", "b"], { shardLockExpiration: 60_000 }, "responder"), {
      timeout,
    })((it) => {
      it.effect(
        "answer over Effect's own sockets for a killed runner, which its peers have marked",
        () =>
          Effect.gen(function* () {
            const { runners } = yield* Fleet.Fleet
            yield* Failover.kill(yield* Runners.holder(runners()))
          }),
        timeout,
      )
    })
  })
})
