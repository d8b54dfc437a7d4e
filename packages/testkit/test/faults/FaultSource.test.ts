import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as FaultPlan from "../../src/FaultPlan.ts"
import * as FaultSource from "../../src/faults/FaultSource.ts"

type Fault = FaultPlan.Fault
type OfKind<K extends Fault["kind"]> = Extract<Fault, { readonly kind: K }>

const swarmOf = (swarm: (typeof FaultPlan.Swarm.Encoded)["swarm"]): FaultPlan.Swarm => {
  const plan = Result.getOrThrow(FaultPlan.decode({ swarm }))
  if (!("swarm" in plan)) throw new Error("it is a swarm")
  return plan
}

/** Every kind, always on. */
const { faults: allFaults, network: allNetwork } = FaultPlan.swarm.swarm
const everything = swarmOf({ off: 0, network: allNetwork, faults: allFaults })
const kinds = Object.keys(allFaults) as ReadonlyArray<keyof typeof allFaults>

const minute = 60_000_000
const names = ["a", "b", "c", "d", "e"]

interface World {
  /** States of the nodes at a time. Defaults to {@link asLeft}. */
  readonly states?: (at: number, taken: ReadonlyArray<Fault>) => ReadonlyArray<FaultSource.NodeState>
  readonly names?: ReadonlyArray<string>
  readonly until?: number
}

const up = (names: ReadonlyArray<string>): ReadonlyArray<FaultSource.NodeState> =>
  names.map((name) => ({ name, state: "up" }))

/** Returns the states of the nodes after the faults: `down` while crashed or stopped, `paused`, or `up`. */
const asLeft = (
  names: ReadonlyArray<string>,
  at: number,
  taken: ReadonlyArray<Fault>,
): ReadonlyArray<FaultSource.NodeState> =>
  names.map((name) => {
    const has = (...kinds: ReadonlyArray<Fault["kind"]>): boolean =>
      taken.some(
        (fault) =>
          kinds.includes(fault.kind) &&
          "for" in fault &&
          "node" in fault &&
          fault.node === name &&
          fault.at + fault.for > at,
      )
    return { name, state: has("crash", "stop") ? "down" : has("pause") ? "paused" : "up" }
  })

/** Takes the faults of a source as a run does. */
const play = (source: FaultSource.FaultSource, world: World = {}): ReadonlyArray<Fault> => {
  const { until = minute } = world
  const states = world.states ?? ((at, taken) => asLeft(world.names ?? names, at, taken))
  const taken: Array<Fault> = []
  for (let at = source.next(0); at !== undefined && at <= until; at = source.next(at)) {
    taken.push(...source.take(at, states(at, taken)))
  }
  return taken
}

const playSeed = (swarm: FaultPlan.Swarm, seed: number, world: World = {}): ReadonlyArray<Fault> =>
  play(FaultSource.drawn(swarm, seed), world)

const seeds = (count: number): ReadonlyArray<number> => Array.from({ length: count }, (_, i) => i + 1)

const ofKind = <K extends Fault["kind"]>(faults: ReadonlyArray<Fault>, kind: K): ReadonlyArray<OfKind<K>> =>
  faults.filter((fault): fault is OfKind<K> => fault.kind === kind)

/** Returns the faults of a swarm with one kind only, over many seeds. */
const only = <K extends keyof FaultPlan.Rates>(
  kind: K,
  rates: NonNullable<(typeof FaultPlan.Rates.Encoded)[K]>,
  world: World & { readonly spare?: number; readonly seeds?: number } = {},
): ReadonlyArray<OfKind<K>> =>
  seeds(world.seeds ?? 20).flatMap((seed) =>
    ofKind(playSeed(swarmOf({ off: 0, spare: world.spare ?? 0, faults: { [kind]: rates } }), seed, world), kind),
  )

const mean = (values: ReadonlyArray<number>): number => values.reduce((a, b) => a + b, 0) / values.length

const seed = Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })))

