import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { Runner, RunnerAddress, RunnerStorage, ShardId } from "effect/cluster"
import * as TestClock from "effect/testing/TestClock"
import * as History from "../src/History.ts"
import * as Invariant from "../src/Invariant.ts"
import type * as Simulation from "../src/Simulation.ts"
import * as SimRunnerStorage from "../src/SimRunnerStorage.ts"
import { at, run } from "./run/world.ts"
import { layerAlone, Where } from "./storage/engine.ts"

const names = ["a", "b"] as const
type Name = (typeof names)[number]

const shards = (count: number) => Array.from({ length: count }, (_, i) => ShardId.make("default", i + 1))
const texts = (all: ReadonlyArray<ShardId.ShardId>) => all.map(String)
const addressOf = (name: string) => RunnerAddress.make(name, 1)
const runnerOf = (name: string, address = addressOf(name)) => Runner.make({ address, groups: ["default"], weight: 1 })

/** Starts two nodes with a storage, and makes functions that use the storage in a node. */
const world = (sim: Simulation.Sim, options?: SimRunnerStorage.Options) =>
  Effect.gen(function* () {
    const storage = yield* SimRunnerStorage.make(options)
    const nodes = yield* sim.nodes(names, (name) => storage.layer(name))
    const use = <A, E>(name: Name, f: (storage: RunnerStorage.RunnerStorage["Service"]) => Effect.Effect<A, E>) =>
      nodes[name].run(Effect.flatMap(RunnerStorage.RunnerStorage, f))
    return {
      storage,
      nodes,
      use,
      acquire: (name: Name, count = 2, address: RunnerAddress.RunnerAddress = addressOf(name)) =>
        Effect.map(
          use(name, (storage) => storage.acquire(address, shards(count))),
          texts,
        ),
      refresh: (name: Name, count = 2) =>
        Effect.map(
          use(name, (storage) => storage.refresh(addressOf(name), shards(count))),
          texts,
        ),
      release: (name: Name, shard: number) =>
        use(name, (storage) => storage.release(addressOf(name), ShardId.make("default", shard))),
      releaseAll: (name: Name) => use(name, (storage) => storage.releaseAll(addressOf(name))),
      register: (name: Name) => use(name, (storage) => storage.register(runnerOf(name), true)),
      owners: () =>
        Object.fromEntries([...storage.owners()].map(([shard, all]) => [shard, all.map(({ node }) => node)])),
    }
  })

const both = ["default:1", "default:2"]

