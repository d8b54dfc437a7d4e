import { NodeFileSystem } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as KeyValueStore from "effect/persistence/KeyValueStore"
import * as FaultPlan from "../src/FaultPlan.ts"
import * as Seeds from "../src/Seeds.ts"
import * as SimDisk from "../src/SimDisk.ts"
import * as SimNetwork from "../src/SimNetwork.ts"
import * as Simulation from "../src/Simulation.ts"
import * as Swarm from "../src/Swarm.ts"
import * as VirtualTime from "../src/VirtualTime.ts"
import { contract } from "./disk/contract.ts"
import { at, run } from "./run/world.ts"

describe("the contract of file systems, on Node", () => {
  for (const [name, test] of Object.entries(contract)) {
    it.live(name, () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        yield* test(yield* fs.makeTempDirectoryScoped())
      }).pipe(Effect.scoped, Effect.provide(NodeFileSystem.layer)),
    )
  }
})

describe("the contract of file systems, simulated", () => {
  for (const [name, test] of Object.entries(contract)) {
    it.live(name, () =>
      run((sim) =>
        Effect.gen(function* () {
          const { a } = yield* sim.nodes(["a"], () => SimDisk.layer())
          yield* a.run(
            Effect.gen(function* () {
              yield* (yield* FileSystem.FileSystem).makeDirectory("/root")
              yield* test("/root")
            }),
          )
        }),
      ),
    )
  }
})

/** Starts a node with a disk, and makes functions that use its files. */
const node = (sim: Simulation.Sim) =>
  Effect.gen(function* () {
    const { a } = yield* sim.nodes(["a"], () => SimDisk.layer())
    const use = <A, E>(f: (fs: FileSystem.FileSystem) => Effect.Effect<A, E>) =>
      a.run(Effect.flatMap(FileSystem.FileSystem, f))
    return {
      a,
      use,
      write: (path: string, text: string) => use((fs) => fs.writeFileString(path, text)),
      /** Writes and synchronizes a file. */
      save: (path: string, text: string) =>
        use((fs) =>
          Effect.scoped(
            Effect.gen(function* () {
              const file = yield* fs.open(path, { flag: "w" })
              yield* file.writeAll(new TextEncoder().encode(text))
              yield* file.sync
            }),
          ),
        ),
      read: (path: string) => use((fs) => Effect.orElseSucceed(fs.readFileString(path), () => undefined)),
      powerCycle: Effect.andThen(a.powerOff, a.restart),
    }
  })

const under = (disk: (typeof FaultPlan.Disk)["Encoded"], body: Simulation.Scenario["body"], seed = 1) =>
  Simulation.run(Simulation.scenario("a disk", { faults: { disk } }, body), { seed })