describe("scripted faults", () => {
  it("occur at the times of the timeline, in the order of time and then of the timeline", () => {
    const crash = (at: number, node: string): Fault => ({ kind: "crash", at, for: 1, node })
    const source = FaultSource.planned({
      timeline: [crash(5, "a"), crash(2, "b"), crash(5, "c"), crash(9, "d"), crash(6, "e")],
    })
    assert.strictEqual(source.next(0), 2)
    assert.deepStrictEqual(source.take(2, []), [crash(2, "b")])
    assert.strictEqual(source.next(2), 5)
    assert.deepStrictEqual(source.take(5, up(["x"])), [crash(5, "a"), crash(5, "c")])
    assert.strictEqual(source.next(5), 6)
    assert.deepStrictEqual(source.take(6, []), [crash(6, "e")])
    assert.strictEqual(source.next(7), 9)
    assert.strictEqual(source.next(30), 30)
    assert.deepStrictEqual(source.take(30, []), [crash(9, "d")])
    assert.strictEqual(source.next(30), undefined)
    assert.deepStrictEqual(source.take(40, []), [])
  })

  it("are none without a timeline, and the network is benign", () => {
    const source = FaultSource.planned({})
    assert.strictEqual(source.next(0), undefined)
    assert.deepStrictEqual(source.network, {})
    assert.deepStrictEqual(FaultSource.planned({ network: { loss: 0.1 } }).network, { loss: 0.1 })
  })

  it.prop("are the timeline, for any timeline", [Arbitrary.schema(FaultPlan.Plan)], ([plan]) => {
    const { timeline = [] } = plan
    const taken = play(FaultSource.planned(plan), { until: Number.MAX_SAFE_INTEGER })
    assert.deepStrictEqual(
      taken,
      timeline.toSorted((a, b) => a.at - b.at),
    )
  })
})

