import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as FaultPlan from "../src/FaultPlan.ts"

const decoded = (input: unknown): FaultPlan.FaultPlan => Result.getOrThrow(FaultPlan.decode(input))

/** Returns the problems of a plan. */
const complaint = (input: unknown): string => {
  const error = Result.getOrThrow(Result.flip(FaultPlan.decode(input)))
  assert.strictEqual(error.reason, "plan")
  return error.message.replace("the fault plan is invalid: ", "")
}

const throughJson = (encoded: unknown): unknown => JSON.parse(JSON.stringify(encoded))

describe("FaultPlan", () => {
  it("decodes a handwritten plan", () => {
    const input: FaultPlan.Input = {
      network: { delay: { exponential: { min: "1 millis", mean: "20 millis" } }, loss: 0.05 },
      timeline: [
        { kind: "partition", at: "5 seconds", for: "20 seconds", from: ["a"], to: ["b", "c"] },
        { kind: "clock", at: "7 seconds", node: "a", by: "-10 seconds" },
        {
          kind: "swizzle",
          at: "1 minute",
          for: "4 seconds",
          nodes: [{ node: "a", from: "0 millis", to: "3 seconds" }],
        },
      ],
    }
    assert.deepStrictEqual(decoded(throughJson(input)), {
      network: { delay: { exponential: { min: 1_000, mean: 20_000 } }, loss: 0.05 },
      timeline: [
        { kind: "partition", at: 5_000_000, for: 20_000_000, from: ["a"], to: ["b", "c"] },
        { kind: "clock", at: 7_000_000, node: "a", by: -10_000_000 },
        { kind: "swizzle", at: 60_000_000, for: 4_000_000, nodes: [{ node: "a", from: 0, to: 3_000_000 }] },
      ],
    })
    assert.deepStrictEqual(decoded(FaultPlan.none), {})
  })

  it.prop("encodes and decodes any plan", [Arbitrary.schema(FaultPlan.Plan)], ([plan]) => {
    const text = JSON.stringify(Schema.encodeSync(FaultPlan.Plan)(plan))
    // JSON has no -0.
    assert.deepStrictEqual(throughJson(decoded(JSON.parse(text))), throughJson(plan))
  })

  it.prop("encodes and decodes any swarm", [Arbitrary.schema(FaultPlan.Swarm)], ([swarm]) => {
    const text = JSON.stringify(Schema.encodeSync(FaultPlan.Swarm)(swarm))
    assert.deepStrictEqual(throughJson(decoded(JSON.parse(text))), throughJson(swarm))
  })

  it("fills in the defaults of a swarm", () => {
    assert.deepStrictEqual(decoded({ swarm: {} }), { swarm: { off: 0.5, spare: 0 } })
    assert.deepStrictEqual(decoded({ swarm: { off: 0, spare: 2, faults: { crash: { silent: 0, perMinute: 3 } } } }), {
      swarm: {
        off: 0,
        spare: 2,
        faults: { crash: { perMinute: 3, for: { min: 500_000, mean: 5_000_000, max: 60_000_000 }, silent: 0 } },
      },
    })
  })

  it("has a swarm with all faults, whose parts can be overridden", () => {
    const { faults, network } = FaultPlan.swarm.swarm
    const milder: FaultPlan.Input = { swarm: { spare: 2, network, faults: { ...faults, crash: { perMinute: 1 } } } }
    assert.strictEqual(Result.isSuccess(FaultPlan.decode(milder)), true)
    const everything = decoded(throughJson(FaultPlan.swarmWithDisks))
    assert.isTrue("swarm" in everything)
    if (!("swarm" in everything)) return
    assert.deepStrictEqual(Object.keys(everything.swarm.network ?? {}), Object.keys(FaultPlan.Ranges.fields))
    assert.deepStrictEqual(Object.keys(everything.swarm.faults ?? {}), Object.keys(FaultPlan.Rates.fields))
    assert.deepStrictEqual(Object.keys(everything.swarm.disk ?? {}), Object.keys(FaultPlan.Disk.fields))
    assert.deepStrictEqual(
      Object.keys(FaultPlan.Rates.fields).filter((kind) => !(kind in faults)),
      ["diskFull"],
    )
    assert.deepStrictEqual(everything.swarm.network?.delay, {
      min: { uniform: [0, 30_000] },
      mean: { uniform: [1_000, 100_000] },
      tail: { chance: 0.001, is: { uniform: [100_000, 5_000_000] } },
    })
    assert.strictEqual(everything.swarm.faults?.clock?.upTo, 10_000_000)
    assert.strictEqual(everything.swarm.faults?.drift?.upTo, 500)
  })

  describe("reports the problem and its place for", () => {
    const timed = { at: "5 seconds", for: "1 seconds" }
    const fault = (fault: object): object => ({
      timeline: [
        { kind: "crash", ...timed, node: "a" },
        { ...timed, ...fault },
      ],
    })

    it.each<readonly [string, unknown, string]>([
      ["no object", "chaos", 'expected object, found "chaos"'],
      ["nothing", null, "expected object, found null"],
      ["a list", [], "expected object, found []"],
      [
        "a misspelt key",
        { network: { losss: 0.1 } },
        "network.losss: this key is unknown; the keys allowed here are delay, distance, loss, bandwidth, queue, split, sendBuffer",
      ],
      [
        "a misspelt key at the top",
        { timline: [] },
        "timline: this key is unknown; the keys allowed here are network, disk, startDelay, timeline",
      ],
      [
        "a misspelt key of a fault",
        fault({ kind: "crash", node: "b", silnt: true }),
        "timeline[1].silnt: this key is unknown; the keys allowed here are kind, at, for, node, silent",
      ],
      ["a chance beyond 1", { network: { loss: 1.5 } }, "network.loss: expected a probability from 0 to 1, found 1.5"],
      [
        "a range of chances beyond 1",
        { network: { split: { uniform: [0.5, 30] } } },
        "network.split.uniform[1]: expected a probability from 0 to 1, found 30",
      ],
      [
        "a negative bandwidth",
        { network: { bandwidth: -1 } },
        "network.bandwidth: expected a number that is not negative, found -1",
      ],
      [
        "a reversed range",
        { network: { delay: { uniform: ["20 millis", "5 millis"] } } },
        "network.delay.uniform: the range is reversed: write the smaller value first",
      ],
      [
        "a reversed logarithmic range",
        { network: { bandwidth: { logUniform: [100, 10] } } },
        "network.bandwidth.logUniform: the range is reversed: write the smaller value first",
      ],
      [
        "a logarithmic range from 0",
        { network: { bandwidth: { logUniform: [0, 10] } } },
        "network.bandwidth.logUniform: a logarithmic range must begin above 0: use `uniform` for a range that begins at 0",
      ],
      [
        "a mean below its minimum",
        { network: { delay: { exponential: { min: "5 millis", mean: "1 millis" } } } },
        "network.delay.exponential: the mean is below the minimum: both count from 0, so write a mean that is not less than the minimum",
      ],
      [
        "an incomplete distribution",
        { network: { delay: { exponential: { min: "5 millis" } } } },
        "network.delay.exponential.mean: this key is missing",
      ],
      [
        "several problems at once",
        { network: { delay: { tail: { chance: 2, is: "5 seconds", otherwise: { uniform: ["2 seconds", "x"] } } } } },
        "network.delay.tail.chance: expected a probability from 0 to 1, found 2; " +
          'network.delay.tail.otherwise.uniform[1]: expected a duration such as "5 seconds" or "20 millis", found "x"',
      ],
      [
        "an unknown distribution",
        { network: { delay: { gaussian: 1 } } },
        'network.delay: expected a duration such as "20 millis", or an object with exactly one of the keys uniform, ' +
          'exponential, logUniform, tail, found {"gaussian":1}',
      ],
      [
        "a number as a time",
        { network: { delay: 5 } },
        'network.delay: expected a duration such as "20 millis", or an object with exactly one of the keys uniform, ' +
          "exponential, logUniform, tail, found 5",
      ],
      [
        "a number as the time of a fault",
        { timeline: [{ kind: "reset", at: 5, from: "a", to: "b" }] },
        'timeline[0].at: expected a duration such as "5 seconds" or "20 millis", found 5',
      ],
      [
        "a negative time",
        fault({ kind: "crash", node: "b", at: "-5 seconds" }),
        'timeline[1].at: expected a duration that is not negative, such as "5 seconds", found -5000000',
      ],
      [
        "an infinite time",
        fault({ kind: "crash", node: "b", for: "Infinity" }),
        'timeline[1].for: expected a duration such as "5 seconds" or "20 millis", found "Infinity"',
      ],
      ["a fault without its node", fault({ kind: "pause" }), "timeline[1].node: this key is missing"],
      [
        "a node without a name",
        fault({ kind: "stop", node: "" }),
        'timeline[1].node: expected the name of a node, found ""',
      ],
      [
        "an unknown kind",
        fault({ kind: "krash", node: "b" }),
        "timeline[1]: expected a fault: an object whose `kind` is one of partition, clog, swizzle, reset, halfOpen, crash, " +
          'stop, pause, slow, clock, drift, diskFull, found {"at":"5 seconds","for":"1 seconds","kind":"krash","node"...',
      ],
      [
        "a partition without nodes on its first side",
        fault({ kind: "partition", from: [], to: ["b"] }),
        "timeline[1].from: expected the names of nodes, at least one, found []",
      ],
      [
        "a partition without nodes on its second side",
        fault({ kind: "partition", from: ["b"], to: [] }),
        "timeline[1].to: expected the names of nodes, at least one, found []",
      ],
      [
        "a node on both sides",
        fault({ kind: "partition", from: ["a", "b"], to: ["c", "b"] }),
        'timeline[1].to: "b" is on both sides: name each node on one side only',
      ],
      [
        "a node named twice",
        fault({ kind: "partition", from: ["a"], to: ["b", "b"] }),
        'timeline[1].to: "b" is in the list twice: name each node once',
      ],
      [
        "a clog of one node",
        fault({ kind: "clog", from: "a", to: "a" }),
        'timeline[1].to: `from` and `to` are both "a": name two different nodes',
      ],
      [
        "a reset of one node",
        { timeline: [{ kind: "reset", at: "1 seconds", from: "a", to: "a" }] },
        'timeline[0].to: `from` and `to` are both "a": name two different nodes',
      ],
      [
        "an unknown kind of half-open connection",
        { timeline: [{ kind: "halfOpen", at: "1 seconds", from: "a", to: "b", how: "torn" }] },
        'timeline[0].how: expected "gone" or "deaf" or "dead" or "closed", found "torn"',
      ],
      [
        "a swizzle without nodes",
        fault({ kind: "swizzle", nodes: [] }),
        "timeline[1].nodes: expected the nodes that are cut off, at least one, found []",
      ],
      [
        "a swizzle that ends before it begins",
        fault({ kind: "swizzle", nodes: [{ node: "a", from: "2 seconds", to: "1 seconds" }] }),
        "timeline[1].nodes[0].to: the node is reconnected before it is cut off: `from` must be the earlier time",
      ],
      [
        "a clock that runs backwards",
        { timeline: [{ kind: "drift", at: "1 seconds", node: "a", ppm: -1_000_000 }] },
        "timeline[0].ppm: expected parts per million from -500000 to 500000, found -1000000",
      ],
      ["a swarm that is not an object", { swarm: true }, "swarm: expected object, found true"],
      [
        "a swarm with a timeline",
        { swarm: {}, timeline: [] },
        "timeline: this key is unknown; the keys allowed here are swarm",
      ],
      [
        "an unknown kind of faults",
        { swarm: { faults: { kill: {} } } },
        "swarm.faults.kill: this key is unknown; the keys allowed here are partition, clog, swizzle, reset, halfOpen, crash, stop, pause, slow, clock, drift, diskFull",
      ],
      [
        "an unknown shape",
        { swarm: { faults: { partition: { shapes: ["star"] } } } },
        'swarm.faults.partition.shapes[0]: expected "size" or "halves" or "isolate" or "bridge" or "ring", found "star"',
      ],
      [
        "an empty list of shapes",
        { swarm: { faults: { partition: { shapes: [] } } } },
        "swarm.faults.partition.shapes: expected at least one of size, halves, isolate, bridge, ring, found []",
      ],
      [
        "a duration whose mean exceeds its maximum",
        { swarm: { faults: { stop: { for: { min: "1 seconds", mean: "9 seconds", max: "8 seconds" } } } } },
        "swarm.faults.stop.for: the order must be min, mean, max: min is the shortest time and max the longest",
      ],
      [
        "a duration whose mean is below its minimum",
        { swarm: { faults: { stop: { for: { min: "2 seconds", mean: "1 seconds", max: "8 seconds" } } } } },
        "swarm.faults.stop.for: the order must be min, mean, max: min is the shortest time and max the longest",
      ],
      ["a fraction of a node to spare", { swarm: { spare: 0.5 } }, "swarm.spare: expected an integer, found 0.5"],
      [
        "a negative number of nodes to spare",
        { swarm: { spare: -1 } },
        "swarm.spare: expected a number of nodes, 0 or more, found -1",
      ],
    ])("of %s", (_name, input, message) => {
      assert.strictEqual(complaint(input), message)
    })
  })

  describe("kinds", () => {
    it("are the kinds of its faults for a plan", () => {
      assert.deepStrictEqual(FaultPlan.kinds(undefined), [])
      assert.deepStrictEqual(FaultPlan.kinds(FaultPlan.none), [])
      assert.deepStrictEqual(
        FaultPlan.kinds({
          network: { delay: "0 millis", loss: 0.1, bandwidth: { uniform: [0, 0] }, queue: 5, split: 1 },
          disk: { lost: 0, torn: 0.5 },
          timeline: [
            { kind: "crash", at: "1 seconds", for: "1 seconds", node: "a" },
            { kind: "drift", at: "2 seconds", node: "a", ppm: 5 },
            { kind: "crash", at: "3 seconds", for: "1 seconds", node: "b" },
          ],
        }),
        ["diskTorn", "loss", "split", "crash", "drift"],
      )
    })

    it("are the possible kinds for a swarm", () => {
      assert.deepStrictEqual(FaultPlan.kinds(FaultPlan.swarmWithDisks), [
        ...["diskLost", "diskTorn", "delay", "distance", "loss", "bandwidth", "split", "sendBuffer"],
        ...Object.keys(FaultPlan.Rates.fields),
      ])
      assert.deepStrictEqual(FaultPlan.kinds({ swarm: { off: 1, network: { loss: 1 }, faults: { crash: {} } } }), [])
      assert.deepStrictEqual(
        FaultPlan.kinds({
          swarm: {
            network: {
              delay: { min: "0 millis", mean: "0 millis", tail: { chance: 0, is: "1 seconds" } },
              loss: 0,
              split: 1,
            },
            faults: { crash: { perMinute: 0 }, stop: { perMinute: { uniform: [0, 1] } } },
          },
        }),
        ["split", "stop"],
      )
      const rarely = { min: "0 millis", mean: "0 millis", tail: { chance: 0.1, is: "1 seconds" } }
      assert.deepStrictEqual(FaultPlan.kinds({ swarm: { network: { delay: rarely } } }), ["delay"])
    })
  })
})