describe("a loss of power", () => {
  it.live("loses nothing without a condition, and a killed process loses nothing at all", () =>
    Effect.gen(function* () {
      const keeps = (how: "powerOff" | "crash" | "stop") => (sim: Simulation.Sim) =>
        Effect.gen(function* () {
          const { a, read, write } = yield* node(sim)
          yield* write("/file", "text")
          yield* a[how]
          yield* a.restart
          assert.strictEqual(yield* read("/file"), "text")
        })
      yield* run(keeps("powerOff"))
      for (const how of ["crash", "stop"] as const) yield* under({ lost: 1 }, keeps(how))
    }),
  )

  it.live("keeps what was synchronized, and loses other writes and names", () =>
    under({ lost: 1 }, (sim) =>
      Effect.gen(function* () {
        const { powerCycle, read, save, use, write } = yield* node(sim)
        yield* save("/kept", "synchronized")
        yield* write("/kept", "changed")
        yield* write("/lost", "text")
        yield* powerCycle
        assert.deepStrictEqual([yield* read("/kept"), yield* read("/lost")], ["synchronized", undefined])
        yield* use((fs) => fs.rename("/kept", "/renamed"))
        yield* save("/other", "its name carries the others along")
        yield* powerCycle
        assert.deepStrictEqual([yield* read("/kept"), yield* read("/renamed")], [undefined, "synchronized"])
      }),
    ),
  )

  it.live("can leave a renamed file empty whose content was not synchronized", () =>
    under({ lost: 1 }, (sim) =>
      Effect.gen(function* () {
        const { powerCycle, read, save, use, write } = yield* node(sim)
        yield* save("/state", "old")
        yield* write("/state.new", "new")
        yield* use((fs) => fs.rename("/state.new", "/state"))
        yield* save("/other", "")
        yield* powerCycle
        assert.strictEqual(yield* read("/state"), "")
      }),
    ),
  )

  it.live("tears writes: some first bytes remain", () =>
    Effect.gen(function* () {
      const lengths = new Set<number>()
      for (let seed = 1; seed <= 10; seed++) {
        const report = yield* under(
          { torn: 1 },
          (sim) =>
            Effect.gen(function* () {
              const { powerCycle, read, save, write } = yield* node(sim)
              yield* save("/file", "")
              yield* write("/file", "0123456789")
              yield* powerCycle
              const content = (yield* read("/file")) ?? ""
              assert.isTrue("0123456789".startsWith(content))
              lengths.add(content.length)
            }),
          seed,
        )
        assert.deepStrictEqual(report.faultsFired["diskTorn"], 1)
      }
      assert.isTrue([...lengths].every((length) => length > 0 && length < 10))
      assert.isAbove(lengths.size, 3)
    }),
  )

  it.live("keeps what is older than thirty seconds", () =>
    under({ lost: 1 }, (sim) =>
      Effect.gen(function* () {
        const { powerCycle, read, write } = yield* node(sim)
        yield* write("/old", "text")
        yield* at(sim, 31)
        yield* write("/young", "text")
        yield* powerCycle
        assert.deepStrictEqual([yield* read("/old"), yield* read("/young")], ["text", undefined])
      }),
    ),
  )

  it.live("loses values of the key-value store, which are not synchronized", () =>
    under({ lost: 1 }, (sim) =>
      Effect.gen(function* () {
        const { a } = yield* sim.nodes(["a"], () => SimDisk.layerKeyValueStore())
        const get = a.run(Effect.flatMap(KeyValueStore.KeyValueStore, (store) => store.get("key")))
        yield* a.run(Effect.flatMap(KeyValueStore.KeyValueStore, (store) => store.set("key", "value")))
        yield* a.crash
        yield* a.restart
        assert.strictEqual(yield* get, "value")
        yield* at(sim, 31)
        yield* a.run(Effect.flatMap(KeyValueStore.KeyValueStore, (store) => store.set("key", "changed")))
        yield* a.powerOff
        yield* a.restart
        assert.notStrictEqual(yield* get, "changed")
      }),
    ),
  )

  it.live("ends with the faults of the plan: a healed disk keeps everything", () =>
    under({ lost: 1 }, (sim) =>
      Effect.gen(function* () {
        const { powerCycle, read, write } = yield* node(sim)
        yield* sim.converges(() => true)
        yield* write("/file", "text")
        yield* powerCycle
        assert.strictEqual(yield* read("/file"), "text")
      }),
    ),
  )
})

describe("a full disk", () => {
  const faults: FaultPlan.Input = { timeline: [{ kind: "diskFull", at: "1 second", for: "2 seconds", node: "a" }] }

  it.live("fails with ENOSPC until the fault is over, and leaves a file empty that was to be replaced", () =>
    Effect.gen(function* () {
      const report = yield* run(
        (sim) =>
          Effect.gen(function* () {
            const { read, save, use, write } = yield* node(sim)
            yield* save("/file", "content")
            yield* at(sim, 1.5)
            const error = yield* Effect.flip(write("/file", "replaced"))
            assert(error._tag === "PlatformError" && error.reason._tag === "Unknown")
            assert.strictEqual((error.reason.cause as { readonly code?: string }).code, "ENOSPC")
            assert.deepStrictEqual([error.reason.method, error.reason.syscall], ["writeFile", "write"])
            assert.strictEqual(yield* read("/file"), "")
            yield* Effect.flip(write("/new", ""))
            yield* Effect.flip(use((fs) => fs.makeDirectory("/directory")))
            yield* at(sim, 3.5)
            yield* write("/new", "text")
            assert.strictEqual(yield* read("/new"), "text")
          }),
        { faults },
      )
      assert.deepStrictEqual(report.faultsFired["diskFull"], 1)
    }),
  )

  it.live("does not occur on a node without a disk", () =>
    Effect.gen(function* () {
      const report = yield* run(
        (sim) =>
          Effect.andThen(
            sim.nodes(["a"], () => Layer.empty),
            at(sim, 5),
          ),
        { faults },
      )
      assert.isUndefined(report.faultsFired["diskFull"])
    }),
  )
})