describe("faults by chance", () => {
  it.prop("are the same for the same seed, and different for another seed", [seed], ([seed]) => {
    const first = playSeed(everything, seed)
    assert.isAbove(first.length, 5)
    assert.deepStrictEqual(playSeed(everything, seed), first)
    assert.notDeepEqual(playSeed(everything, seed === 0 ? 1 : seed - 1), first)
    assert.deepStrictEqual(FaultSource.drawn(everything, seed).network, FaultSource.drawn(everything, seed).network)
  })

  it.prop("occur at the same times in the same order in a replay", [seed], ([seed]) => {
    const source = FaultSource.drawn(everything, seed)
    const recorded = play(source)
    const again = FaultSource.planned({ network: source.network, timeline: recorded })
    const times: Array<number> = []
    const taken: Array<Fault> = []
    for (let at = again.next(0); at !== undefined; at = again.next(at)) {
      times.push(at)
      const now = again.take(at, [])
      assert.isTrue(now.length > 0 && now.every((fault) => fault.at === at))
      taken.push(...now)
    }
    assert.deepStrictEqual(taken, recorded)
    assert.deepStrictEqual(times, [...new Set(recorded.map(({ at }) => at))])
    assert.deepStrictEqual(again.network, source.network)
  })

  it.prop("can be encoded and decoded, and so can the network", [seed], ([seed]) => {
    const source = FaultSource.drawn(everything, seed)
    const plan = { network: source.network, timeline: play(source) }
    const written = JSON.parse(JSON.stringify(Schema.encodeSync(FaultPlan.Plan)(plan)))
    assert.deepStrictEqual(Result.getOrThrow(FaultPlan.decode(written)), plan)
  })

  it.prop(
    "of one kind do not change if another kind is absent",
    [seed, Arbitrary.schema(Schema.Literals(kinds))],
    ([seed, missing]) => {
      const world: World = { states: () => up(names) }
      const { [missing]: _, ...faults } = allFaults
      const without = playSeed(swarmOf({ off: 0, faults }), seed, world)
      const expected = playSeed(everything, seed, world).filter(({ kind }) => kind !== missing)
      assert.deepStrictEqual(without, expected)
    },
  )

  it("of one kind do not change if the seed switches another kind off", () => {
    const world: World = { states: () => up(names) }
    const sometimes = swarmOf({ off: 0.5, faults: allFaults })
    for (const seed of seeds(20)) {
      const some = playSeed(sometimes, seed, world)
      const present = new Set(some.map(({ kind }) => kind))
      const all = playSeed(everything, seed, world)
      assert.deepStrictEqual(
        some,
        all.filter(({ kind }) => present.has(kind)),
      )
    }
  })

  it("do not change because of faults that find no node", () => {
    const { clock: _clock, slow: _slow, ...faults } = allFaults
    const swarm = swarmOf({ off: 0, faults })
    const late: World = { states: (at) => (at < minute / 2 ? [] : up(names)) }
    for (const seed of seeds(20)) {
      const all = playSeed(swarm, seed, { states: () => up(names) })
      assert.deepStrictEqual(
        playSeed(swarm, seed, late),
        all.filter(({ at }) => at >= minute / 2),
      )
    }
  })

  it("occur as often as their rate, at random times", () => {
    for (const kind of kinds) {
      const rates = { perMinute: 6 }
      const counts = seeds(100).map((seed) => {
        const swarm = swarmOf({ off: 0, faults: { [kind]: rates } })
        const source = FaultSource.drawn(swarm, seed)
        let count = 0
        for (let at = source.next(0); at !== undefined && at < minute; at = source.next(at)) {
          source.take(at, up(names))
          count++
        }
        return count
      })
      const average = mean(counts)
      assert.closeTo(average, 6, 1, kind)
      // The variance of the counts of a Poisson process equals their mean.
      assert.closeTo(mean(counts.map((count) => (count - average) ** 2)), 6, 3, kind)
    }
  })

  it("have a different rate with each seed", () => {
    const counts = seeds(60).map((seed) => playSeed(swarmOf({ off: 0, faults: { reset: {} } }), seed).length)
    assert.isAtMost(counts.filter((count) => count <= 2).length, 40)
    assert.isAtLeast(counts.filter((count) => count <= 2).length, 5)
    assert.isAtLeast(counts.filter((count) => count >= 8).length, 5)
    assert.strictEqual(playSeed(swarmOf({ off: 0, faults: { reset: { perMinute: 0 } } }), 1).length, 0)
  })

  it("of each kind are absent in the given share of seeds, independently of other kinds", () => {
    const present = (off: number) =>
      seeds(200).map((seed) => {
        const source = FaultSource.drawn(swarmOf({ off, network: allNetwork, faults: allFaults }), seed)
        const taken = play(source, { states: () => up(names), until: 10 * minute })
        return new Set([...taken.map(({ kind }) => kind), ...Object.keys(source.network)])
      })
    const half = present(0.5)
    const all = [...kinds, ...Object.keys(allNetwork).filter((kind) => kind !== "queue")]
    for (const kind of all) assert.closeTo(half.filter((kinds) => kinds.has(kind)).length, 100, 30, kind)
    for (const [i, kind] of all.entries()) {
      const other = all[i + 1] ?? "partition"
      const both = half.filter((kinds) => kinds.has(kind) && kinds.has(other)).length
      assert.closeTo(both, 50, 25, `${kind} and ${other}`)
    }
    assert.isTrue(present(1).every(({ size }) => size === 0))
  })

  it("last between the minimum and the maximum, with the given mean", () => {
    const lasting = { min: "1 seconds", mean: "3 seconds", max: "10 seconds" } as const
    for (const kind of ["partition", "clog", "swizzle", "crash", "stop", "pause", "slow"] as const) {
      const durations = seeds(100).flatMap((seed) =>
        playSeed(swarmOf({ off: 0, faults: { [kind]: { perMinute: 6, for: lasting } } }), seed).flatMap((fault) =>
          "for" in fault ? [fault.for] : [],
        ),
      )
      assert.isAbove(durations.length, 300)
      assert.isTrue(
        durations.every((duration) => duration >= 1_000_000 && duration <= 10_000_000),
        kind,
      )
      assert.closeTo(mean(durations), 3_000_000, 300_000, kind)
    }
  })
})