describe.each(["advisory", "rows"] as const)("%s locks", (locks) => {
  it.live("belong to the first runner until it releases them", () =>
    run((sim) =>
      Effect.gen(function* () {
        const { acquire, owners, refresh, release, releaseAll } = yield* world(sim, { locks })
        assert.deepStrictEqual(yield* acquire("a"), both)
        assert.deepStrictEqual(yield* acquire("a"), both)
        assert.deepStrictEqual(yield* acquire("b", 3), ["default:3"])
        assert.deepStrictEqual(yield* refresh("b", 3), ["default:3"])
        yield* release("b", 1)
        assert.deepStrictEqual(owners(), { "default:1": ["a"], "default:2": ["a"], "default:3": ["b"] })
        yield* release("a", 1)
        assert.deepStrictEqual(yield* acquire("b"), ["default:1"])
        yield* releaseAll("b")
        assert.deepStrictEqual(owners(), { "default:2": ["a"] })
      }),
    ),
  )

  it.live("are linearizable, with one holder at any time", () =>
    Effect.forEach([1, 2, 3, 4, 5, 6], (seed) => {
      const history = History.make<"acquire" | "release", boolean>()
      return run(
        (sim) =>
          Effect.gen(function* () {
            const { acquire, release } = yield* world(sim, { locks, latency: "20 millis" })
            const client = (name: Name) =>
              Effect.gen(function* () {
                for (let i = 0; i < 10; i++) {
                  const granted = yield* history.call(
                    name,
                    "acquire",
                    Effect.map(acquire(name, 1), ({ length }) => length === 1),
                  )
                  if (granted) yield* history.call(name, "release", Effect.as(release(name, 1), true))
                }
              })
            yield* Effect.all([client("a"), client("b")], { concurrency: 2 })
            assert.deepStrictEqual(History.linearizable(history.calls(), History.lock), [])
          }),
        {},
        { seed },
      )
    }),
  )

  it.live("are free after the expiration when the machine loses its power", () =>
    run((sim) =>
      Effect.gen(function* () {
        const { acquire, nodes } = yield* world(sim, { locks })
        yield* acquire("a")
        yield* nodes.a.powerOff
        yield* at(sim, 34.5)
        assert.deepStrictEqual(yield* acquire("b"), [])
        yield* at(sim, 35.5)
        assert.deepStrictEqual(yield* acquire("b"), both)
      }),
    ),
  )

  it.live("are kept while they are refreshed, and lost by a process that stood still for longer", () =>
    run((sim) =>
      Effect.gen(function* () {
        const { acquire, nodes, owners, refresh } = yield* world(sim, { locks })
        yield* acquire("a")
        for (const seconds of [20, 40, 60]) {
          yield* at(sim, seconds)
          assert.deepStrictEqual(yield* refresh("a"), both)
          assert.deepStrictEqual(yield* acquire("b"), [])
        }
        yield* nodes.a.pause
        yield* at(sim, 100)
        assert.deepStrictEqual(yield* acquire("b"), both)
        yield* nodes.a.resume
        // The session of advisory locks has ended, which a refresh reports once.
        const first = yield* Effect.exit(refresh("a"))
        assert.strictEqual(Exit.isFailure(first), locks === "advisory")
        assert.deepStrictEqual(yield* refresh("a"), [])
        assert.deepStrictEqual(owners(), { "default:1": ["b"], "default:2": ["b"] })
      }),
    ),
  )

  it.live(
    `${locks === "rows" ? "expire one by one" : "live as long as their session"} while others are refreshed`,
    () =>
      run((sim) =>
        Effect.gen(function* () {
          const { acquire, owners, refresh, register, storage } = yield* world(sim, { locks })
          yield* register("a")
          yield* acquire("a")
          for (const seconds of [20, 40]) {
            yield* at(sim, seconds)
            yield* refresh("a", 1)
          }
          assert.deepStrictEqual(Object.keys(owners()), locks === "rows" ? ["default:1"] : both)
          // A refresh of locks renews the registration, too.
          assert.deepStrictEqual(storage.runners(), [{ address: "a:1", healthy: true }])
        }),
      ),
  )

  it.live("are granted twice by the planted mistake, which the invariant names", () =>
    run((sim) =>
      Effect.gen(function* () {
        const { acquire, owners, storage } = yield* world(sim, { locks, mistake: "grantsTwice" })
        yield* acquire("a", 1)
        assert.strictEqual(storage.soleOwners(), true)
        assert.deepStrictEqual(yield* acquire("b", 1), ["default:1"])
        assert.deepStrictEqual(owners(), { "default:1": ["a", "b"] })
        assert.strictEqual(storage.soleOwners(), "default:1 is locked by a (a:1) and b (b:1)")
      }),
    ),
  )
})

describe("advisory locks", () => {
  it.live("are free at once when their process is killed or stops", () =>
    run((sim) =>
      Effect.gen(function* () {
        const { acquire, nodes } = yield* world(sim)
        yield* acquire("a")
        yield* nodes.a.crash
        assert.deepStrictEqual(yield* acquire("b"), both)
        yield* nodes.a.restart
        yield* nodes.b.stop
        assert.deepStrictEqual(yield* acquire("a"), both)
      }),
    ),
  )

  it.live("remain with a session that lost its storage, and a new session of the process does not have them", () =>
    run((sim) =>
      Effect.gen(function* () {
        const { acquire, refresh, storage } = yield* world(sim)
        yield* acquire("a")
        yield* storage.cut("a")
        const error = yield* Effect.flip(refresh("a"))
        assert.include(String(error), "PersistenceError")
        assert.approximately(sim.now() / 1_000_000, 5, 0.1)
        assert.deepStrictEqual(yield* acquire("b"), [])
        yield* storage.restore("a")
        // The storage hears that the old session is over with the next operation.
        assert.deepStrictEqual(yield* refresh("a"), [])
        assert.deepStrictEqual(yield* acquire("b"), both)
      }),
    ),
  )
})

