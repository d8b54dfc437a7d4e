import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FaultPlan from "../../src/FaultPlan.ts"
import * as LifeContext from "../../src/kernel/LifeContext.ts"
import * as Simulation from "../../src/Simulation.ts"
import { at, chatty, Counter, counter, Links, names, run, talkers, under } from "./world.ts"

type Talkers = Simulation.Nodes<(typeof names)[number], Links>

/** Returns the time at which `to` last received a byte of `from`, in seconds. */
const heard = (nodes: Talkers, from: (typeof names)[number], to: (typeof names)[number]): number =>
  (nodes[to].service(Links)?.heard.get(from) ?? 0) / 1e6

/** Reports whether bytes pass from one node to the other now. */
const through = (sim: Simulation.Sim, nodes: Talkers, from: (typeof names)[number], to: (typeof names)[number]) =>
  sim.now() / 1e6 - heard(nodes, from, to) < 0.5

/** Returns the directions in which bytes pass, such as `ab`. */
const open = (sim: Simulation.Sim, nodes: Talkers): ReadonlyArray<string> =>
  names.flatMap((from) => names.flatMap((to) => (from !== to && through(sim, nodes, from, to) ? [`${from}${to}`] : [])))

const all = ["ab", "ac", "ba", "bc", "ca", "cb"]

/** Returns the directions in which bytes pass at each of the times. */
const ways = (timeline: Parameters<typeof under>[0], times: ReadonlyArray<number>) =>
  Effect.gen(function* () {
    const seen: Array<ReadonlyArray<string>> = []
    yield* under(timeline, (sim) =>
      Effect.gen(function* () {
        const nodes = yield* talkers(sim)
        for (const time of times) {
          yield* at(sim, time)
          seen.push(open(sim, nodes))
        }
      }),
    )
    return seen
  })

/** Returns the pairs of nodes whose first node lost a connection to the second. */
const losses = (fault: (typeof FaultPlan.Fault)["Encoded"], until: number) =>
  Effect.gen(function* () {
    let lost: Array<string> = []
    yield* under([fault], (sim) =>
      Effect.gen(function* () {
        const nodes = yield* talkers(sim)
        yield* at(sim, until)
        lost = names.flatMap((name) =>
          [...(nodes[name].service(Links)?.lost ?? [])].map(([other]) => `${name}${other}`),
        )
        assert.deepStrictEqual(open(sim, nodes), all)
      }),
    )
    return lost.sort()
  })