describe("the target of a fault by chance", () => {
  const often = { perMinute: 60, for: { min: "1 seconds", mean: "8 seconds", max: "30 seconds" } } as const

  it.prop(
    "is a possible node, and the given number of nodes is spared",
    [seed],
    ([seed]) => {
      const spare = 1 + (seed % 3)
      const faults = { ...allFaults, crash: often, stop: often, pause: often, slow: often }
      const swarm = swarmOf({ off: 0, spare, faults })
      const source = FaultSource.drawn(swarm, seed)
      const taken: Array<Fault> = []
      for (let at = source.next(0); at !== undefined && at <= minute; at = source.next(at)) {
        const now = source.take(at, asLeft(names, at, taken))
        for (const fault of now) {
          const states = asLeft(names, at, taken)
          const stateOf = (name: string) => states.find((node) => node.name === name)?.state
          if (fault.kind === "stop" || fault.kind === "pause") assert.strictEqual(stateOf(fault.node), "up")
          if ("node" in fault) assert.notStrictEqual(stateOf(fault.node), "down")
          if (fault.kind === "slow") {
            const before = ofKind(taken, "slow").filter(({ node }) => node === fault.node)
            assert.isTrue(before.every((other) => other.at + other.for <= at))
          }
          if (fault.kind === "clog" || fault.kind === "reset" || fault.kind === "halfOpen") {
            assert.isTrue(stateOf(fault.from) !== "down" && stateOf(fault.to) !== "down" && fault.from !== fault.to)
          }
          taken.push(fault)
        }
        const left = asLeft(names, at, taken).filter(({ state }) => state === "up").length
        assert.isAtLeast(left, spare)
      }
      const hit = new Set(taken.flatMap((fault) => ("node" in fault ? [fault.node] : [])))
      assert.deepStrictEqual([...hit].sort(), names)
    },
    { arbitrary: { runs: 40 } },
  )

  it("is not a node that another kind hits at the same time", () => {
    const swarm = swarmOf({ off: 0, faults: { crash: often, stop: often, pause: often } })
    for (const seed of seeds(20)) {
      // Everything of the first minute comes at once.
      const taken = FaultSource.drawn(swarm, seed).take(minute, up(names))
      const down = new Set<string>()
      for (const fault of taken) {
        if (fault.kind !== "crash" && fault.kind !== "stop") continue
        assert.isFalse(down.has(fault.node))
        down.add(fault.node)
      }
      assert.isTrue(taken.every(({ at }) => at === minute))
      assert.strictEqual(down.size, 5)
      const pauses = ofKind(
        FaultSource.drawn(swarmOf({ off: 0, faults: { pause: often } }), seed).take(minute, up(names)),
        "pause",
      )
      assert.deepStrictEqual(pauses.map(({ node }) => node).sort(), names)
    }
  })

  it("does not exist if there are too few nodes", () => {
    const swarm = swarmOf({ off: 0, faults: allFaults })
    const alone = seeds(20).flatMap((seed) => playSeed(swarm, seed, { names: ["a"] }))
    const found = new Set(alone.map(({ kind }) => kind))
    assert.deepStrictEqual([...found].sort(), ["clock", "crash", "drift", "pause", "slow", "stop"])
    assert.deepStrictEqual(playSeed(swarm, 1, { names: [] }), [])
    const spared = swarmOf({ off: 0, spare: 1, faults: { crash: often, stop: often, pause: often } })
    assert.deepStrictEqual(playSeed(spared, 1, { names: ["a"] }), [])
  })

  it("may be a paused node for a crash", () => {
    const crashes = only("crash", often, { spare: 9, states: () => [{ name: "p", state: "paused" }, ...up(["a"])] })
    assert.isAbove(crashes.length, 10)
    assert.isTrue(crashes.every(({ node }) => node === "p"))
  })

  it("loses power or is killed with the given chance", () => {
    const silent = (chance: number) => {
      const crashes = only("crash", { ...often, silent: chance }, { states: () => up(names) })
      return mean(crashes.map((crash) => (crash.silent === true ? 1 : 0)))
    }
    assert.strictEqual(silent(0), 0)
    assert.strictEqual(silent(1), 1)
    assert.closeTo(silent(0.3), 0.3, 0.1)
  })

  it("is each node equally often", () => {
    const counts = new Map<string, number>()
    for (const { node } of only("crash", often, { states: () => up(names) }))
      counts.set(node, (counts.get(node) ?? 0) + 1)
    assert.deepStrictEqual([...counts.keys()].sort(), names)
    const all = [...counts.values()]
    assert.isAbove(Math.min(...all), mean(all) * 0.7)
  })

  it("has a clock within the given offset in both directions", () => {
    for (const seed of seeds(10)) {
      const swarm = swarmOf({ off: 0, faults: { clock: { perMinute: 60, upTo: "2 seconds" } } })
      const offsets = new Map<string, number>()
      const seen: Array<number> = []
      for (const { by, node } of ofKind(playSeed(swarm, seed), "clock")) {
        assert.notStrictEqual(by, 0)
        const offset = (offsets.get(node) ?? 0) + by
        offsets.set(node, offset)
        seen.push(offset)
      }
      assert.isAtMost(Math.max(...seen.map(Math.abs)), 2_000_000)
      assert.isAbove(Math.max(...seen), 1_000_000)
      assert.isBelow(Math.min(...seen), -1_000_000)
    }
  })

  it("has a clock that runs fast or slow within the given range", () => {
    const drifts = only("drift", { perMinute: 60, upTo: 200 }).map(({ ppm }) => ppm)
    assert.isAtMost(Math.max(...drifts.map(Math.abs)), 200)
    assert.isAbove(Math.max(...drifts), 150)
    assert.isBelow(Math.min(...drifts), -150)
    assert.isTrue(drifts.every(Number.isSafeInteger))
  })

  it("is slow by the given time", () => {
    const tasks = only("slow", { ...often, task: { uniform: ["1 millis", "2 millis"] } }).map(({ task }) => task)
    assert.isTrue(
      tasks.length > 50 && tasks.every((task) => task >= 1_000 && task <= 2_000 && Number.isSafeInteger(task)),
    )
  })

  it("has connections that fail in all ways, or in the given ways", () => {
    const ways = (how?: ReadonlyArray<"gone" | "deaf" | "dead" | "closed">) =>
      [
        ...new Set(only("halfOpen", { perMinute: 30, ...(how === undefined ? {} : { how }) }).map(({ how }) => how)),
      ].sort()
    assert.deepStrictEqual(ways(), ["closed", "dead", "deaf", "gone"])
    assert.deepStrictEqual(ways(["deaf"]), ["deaf"])
  })

  it("is half of the nodes for a swizzle, isolated in the first half of its time and back in the second", () => {
    for (const { for: duration, nodes } of only("swizzle", often)) {
      assert.strictEqual(nodes.length, 3)
      assert.strictEqual(new Set(nodes.map(({ node }) => node)).size, 3)
      for (const { from, to } of nodes) {
        assert.isTrue(from >= 0 && from <= duration / 2 && to >= Math.floor(duration / 2) && to <= duration)
      }
    }
  })
})

