/**
 * Runners as processes over PostgreSQL, which are killed, stopped and restarted. The processes live through all steps of
 * a test, because a start takes seconds.
 */
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Postgres from "../../../../examples/support/Postgres.ts"
import { given } from "./given.ts"
import type * as Protocol from "./Protocol.ts"
import * as Runners from "./Runners.ts"

/** Lease of the locks, instead of 35 seconds. */
const shardLockExpiration = 10_000

const entities = Array.from({ length: 24 }, (_, i) => `e${i}`)

/** Makes a function that starts a runner with a name. */
const starter =
  (database: Postgres.Database, prefix: string) =>
  (name: string, seeds: ReadonlyArray<Runners.Runner>, mode: Protocol.Options["mode"] = "coterie") =>
    Runners.start({
      name,
      mode,
      prefix,
      database,
      seeds: seeds.map(({ address }) => address),
      sharding: { shardLockExpiration },
    })

type Start = ReturnType<typeof starter>

/** Starts runners, and waits until each of them has entities. */
const startAll = Effect.fnUntraced(function* (start: Start, names: ReadonlyArray<string>) {
  const [first = "", ...rest] = names
  const seed = yield* start(first, [])
  const others = yield* Effect.forEach(rest, (name) => start(name, [seed]), { concurrency: "unbounded" })
  const runners = [seed, ...others]
  yield* spread(runners)
  return runners
})

/** Waits until each runner has entities and all agree where they are. */
const spread = (runners: ReadonlyArray<Runners.Runner>) =>
  Runners.untilAgreed(runners, entities, (nodes) => runners.every(({ name }) => nodes.includes(name)))

/** Waits until the runners agree that these have all entities. */
const served = (runners: ReadonlyArray<Runners.Runner>) =>
  Runners.untilAgreed(runners, entities, (nodes) => nodes.every((node) => runners.some(({ name }) => name === node)))

const without = (runners: ReadonlyArray<Runners.Runner>, one: Runners.Runner) =>
  runners.filter((runner) => runner !== one)

describe("runners over PostgreSQL", () => {
  given("entities of a killed runner answer on others before its lease ends, whichever runner is killed", (database) =>
    Effect.gen(function* () {
      const start = starter(database, "killed")
      let runners = yield* startAll(start, ["a", "b", "c"])
      for (const isHolder of [false, true]) {
        const holder = yield* Runners.holder(runners)
        const victim = isHolder ? holder : (without(runners, holder)[0] ?? holder)
        const rest = without(runners, victim)
        const killed = Runners.now()
        yield* victim.kill
        yield* served(rest)
        // Without a responder, the lease decides if the holder is killed.
        assert.isBelow(Runners.now() - killed, shardLockExpiration - 2_000)
        runners = [...rest, yield* start(victim.name, rest)]
        yield* spread(runners)
      }

      // Of two runners, the one that remains has lost as many as it reaches.
      const [first, second, third] = runners
      if (first === undefined || second === undefined || third === undefined) return assert.fail()
      yield* third.stop
      yield* spread([first, second])
      const killed = Runners.now()
      yield* second.kill
      yield* served([first])
      assert.isBelow(Runners.now() - killed, shardLockExpiration - 2_000)
    }),
  )

  given(
    "entities of a stopped process answer on others after its lease, and it serves nothing else afterwards",
    (database) =>
      Effect.gen(function* () {
        const runners = yield* startAll(starter(database, "stopped"), ["a", "b", "c"])
        const [victim] = runners
        if (victim === undefined) return assert.fail()
        const rest = without(runners, victim)
        const stopped = Runners.now()
        yield* victim.freeze
        yield* served(rest)
        // A third of the lease may have passed since the last refresh. Locks that are given away before are a fault.
        assert.isAtLeast(Runners.now() - stopped, (shardLockExpiration * 2) / 3 - 500)
        yield* victim.thaw
        yield* spread(runners)
      }),
  )

  given("a rolling restart loses no persisted request, which a peer without entities makes", (database) =>
    Effect.gen(function* () {
      const start = starter(database, "rolling")
      let runners = yield* startAll(start, ["a", "b", "c"])
      const client = yield* start("client", runners, "client")
      const all: Array<Runners.Runner> = [...runners]
      const deposits: Array<string> = []
      const outcomes: Array<Effect.Success<ReturnType<typeof Runners.deposit>>["outcome"]> = []
      const talk = Effect.gen(function* () {
        for (let i = 0; ; i++) {
          deposits.push(`d${i}`)
          outcomes.push((yield* Runners.deposit(client, entities[i % entities.length] ?? "", `d${i}`)).outcome)
          yield* Effect.sleep("50 millis")
        }
      })
      const talking = yield* Effect.forkScoped(talk)
      for (const old of runners) {
        yield* old.stop
        const rest = without(runners, old)
        const again = yield* start(old.name, rest)
        all.push(again)
        runners = [...rest, again]
        yield* spread(runners)
      }
      talking.interruptUnsafe()
      const results = yield* Effect.all(outcomes, { concurrency: "unbounded" })
      for (const { deposit, result } of results) assert.include(["a", "b", "c"], result, deposit)
      const carriedOut = all.flatMap(Runners.carriedOut)
      assert.isAbove(deposits.length, 10)
      for (const { deposit } of results) assert.include(carriedOut, deposit)
    }),
  )
})