describe("Faults of a plan", () => {
  describe("on the network", () => {
    it.live("partition: no bytes pass between two groups, and all pass again afterwards", () =>
      Effect.gen(function* () {
        const seen = yield* ways(
          [{ kind: "partition", at: "5 seconds", for: "5 seconds", from: ["a"], to: ["b", "c"] }],
          [4.9, 9.9, 12],
        )
        assert.deepStrictEqual(seen, [all, ["bc", "cb"], all])
      }),
    )

    it.live("partition: blocks one direction only with oneWay", () =>
      Effect.gen(function* () {
        const seen = yield* ways(
          [{ kind: "partition", at: "5 seconds", for: "5 seconds", from: ["a"], to: ["b", "c"], oneWay: true }],
          [4.9, 9.9, 12],
        )
        assert.deepStrictEqual(seen, [all, ["ba", "bc", "ca", "cb"], all])
      }),
    )

    it.live("clog: no bytes pass from one node to another", () =>
      Effect.gen(function* () {
        const seen = yield* ways([{ kind: "clog", at: "5 seconds", for: "5 seconds", from: "a", to: "b" }], [9.9, 12])
        assert.deepStrictEqual(seen, [["ac", "ba", "bc", "ca", "cb"], all])
      }),
    )

    it.live("overlapping faults: each ends at its own time", () =>
      Effect.gen(function* () {
        const seen = yield* ways(
          [
            { kind: "clog", at: "5 seconds", for: "3 seconds", from: "a", to: "b" },
            { kind: "partition", at: "6 seconds", for: "8 seconds", from: ["a"], to: ["b"], oneWay: true },
          ],
          [7.9, 12, 17],
        )
        const without = ["ac", "ba", "bc", "ca", "cb"]
        assert.deepStrictEqual(seen, [without, without, all])
      }),
    )

    it.live("swizzle: nodes are cut off one after the other and return one after the other", () =>
      Effect.gen(function* () {
        const seen = yield* ways(
          [
            {
              kind: "swizzle",
              at: "5 seconds",
              for: "10 seconds",
              nodes: [
                { node: "a", from: "0 seconds", to: "4 seconds" },
                { node: "b", from: "2 seconds", to: "8 seconds" },
              ],
            },
          ],
          [6.9, 8.9, 12.9, 16],
        )
        assert.deepStrictEqual(seen, [["bc", "cb"], [], ["ac", "ca"], all])
      }),
    )

    it.live("reset: the connections between two nodes are lost at both ends, and no others", () =>
      Effect.gen(function* () {
        const lost = yield* losses({ kind: "reset", at: "5 seconds", from: "a", to: "b" }, 6)
        assert.deepStrictEqual(lost, ["ab", "ba"])
      }),
    )

    it.live("halfOpen: one side loses the connection by a reset or by a timeout", () =>
      Effect.gen(function* () {
        const half = (how: "gone" | "deaf" | "dead" | "closed", until: number) =>
          losses({ kind: "halfOpen", at: "5 seconds", from: "a", to: "b", how }, until)
        // Bytes of a reach no connection at b and are answered with resets.
        assert.deepStrictEqual(yield* half("gone", 7), ["ab", "ba"])
        // Neither side notices until written bytes time out. Only a writes on the connection that a dialed.
        assert.deepStrictEqual(yield* half("deaf", 45), ["ab"])
        assert.deepStrictEqual(yield* half("dead", 45), ["ab", "ba"])
      }),
    )
  })

  describe("on a node", () => {
    /** Returns the state, the lives and the count of a node at each of the times. */
    const states = (timeline: Parameters<typeof under>[0], times: ReadonlyArray<number>) =>
      Effect.gen(function* () {
        const seen: Array<string> = []
        const report = yield* under(timeline, (sim) =>
          Effect.gen(function* () {
            const { a } = yield* sim.nodes(["a", "b"], () => counter)
            for (const time of times) {
              yield* at(sim, time)
              seen.push(`${a.paused ? "paused" : a.state} ${a.lives} ${a.service(Counter)?.count ?? "-"}`)
            }
          }),
        )
        return { seen, report }
      })

    it.live("crash: the node is down, and returns after the time without its memory", () =>
      Effect.gen(function* () {
        for (const silent of [false, true]) {
          const { report, seen } = yield* states(
            [{ kind: "crash", at: "5 seconds", for: "5 seconds", node: "a", silent }],
            [4.5, 7, 12.5],
          )
          assert.deepStrictEqual(seen, ["running 1 4", "crashed 1 -", "running 2 2"])
          assert.deepStrictEqual(report.faultsFired, { crash: 1 })
        }
      }),
    )

    it.live("crash: peers see a reset, unless the crash is silent", () =>
      Effect.gen(function* () {
        const lostAt = (silent: boolean) =>
          Effect.gen(function* () {
            let at5 = 0
            yield* under([{ kind: "crash", at: "5 seconds", for: "10 seconds", node: "a", silent }], (sim) =>
              Effect.gen(function* () {
                const nodes = yield* talkers(sim)
                yield* at(sim, 14.9)
                at5 = nodes.b.service(Links)?.lost.get("a") ?? 0
              }),
            )
            return at5 > 0
          })
        assert.isTrue(yield* lostAt(false))
        assert.isFalse(yield* lostAt(true))
      }),
    )

    it.live("stop: the node stops gracefully, and returns after the time", () =>
      Effect.gen(function* () {
        const { report, seen } = yield* states(
          [{ kind: "stop", at: "5 seconds", for: "5 seconds", node: "a" }],
          [4.5, 7, 12.5],
        )
        assert.deepStrictEqual(seen, ["running 1 4", "stopped 1 -", "running 2 2"])
        assert.deepStrictEqual(report.faultsFired, { stop: 1 })
      }),
    )

    it.live("pause: the node pauses and continues", () =>
      Effect.gen(function* () {
        const { seen } = yield* states(
          [{ kind: "pause", at: "4500 millis", for: "5 seconds", node: "a" }],
          [4.4, 9, 10.6],
        )
        // One tick was due all the time.
        assert.deepStrictEqual(seen, ["running 1 4", "paused 1 4", "running 1 6"])
      }),
    )

    it.live("slow: each task of the node takes the given time, and no time afterwards", () =>
      Effect.gen(function* () {
        const took: Array<number> = []
        yield* under([{ kind: "slow", at: "5 seconds", for: "10 seconds", node: "a", task: "10 millis" }], (sim) =>
          Effect.gen(function* () {
            const { a } = yield* sim.nodes(["a"], () => counter)
            const tasks = Effect.forEach(
              Array.from({ length: 21 }, () => Effect.yieldNow),
              (yielding) => yielding,
              { discard: true },
            )
            for (const time of [1.5, 6.5, 16.5]) {
              yield* at(sim, time)
              const before = sim.now()
              yield* a.run(tasks)
              took.push(sim.now() - before)
            }
          }),
        )
        assert.strictEqual(took[0], 0)
        assert.isAtLeast(took[1] ?? 0, 200_000)
        assert.strictEqual(took[2], 0)
      }),
    )

    it.live("clock: the wall clock of the node is set, and sleeps take as long as before", () =>
      under([{ kind: "clock", at: "5 seconds", node: "a", by: "-2 minutes" }], (sim) =>
        Effect.gen(function* () {
          const { a, b } = yield* sim.nodes(["a", "b"], () => counter)
          yield* at(sim, 6)
          const [ofA, ofB] = yield* Effect.all([
            a.run(Effect.sync(() => Date.now())),
            b.run(Effect.sync(() => Date.now())),
          ])
          assert.strictEqual(ofB - LifeContext.epochMillis, 6_000)
          assert.strictEqual(ofA - ofB, -120_000)
          yield* at(sim, 20.5)
          assert.strictEqual(a.service(Counter)?.count, 20)
        }),
      ),
    )

    it.live("drift: the clock of the node is fast, and so are its sleeps", () =>
      under([{ kind: "drift", at: "0 seconds", node: "a", ppm: 500_000 }], (sim) =>
        Effect.gen(function* () {
          const { a, b } = yield* sim.nodes(["a", "b"], () => counter)
          yield* at(sim, 30.5)
          assert.deepStrictEqual([a.service(Counter)?.count, b.service(Counter)?.count], [45, 30])
          yield* sim.converges(() => true)
          const before = sim.now()
          yield* a.run(Effect.sleep("1 second"))
          assert.strictEqual(sim.now() - before, 1_000_000)
        }),
      ),
    )

    it.live("crash: another crash may begin at the instant at which one ends", () =>
      Effect.gen(function* () {
        const { report, seen } = yield* states(
          [
            { kind: "crash", at: "5 seconds", for: "2 seconds", node: "a" },
            { kind: "crash", at: "7 seconds", for: "2 seconds", node: "a" },
          ],
          [8, 10.5],
        )
        assert.deepStrictEqual(seen, ["crashed 2 -", "running 3 1"])
        assert.deepStrictEqual(report.faultsFired, { crash: 2 })
      }),
    )

    it.live("crash: the end of the fault does not change a node that the scenario has restarted", () =>
      under([{ kind: "crash", at: "5 seconds", for: "10 seconds", node: "a" }], (sim) =>
        Effect.gen(function* () {
          const { a } = yield* sim.nodes(["a"], () => counter)
          yield* at(sim, 7)
          yield* a.restart
          yield* at(sim, 9)
          yield* a.crash
          yield* at(sim, 20)
          assert.deepStrictEqual([a.state, a.lives], ["crashed", 2])
        }),
      ),
    )

    it.live("faults that are impossible because the node is down are skipped and not counted", () =>
      Effect.gen(function* () {
        const { report, seen } = yield* states(
          [
            { kind: "crash", at: "5 seconds", for: "10 seconds", node: "a" },
            { kind: "crash", at: "6 seconds", for: "1 seconds", node: "a" },
            { kind: "pause", at: "7 seconds", for: "1 seconds", node: "a" },
            { kind: "stop", at: "8 seconds", for: "1 seconds", node: "a" },
          ],
          [12, 16.5],
        )
        assert.deepStrictEqual(seen, ["crashed 1 -", "running 2 1"])
        assert.deepStrictEqual(report.faultsFired, { crash: 1 })
        assert.strictEqual(report.replay.timeline.length, 1)
      }),
    )

    it.live("of several faults that slow a node at the same time the worst applies until it ends", () =>
      Effect.gen(function* () {
        const { trace } = yield* under(
          [
            { kind: "slow", at: "1 seconds", for: "4 seconds", node: "a", task: "2 millis" },
            { kind: "slow", at: "2 seconds", for: "1 seconds", node: "a", task: "5 millis" },
            { kind: "slow", at: "2500 millis", for: "200 millis", node: "a", task: "1 millis" },
          ],
          (sim) =>
            Effect.andThen(
              sim.nodes(["a"], () => counter),
              Effect.sleep("10 seconds"),
            ),
          { trace: true },
        )
        const slow = (trace?.events ?? []).flatMap((event) =>
          event._tag === "Node" && event.state === "slow" ? [`${event.at / 1e6}: ${event.text ?? ""}`] : [],
        )
        assert.deepStrictEqual(slow, [
          "1: 2.0 ms for each task",
          "2: 5.0 ms for each task",
          "2.5: 5.0 ms for each task",
          "2.7: 5.0 ms for each task",
          "3: 2.0 ms for each task",
          "5: at full speed",
        ])
      }),
    )

    it.live("a fault of an unknown node ends the run, and the error lists the nodes", () =>
      Effect.gen(function* () {
        for (const fault of [
          { kind: "crash", at: "9 seconds", for: "1 seconds", node: "nobody" },
          { kind: "partition", at: "9 seconds", for: "1 seconds", from: ["a"], to: ["nobody"] },
        ] as const) {
          const error = yield* Effect.flip(states([fault], [12]))
          assert(error._tag === "SimulationError", error.message)
          assert.strictEqual(error.reason, "nodeName")
          assert.include(error.message, 'there is no node "nobody" at 9.000 s; the nodes are: a')
        }
      }),
    )
  })

  /** One fault of each kind. */
  const everything: ReadonlyArray<(typeof FaultPlan.Fault)["Encoded"]> = [
    { kind: "partition", at: "1 seconds", for: "1 hours", from: ["a"], to: ["b"] },
    { kind: "clog", at: "1 seconds", for: "1 hours", from: "c", to: "b" },
    { kind: "swizzle", at: "1 seconds", for: "1 hours", nodes: [{ node: "c", from: "0 seconds", to: "1 hours" }] },
    { kind: "slow", at: "1 seconds", for: "1 hours", node: "a", task: "2 millis" },
    { kind: "drift", at: "1 seconds", node: "b", ppm: -250_000 },
    { kind: "clock", at: "1 seconds", node: "b", by: "1 minutes" },
    { kind: "reset", at: "1 seconds", from: "a", to: "c" },
    { kind: "halfOpen", at: "1 seconds", from: "b", to: "c", how: "dead" },
    { kind: "pause", at: "2 seconds", for: "1 hours", node: "a" },
    { kind: "crash", at: "2 seconds", for: "1 hours", node: "b" },
    { kind: "stop", at: "2 seconds", for: "1 hours", node: "c" },
    { kind: "crash", at: "20 seconds", for: "1 hours", node: "a" },
  ]

  it.live("have all ended when the nodes must converge, and no more begin", () =>
    under(everything, (sim) =>
      Effect.gen(function* () {
        const nodes = yield* talkers(sim)
        yield* at(sim, 10)
        assert.deepStrictEqual(open(sim, nodes), [])
        yield* sim.converges(() => open(sim, nodes).length === all.length, { within: "40 seconds" })
        yield* at(sim, 60)
        assert.deepStrictEqual(open(sim, nodes), all)
        assert.deepStrictEqual(
          names.map((name) => `${nodes[name].state} ${nodes[name].lives} ${nodes[name].paused}`),
          ["running 1 false", "running 2 false", "running 2 false"],
        )
        const before = sim.now()
        yield* nodes.b.run(Effect.sleep("1 second"))
        yield* nodes.a.run(Effect.yieldNow)
        assert.strictEqual(sim.now() - before, 1_000_000)
      }),
    ),
  )

  it.live("leave a benign network when the nodes must converge", () =>
    Effect.gen(function* () {
      const { faultsFired } = yield* run(
        (sim) =>
          Effect.gen(function* () {
            const nodes = yield* talkers(sim)
            yield* sim.converges(() => open(sim, nodes).length === all.length)
            // Bytes in transit keep their losses.
            yield* Effect.sleep("20 seconds")
            const from = sim.now()
            for (const name of names) {
              yield* nodes[name].run(Effect.void)
            }
            yield* sim.until(
              "both are heard",
              () => names.every((name) => heard(nodes, name, name === "a" ? "b" : "a") * 1e6 > from),
              { within: "2 minutes" },
            )
            assert.isBelow(sim.now() - from, 101_000)
          }),
        { faults: { network: { loss: 0.3, delay: { uniform: ["1 millis", "500 millis"] } } } },
      )
      assert.isAbove(faultsFired["loss"] ?? 0, 0)
    }),
  )

  it.live("are in the trace with their beginning, their end, their nodes and their cuts", () =>
    Effect.gen(function* () {
      const { replay, trace } = yield* under(
        [
          { kind: "partition", at: "1 seconds", for: "2 seconds", from: ["a"], to: ["b", "c"], oneWay: true },
          { kind: "clog", at: "2 seconds", for: "2 seconds", from: "c", to: "b" },
          { kind: "reset", at: "5 seconds", from: "a", to: "b" },
          { kind: "crash", at: "6 seconds", for: "1 seconds", node: "b" },
        ],
        (sim) => Effect.andThen(talkers(sim), Effect.sleep("10 seconds")),
        { trace: true },
      )
      const faults = trace?.events.flatMap((event) =>
        event._tag === "Fault"
          ? [[event.at / 1e6, event.fault, event.kind, event.state, event.nodes.join(), event.cut] as const]
          : [],
      )
      const first = { from: ["a"], to: ["b", "c"], oneWay: true }
      const second = { from: ["c"], to: ["b"], oneWay: true }
      assert.deepStrictEqual(faults, [
        [1, 0, "partition", "began", "a,b,c", first],
        [2, 1, "clog", "began", "c,b", second],
        [3, 0, "partition", "over", "a,b,c", first],
        [4, 1, "clog", "over", "c,b", second],
        [5, 2, "reset", "began", "a,b", undefined],
        [6, 3, "crash", "began", "b", undefined],
        [7, 3, "crash", "over", "b", undefined],
      ])
      const nodes = trace?.events.flatMap((event) =>
        event._tag === "Node" && event.node === "b" ? [[event.at / 1e6, event.state, event.life] as const] : [],
      )
      assert.deepStrictEqual(nodes, [
        [0, "starting", 1],
        [0, "running", 1],
        [6, "crashed", 1],
        [7, "starting", 2],
        [7, "running", 2],
        [10, "stopping", 2],
        [10, "stopped", 2],
      ])
      assert.deepStrictEqual(
        replay.timeline.map(({ kind }) => kind),
        ["partition", "clog", "reset", "crash"],
      )
    }),
  )

  it.live("are the same, draw by draw, in a replay of a run with any order", () =>
    Effect.gen(function* () {
      const { faults: all } = FaultPlan.swarm.swarm
      const scenario = Simulation.scenario(
        "everything",
        {
          faults: {
            swarm: {
              off: 0,
              network: {
                delay: {},
                distance: "10 millis",
                loss: { uniform: [0.01, 0.2] },
                split: { uniform: [0.1, 0.5] },
                bandwidth: { uniform: [10_000, 100_000] },
              },
              faults: all,
            },
          },
        },
        (sim) =>
          Effect.andThen(
            sim.nodes(names, (name) => chatty(sim, name, names)),
            Effect.sleep("40 seconds"),
          ),
      )
      const kinds = new Set<string>()
      for (const explore of ["fifo", "random", "preempt"] as const) {
        for (const seed of [1, 2, 3]) {
          const first = yield* Simulation.run(scenario, { seed, explore })
          for (const { kind } of first.replay.timeline) kinds.add(kind)
          const replayed = yield* Simulation.run(scenario, { seed, explore, replay: first.replay })
          assert.strictEqual(replayed.traceHash, first.traceHash, `${explore} ${seed}`)
          assert.deepStrictEqual(replayed.replay, first.replay)
          // Recording a trace does not change the run.
          assert.strictEqual((yield* Simulation.run(scenario, { seed, explore, trace: 10 })).traceHash, first.traceHash)
        }
      }
      assert.deepStrictEqual([...kinds].sort(), Object.keys(all).sort())
    }),
  )
})