describe("a swarm", () => {
  /** Counter that stores its value in a file, with or without synchronization, and acknowledges each increment. */
  const counter = (isCareful: boolean) =>
    Simulation.scenario("a counter on a disk", { faults: FaultPlan.swarmWithDisks }, (sim) =>
      Effect.gen(function* () {
        const { a, read, save, use, write } = yield* node(sim)
        let acknowledged = 0
        const increment = Effect.gen(function* () {
          const next = String(acknowledged + 1)
          yield* isCareful ? save("/count.new", next) : write("/count.new", next)
          yield* use((fs) => fs.rename("/count.new", "/count"))
          // The name is durable with the next synchronization.
          if (isCareful) yield* save("/sync", "")
          acknowledged++
        })
        yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.ignore(increment), Effect.sleep("200 millis"))))
        yield* Effect.sleep("1 minute")
        yield* sim.converges(() => a.state === "running")
        const stored = Number((yield* read("/count")) ?? 0)
        if (stored < acknowledged - 1) {
          return yield* Effect.fail(new Error(`${acknowledged} increments were acknowledged, and ${stored} are stored`))
        }
      }),
    )

  const search = (isCareful: boolean, seeds: number) =>
    Effect.gen(function* () {
      const range = yield* Effect.fromResult(Seeds.make(1, seeds))
      return yield* Swarm.run(counter(isCareful), Seeds.iterate(range), { stopAfter: 1 })
    })

  it.live("finds a program that does not synchronize its file, and shrinks the failure to the loss of power", () =>
    Effect.gen(function* () {
      const { failures } = yield* search(false, 60)
      const [found] = failures
      assert(found?.failure._tag === "ScenarioFailed", found?.failure.message)
      const { sentences = [] } = found.artifact
      assert.isTrue(
        sentences.some((sentence) => /loses power/.test(sentence)),
        sentences.join("\n"),
      )
      assert.isTrue(
        sentences.some((sentence) => /a loses a write|a keeps only|a loses the last/.test(sentence)),
        sentences.join("\n"),
      )
      const { deviations, explore, network, seed, timeline } = found.artifact
      const replay = { deviations, network, timeline }
      const again = yield* Effect.flip(Simulation.run(counter(false), { seed, explore, replay }))
      assert.strictEqual(again._tag, "ScenarioFailed")
    }),
  )

  it.live("finds nothing in a program that synchronizes it", () =>
    Effect.gen(function* () {
      const { failures } = yield* search(true, 60)
      assert.deepStrictEqual(
        failures.map(({ failure }) => failure.message),
        [],
      )
    }),
  )
})

it.effect("a disk also serves a network of a test, and keeps its files for the next process", () =>
  Effect.gen(function* () {
    const network = yield* SimNetwork.make()
    const disk = Layer.provide(SimDisk.layer(), network.host("a"))
    const use = <A, E>(f: (fs: FileSystem.FileSystem) => Effect.Effect<A, E>) =>
      Effect.provide(Effect.flatMap(FileSystem.FileSystem, f), disk)
    yield* use((fs) => fs.writeFileString("/file", "text"))
    yield* network.crash("a", { silent: true })
    assert.strictEqual(yield* use((fs) => fs.readFileString("/file")), "text")
    const error = yield* Effect.flip(use((fs) => fs.chmod("/file", 0)))
    assert.include(error.message, "SimDisk does not simulate chmod")
  }).pipe(Effect.scoped, VirtualTime.flow),
)