describe("row locks", () => {
  it.live("belong to an address: a killed process has them until they expire, and its successor at once", () =>
    run((sim) =>
      Effect.gen(function* () {
        const { acquire, nodes } = yield* world(sim, { locks: "rows" })
        yield* acquire("a")
        yield* nodes.a.crash
        assert.deepStrictEqual(yield* acquire("b"), [])
        yield* nodes.a.restart
        assert.deepStrictEqual(yield* acquire("a"), both)
      }),
    ),
  )

  it.live("stay with a process whose operation failed, and with its successor alone", () =>
    run((sim) =>
      Effect.gen(function* () {
        const { acquire, nodes, owners, refresh, storage } = yield* world(sim, { locks: "rows" })
        yield* acquire("a")
        yield* storage.failing("a", 1)
        yield* Effect.flip(acquire("a"))
        yield* storage.heal
        assert.deepStrictEqual(yield* refresh("a"), both)
        assert.deepStrictEqual(owners(), { "default:1": ["a"], "default:2": ["a"] })
        yield* nodes.a.powerOff
        yield* nodes.a.restart
        assert.deepStrictEqual(yield* acquire("a"), both)
        assert.strictEqual(storage.soleOwners(), true)
      }),
    ),
  )

  it.live("are shared by two processes with one address, which the invariant names", () =>
    run((sim) =>
      Effect.gen(function* () {
        const { acquire, storage } = yield* world(sim, { locks: "rows" })
        yield* acquire("a", 1)
        assert.deepStrictEqual(yield* acquire("b", 1, addressOf("a")), ["default:1"])
        assert.strictEqual(storage.soleOwners(), "default:1 is locked by a (a:1) and b (a:1)")
      }),
    ),
  )
})

describe("registrations", () => {
  it.live("last until the expiration after the last refresh, and keep their machine id", () =>
    run((sim) =>
      Effect.gen(function* () {
        const { nodes, register, storage, use } = yield* world(sim)
        assert.deepStrictEqual([yield* register("a"), yield* register("b"), yield* register("a")], [1, 2, 1])
        yield* use("a", ({ setRunnerHealth }) => setRunnerHealth(addressOf("b"), false))
        const seen = use("a", ({ getRunners }) => getRunners)
        assert.deepStrictEqual(yield* seen, [
          [runnerOf("a"), true],
          [runnerOf("b"), false],
        ])
        yield* nodes.b.crash
        yield* at(sim, 30)
        yield* use("a", (storage) => storage.refresh(addressOf("a"), []))
        yield* at(sim, 40)
        assert.deepStrictEqual(storage.runners(), [{ address: "a:1", healthy: true }])
        yield* use("a", (storage) => storage.unregister(addressOf("a")))
        assert.deepStrictEqual(yield* seen, [])
        yield* nodes.b.restart
        assert.strictEqual(yield* register("b"), 3)
      }),
    ),
  )

  it.live("are in the history, with the locks", () =>
    run((sim) =>
      Effect.gen(function* () {
        const { acquire, nodes, register, storage } = yield* world(sim, { latency: 0 })
        yield* register("a")
        yield* acquire("a", 1)
        yield* nodes.a.crash
        assert.strictEqual(storage.owners().size, 0)
        assert.deepStrictEqual(
          storage.history().map(({ address, event, node, shard }) => [event, node, address, shard]),
          [
            ["registered", "a", "a:1", undefined],
            ["granted", "a", "a:1", "default:1"],
            ["released", "a", "a:1", "default:1"],
          ],
        )
      }),
    ),
  )
})