describe("partitions by chance", () => {
  type Shape = NonNullable<FaultPlan.Rates["partition"]>["shapes"][number]

  /** Returns the partitions of one shape, grouped by time. */
  const moments = (
    shape: Shape,
    names: ReadonlyArray<string>,
    states = up(names),
  ): ReadonlyArray<ReadonlyArray<OfKind<"partition">>> => {
    const partitions = only(
      "partition",
      { perMinute: 6, shapes: [shape], oneWay: 0 },
      { states: () => states, seeds: 30 },
    )
    return [...Map.groupBy(partitions, ({ at }) => at).values()]
  }

  const sizes = (shape: Shape, names: ReadonlyArray<string>) =>
    new Set(
      moments(shape, names).map((moment) =>
        moment
          .map(({ from, to }) => {
            assert.strictEqual(new Set([...from, ...to]).size, from.length + to.length)
            assert.isTrue([...from, ...to].every((name) => names.includes(name)))
            return `${from.length}:${to.length}`
          })
          .join(" "),
      ),
    )

  it("are of every size", () => {
    assert.deepStrictEqual([...sizes("size", names)].sort(), ["1:4", "2:3", "3:2", "4:1"])
  })

  it("are halves", () => {
    assert.deepStrictEqual([...sizes("halves", names)], ["2:3"])
    assert.deepStrictEqual([...sizes("halves", ["a", "b"])], ["1:1"])
  })

  it("isolate one", () => {
    assert.deepStrictEqual([...sizes("isolate", names)], ["1:4"])
    assert.strictEqual(new Set(moments("isolate", names).map(([moment]) => moment?.from.join())).size, 5)
  })

  it("leave a bridge", () => {
    assert.deepStrictEqual([...sizes("bridge", names)], ["2:2"])
    assert.deepStrictEqual([...sizes("bridge", ["a", "b", "c"])], ["1:1"])
    assert.deepStrictEqual(moments("bridge", ["a", "b"]), [])
  })

  it("leave a ring in which each node reaches two others", () => {
    for (const count of [4, 5, 6]) {
      const ring = names.concat("f").slice(0, count)
      const all = moments("ring", ring)
      assert.isAbove(all.length, 50)
      for (const moment of all) {
        const reach = new Map(ring.map((name) => [name, new Set(ring.filter((other) => other !== name))]))
        for (const { from, to } of moment) {
          for (const a of from) {
            for (const b of to) {
              assert.isTrue(reach.get(a)?.delete(b) === true && reach.get(b)?.delete(a) === true, "cut once")
            }
          }
        }
        assert.isTrue([...reach.values()].every(({ size }) => size === 2))
        assert.strictEqual(new Set(moment.map((partition) => partition.for)).size, 1)
      }
    }
    assert.deepStrictEqual(moments("ring", ["a", "b", "c"]), [])
  })

  it("leave a ring of groups if there are many nodes, with few faults", () => {
    const many = Array.from({ length: 50 }, (_, i) => `n${i}`)
    for (const moment of moments("ring", many)) {
      assert.isAtMost(moment.length, 4)
      const cut = moment.reduce((sum, { from, to }) => sum + from.length * to.length, 0)
      // Each of six groups of eight or nine nodes is cut off from three others.
      assert.closeTo(cut, 9 * (50 / 6) ** 2, 30)
    }
  })

  it("use a shape that is possible with the number of nodes", () => {
    const two = only("partition", { perMinute: 12, oneWay: 0 }, { names: ["a", "b"] })
    assert.isAbove(two.length, 100)
    assert.isTrue(two.every(({ from, to }) => from.length === 1 && to.length === 1))
  })

  it("have present nodes on their sides, and nodes that are down return on either side", () => {
    const states: ReadonlyArray<FaultSource.NodeState> = [
      { name: "a", state: "up" },
      { name: "b", state: "paused" },
      { name: "c", state: "down" },
      { name: "d", state: "down" },
    ]
    const found = new Set<string>()
    for (const [partition] of moments("isolate", ["a", "b"], states)) {
      const { from = [], to = [] } = partition ?? {}
      assert.isTrue(from.includes("a") !== from.includes("b") && to.includes("a") !== to.includes("b"))
      assert.strictEqual(from.length + to.length, 4)
      found.add(from.includes("c") ? "c from" : "c to")
    }
    assert.deepStrictEqual([...found].sort(), ["c from", "c to"])
    assert.deepStrictEqual(
      moments(
        "isolate",
        [],
        [
          { name: "a", state: "up" },
          { name: "b", state: "down" },
        ],
      ),
      [],
    )
  })

  it("block one direction only with the given chance", () => {
    const oneWay = (chance: number) =>
      mean(
        only("partition", { perMinute: 12, oneWay: chance, shapes: ["size"] }).map(({ oneWay }) =>
          oneWay === true ? 1 : 0,
        ),
      )
    assert.strictEqual(oneWay(0), 0)
    assert.strictEqual(oneWay(1), 1)
    assert.closeTo(oneWay(0.3), 0.3, 0.1)
  })
})