describe("The network of a scenario", () => {
  it.live("can be cut by hand in one or both directions and healed, which the trace contains", () =>
    Effect.gen(function* () {
      const { trace } = yield* run(
        (sim) =>
          Effect.gen(function* () {
            const nodes = yield* talkers(sim)
            yield* sim.network.partition(["a"], ["b"])
            yield* at(sim, 5)
            assert.deepStrictEqual(open(sim, nodes), ["ac", "bc", "ca", "cb"])
            yield* sim.network.heal
            yield* sim.network.partitionOneWay(["a", "b"], ["c"])
            yield* at(sim, 10)
            assert.deepStrictEqual(open(sim, nodes), ["ab", "ba", "ca", "cb"])
            yield* sim.network.heal
            yield* at(sim, 15)
            assert.deepStrictEqual(open(sim, nodes), all)
          }),
        {},
        { trace: true },
      )
      assert.deepStrictEqual(
        trace?.events.flatMap((event) =>
          event._tag === "Fault" ? [[event.at / 1e6, event.fault, event.state, event.cut?.oneWay] as const] : [],
        ),
        [
          [0, -1, "began", false],
          [5, -1, "over", false],
          [5, -2, "began", true],
          [10, -2, "over", true],
        ],
      )
    }),
  )

  it.live("also heals directions that the plan has blocked, and ends no other faults of the plan", () =>
    Effect.gen(function* () {
      const { trace } = yield* under(
        [
          { kind: "partition", at: "1 seconds", for: "1 hours", from: ["a"], to: ["b"] },
          { kind: "clog", at: "1 seconds", for: "1 hours", from: "c", to: "b" },
          {
            kind: "swizzle",
            at: "1 seconds",
            for: "1 hours",
            nodes: [{ node: "c", from: "0 seconds", to: "1 hours" }],
          },
          { kind: "pause", at: "1 seconds", for: "9 seconds", node: "a" },
        ],
        (sim) =>
          Effect.gen(function* () {
            const nodes = yield* talkers(sim)
            yield* at(sim, 5)
            assert.deepStrictEqual(open(sim, nodes), [])
            yield* sim.network.heal
            yield* at(sim, 9)
            assert.isTrue(nodes.a.paused)
            assert.deepStrictEqual(open(sim, nodes), ["bc", "cb"])
            yield* at(sim, 12)
            assert.deepStrictEqual(open(sim, nodes), all)
          }),
        { trace: true },
      )
      const over = trace?.events.flatMap((event) =>
        event._tag === "Fault" && event.state === "over" ? [`${event.kind} ${event.at / 1e6}`] : [],
      )
      assert.deepStrictEqual(over, ["partition 5", "clog 5", "swizzle 5", "pause 10"])
    }),
  )

  it.live("reports connections and bytes, and can lose connections by hand", () =>
    run((sim) =>
      Effect.gen(function* () {
        const nodes = yield* talkers(sim)
        yield* at(sim, 2.05)
        assert.strictEqual(sim.network.connections("a", "b"), 2)
        assert.strictEqual(sim.network.connections("b", "a"), 2)
        assert.strictEqual(sim.network.connections("a", "nobody"), 0)
        const bytes = sim.network.bytes("a", "b")
        yield* at(sim, 4.05)
        assert.strictEqual(sim.network.bytes("a", "b") - bytes, 20)
        const lost = () => nodes.a.service(Links)?.lost.get("b") ?? 0
        yield* sim.network.reset("a", "b")
        assert.strictEqual(sim.network.connections("a", "b"), 0)
        yield* at(sim, 5)
        assert.isAbove(lost(), 4_000_000)
        const before = lost()
        yield* sim.network.halfOpen("a", "b", "gone")
        yield* at(sim, 6)
        assert.isAbove(lost(), before)
        assert.strictEqual(sim.network.connections("a", "b"), 2)
      }),
    ),
  )
})