describe("faults of the storage", () => {
  it.live("delay operations, and let some fail of which half have taken effect", () =>
    run((sim) =>
      Effect.gen(function* () {
        const { acquire, owners, release, storage } = yield* world(sim, { latency: 0 })
        yield* storage.slow("a", "2 seconds")
        yield* acquire("a", 1)
        assert.strictEqual(sim.now(), 2_000_000)
        yield* storage.heal
        yield* release("a", 1)
        yield* storage.failing("b", 1)
        let effective = 0
        for (let i = 0; i < 200; i++) {
          assert.isTrue(Exit.isFailure(yield* Effect.exit(acquire("b", 1))))
          if ("default:1" in owners()) effective++
        }
        // Each call tries twice, and its last try leaves no lock, because the session is given up at once.
        assert.strictEqual(effective, 0)
        assert.isAbove(storage.history().filter(({ event, node }) => event === "granted" && node === "b").length, 100)
        yield* storage.failing("b", 0)
        assert.deepStrictEqual(yield* acquire("b", 1), ["default:1"])
      }),
    ),
  )

  it.live("reject a probability, a time and a node that are none", () =>
    run((sim) =>
      Effect.gen(function* () {
        const { storage } = yield* world(sim)
        assert.include((yield* Effect.flip(storage.failing("a", 2))).message, "2 is not a probability")
        const unknown = yield* Effect.flip(storage.cut("c"))
        assert.strictEqual(unknown.message, 'no node "c" uses the storage; the nodes are: a, b')
        assert.include((yield* Effect.flip(storage.slow("a", "Infinity"))).message, "not a finite duration")
        const error = yield* Effect.flip(SimRunnerStorage.make({ expiration: "Infinity" }))
        assert.include(error.message, "expiration: Infinity is not a finite duration")
      }),
    ),
  )
})

describe("the engine", () => {
  it.live("hands persisted requests of a killed runner to another one, which answers each once", () =>
    run((sim) =>
      Effect.gen(function* () {
        const storage = yield* SimRunnerStorage.make()
        const handled: Array<string> = []
        const nodes = yield* sim.nodes(names, (name) =>
          layerAlone(name, storage.layer(name), (id) => handled.push(`${name} ${id}`)),
        )
        yield* Invariant.always("no two runners own a shard", storage.soleOwners)
        const owned = () => [...storage.owners().values()].flat().map(({ node }) => node)
        const by = (name: Name) => owned().filter((owner) => owner === name).length
        yield* sim.until("both own shards", () => by("a") + by("b") === 10 && by("a") > 0 && by("b") > 0)
        const ask = (entity: number) =>
          nodes.a.run(
            Effect.flatMap(Where.client, (client) => client(`entity ${entity}`).Ask({ id: `request ${entity}` })),
          )
        const asking = yield* Effect.forkScoped(Effect.forEach([1, 2, 3, 4, 5, 6], ask, { concurrency: "unbounded" }))
        yield* Effect.sleep("500 millis")
        yield* nodes.b.crash
        const answers = yield* Fiber.join(asking)
        assert.deepStrictEqual(
          answers,
          Array.from({ length: 6 }, () => "a"),
        )
        assert.deepStrictEqual(
          handled.toSorted(),
          [1, 2, 3, 4, 5, 6].map((entity) => `a request ${entity}`),
        )
        assert.strictEqual(by("a"), 10)
        assert.strictEqual(yield* ask(3), "a")
        assert.strictEqual(handled.length, 6)
      }),
    ),
  )
})

it.effect("works without a simulation, in the time of TestClock", () =>
  Effect.gen(function* () {
    const storage = yield* SimRunnerStorage.make({ latency: 0 })
    const acquire = (name: string) =>
      Effect.flatMap(RunnerStorage.RunnerStorage, (it) => it.acquire(addressOf(name), shards(1)))
    yield* Effect.gen(function* () {
      assert.deepStrictEqual(texts(yield* acquire("a")), ["default:1"])
      yield* TestClock.adjust("40 seconds")
      assert.deepStrictEqual(texts(yield* Effect.provide(acquire("b"), storage.layer("b"))), ["default:1"])
    }).pipe(Effect.provide(storage.layer("a")))
    assert.strictEqual(storage.owners().size, 0)
  }),
)