describe("the network of a seed", () => {
  const networks = (network: FaultPlan.Input & object, count = 100) =>
    seeds(count).map((seed) => {
      const plan = Result.getOrThrow(FaultPlan.decode(network))
      if (!("swarm" in plan)) throw new Error("it is a swarm")
      return FaultSource.drawn(plan, seed).network
    })

  it("is benign in a swarm without network conditions", () => {
    assert.deepStrictEqual(networks({ swarm: { off: 0 } }, 1), [{}])
  })

  it("has a delay within the ranges, and its tail", () => {
    for (const { delay } of networks({ swarm: { off: 0, network: { delay: {} } } })) {
      assert.isTrue(typeof delay === "object" && "tail" in delay && typeof delay.tail.otherwise === "object")
      if (typeof delay !== "object" || !("tail" in delay)) return
      const { chance, is, otherwise } = delay.tail
      assert.deepStrictEqual([chance, is], [0.001, { uniform: [100_000, 5_000_000] }])
      assert.isTrue(typeof otherwise === "object" && "exponential" in otherwise)
      if (typeof otherwise !== "object" || !("exponential" in otherwise)) return
      const { mean, min } = otherwise.exponential
      assert.isTrue(min >= 0 && min <= 30_000 && mean >= min && mean <= 100_000)
    }
    const tail = { chance: 0, is: "1 seconds" } as const
    const [plain] = networks({ swarm: { off: 0, network: { delay: { min: "1 millis", mean: "5 millis", tail } } } }, 1)
    assert.deepStrictEqual(plain, { delay: { exponential: { min: 1_000, mean: 5_000 } } })
    const [above] = networks({ swarm: { off: 0, network: { delay: { min: "9 millis", mean: "5 millis", tail } } } }, 1)
    assert.deepStrictEqual(above, { delay: { exponential: { min: 9_000, mean: 9_000 } } })
  })

  it("has links that lie between two values of the seed's own", () => {
    const { delay: _, ...others } = allNetwork
    const all = networks({ swarm: { off: 0, network: others } })
    const bounds = {
      distance: [0, 50_000],
      loss: [0, 0.3],
      bandwidth: [10_000, 1_000_000_000],
      queue: [16_384, 4_194_304],
      split: [0, 1],
      sendBuffer: [1_024, 1_048_576],
    } as const
    for (const [kind, [least, most]] of Object.entries(bounds)) {
      const found = all.map((network) => {
        const distribution = network[kind as keyof typeof bounds]
        if (typeof distribution !== "object") return assert.fail(`${kind} is not a range`)
        const logarithmic = kind === "bandwidth" || kind === "queue" || kind === "sendBuffer"
        assert.strictEqual("logUniform" in distribution, logarithmic)
        const [low, high] = Object.values(distribution)[0] as readonly [number, number]
        assert.isTrue(least <= low && low < high && high <= most, `${kind} from ${low} to ${high}`)
        if (kind !== "loss" && kind !== "split") assert.isTrue(Number.isSafeInteger(low) && Number.isSafeInteger(high))
        return [low, high] as const
      })
      assert.strictEqual(new Set(found.map(([low, high]) => `${low} ${high}`)).size, all.length)
      const middle = least === 0 ? most / 2 : Math.sqrt(least * most)
      assert.isTrue(found.some(([, high]) => high < middle) && found.some(([low]) => low > middle), kind)
    }
    assert.deepStrictEqual(networks({ swarm: { off: 0, network: { loss: 0.2 } } }, 1), [{ loss: 0.2 }])
  })

  it("has a queue only with a bandwidth", () => {
    for (const network of networks({ swarm: { network: allNetwork } })) {
      assert.strictEqual(network.queue === undefined, network.bandwidth === undefined)
    }
  })

  it("does not change if another condition is absent", () => {
    const all = networks({ swarm: { off: 0, network: allNetwork } })
    for (const [i, network] of networks({ swarm: { off: 0.5, network: allNetwork } }).entries()) {
      for (const [kind, distribution] of Object.entries(network)) {
        assert.deepStrictEqual(distribution, all[i]?.[kind as keyof FaultPlan.Network])
      }
    }
  })
})

describe("the start delay", () => {
  it("is the start delay of a plan, and in a swarm of the seeds that have one", () => {
    const plan = Result.getOrThrow(FaultPlan.decode({ startDelay: "2 seconds" }))
    assert(!("swarm" in plan))
    assert.strictEqual(FaultSource.planned(plan).startDelay, 2_000_000)
    assert.isUndefined(FaultSource.planned({}).startDelay)
    const delays = (off: number) => {
      const swarm = swarmOf({ off, startDelay: "1 seconds" })
      return Array.from({ length: 40 }, (_, seed) => FaultSource.drawn(swarm, seed).startDelay)
    }
    assert.deepStrictEqual(new Set(delays(0)), new Set([1_000_000]))
    assert.deepStrictEqual(new Set(delays(1)), new Set([undefined]))
    assert.deepStrictEqual(new Set(delays(0.5)), new Set([1_000_000, undefined]))
  })
})
