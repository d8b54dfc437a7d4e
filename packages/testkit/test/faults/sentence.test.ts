import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import * as FaultPlan from "../../src/FaultPlan.ts"
import { affected, drawSentence, sentence } from "../../src/faults/sentence.ts"

const at = 5_000_000

describe("a fault as a sentence", () => {
  it.each<readonly [FaultPlan.Fault, string, ReadonlyArray<string>]>([
    [
      { kind: "partition", at, for: 20_000_000, from: ["a"], to: ["b", "c"] },
      "at 5.000 s a is cut off from b and c for 20.000 s",
      ["a", "b", "c"],
    ],
    [
      { kind: "partition", at, for: 1_500, from: ["a", "b", "c"], to: ["d"] },
      "at 5.000 s a, b and c are cut off from d for 1.5 ms",
      ["a", "b", "c", "d"],
    ],
    [
      { kind: "partition", at, for: 200_000, from: ["a", "b"], to: ["c"], oneWay: true },
      "at 5.000 s nothing passes from a and b to c for 200 ms",
      ["a", "b", "c"],
    ],
    [{ kind: "clog", at: 0, for: 7, from: "a", to: "b" }, "at 0.000 s nothing passes from a to b for 7 µs", ["a", "b"]],
    [
      {
        kind: "swizzle",
        at,
        for: 4_000_000,
        nodes: [
          { node: "a", from: 0, to: 2_000_000 },
          { node: "c", from: 1_000_000, to: 4_000_000 },
        ],
      },
      "at 5.000 s these nodes are cut off from all others, each for some time: a from 5.000 s to 7.000 s, c from 6.000 s to 9.000 s",
      ["a", "c"],
    ],
    [{ kind: "reset", at, from: "a", to: "b" }, "at 5.000 s the connections between a and b are reset", ["a", "b"]],
    [
      { kind: "halfOpen", at, from: "a", to: "b", how: "gone" },
      "at 5.000 s the connections from a to b are gone at b, and a does not notice",
      ["a", "b"],
    ],
    [
      { kind: "halfOpen", at, from: "a", to: "b", how: "deaf" },
      "at 5.000 s the connections from a to b go deaf: nothing that a writes arrives any more",
      ["a", "b"],
    ],
    [
      { kind: "halfOpen", at, from: "a", to: "b", how: "dead" },
      "at 5.000 s the connections between a and b go dead: nothing arrives in either direction any more",
      ["a", "b"],
    ],
    [
      { kind: "halfOpen", at, from: "a", to: "b", how: "closed" },
      "at 5.000 s the connections from a to b are closed in one direction: b reads the end, and a continues to write",
      ["a", "b"],
    ],
    [
      { kind: "crash", at: 12_000_000, for: 3_000_000, node: "b" },
      "at 12.000 s b is killed and is started again 3.000 s later",
      ["b"],
    ],
    [
      { kind: "crash", at, for: 3_000_000, node: "b", silent: true },
      "at 5.000 s b loses power and is started again 3.000 s later",
      ["b"],
    ],
    [
      { kind: "stop", at, for: 3_000_000, node: "b" },
      "at 5.000 s b is stopped with its finalizers and is started again 3.000 s later",
      ["b"],
    ],
    [{ kind: "pause", at, for: 12_345, node: "b" }, "at 5.000 s b is paused for 12.3 ms", ["b"]],
    [
      { kind: "slow", at, for: 3_000_000, node: "b", task: 250 },
      "at 5.000 s b is slow for 3.000 s: each task takes 250 µs",
      ["b"],
    ],
    [{ kind: "diskFull", at, for: 3_000_000, node: "b" }, "at 5.000 s the disk of b is full for 3.000 s", ["b"]],
    [{ kind: "clock", at, node: "b", by: -500_000 }, "at 5.000 s the clock of b is set back by 500 ms", ["b"]],
    [{ kind: "clock", at, node: "b", by: 500_000 }, "at 5.000 s the clock of b is set forward by 500 ms", ["b"]],
    [{ kind: "drift", at, node: "b", ppm: -300 }, "at 5.000 s the clock of b runs slow by 300 ppm", ["b"]],
    [{ kind: "drift", at, node: "b", ppm: 300 }, "at 5.000 s the clock of b runs fast by 300 ppm", ["b"]],
    [{ kind: "drift", at, node: "b", ppm: 0 }, "at 5.000 s the clock of b runs at its true rate", ["b"]],
  ])("%o", (fault, text, names) => {
    assert.strictEqual(sentence(fault), text)
    assert.deepStrictEqual(affected(fault), names)
  })

  it.prop("lists the nodes of the fault, once each", [Arbitrary.schema(FaultPlan.Fault)], ([fault]) => {
    const names = affected(fault)
    assert.isAbove(names.length, 0)
    assert.strictEqual(new Set(names).size, names.length)
    for (const name of names) assert.include(sentence(fault), name)
  })
})

describe("a draw as a sentence", () => {
  it.each<readonly [string, number, number, string]>([
    ["disk a", 2, 1, "a loses a write when it loses power: the 3rd that was not synchronized"],
    ["disk a", 0, 11, "a keeps only 10 bytes of a write when it loses power: the 1st that was not synchronized"],
    ["diskNames a", 1, 1, "a loses the last change of file names when it loses power, at its 2nd loss"],
    ["diskNames a", 0, 3, "a loses the last 3 changes of file names when it loses power, at its 1st loss"],
    ["loss a>b", 2, 1, "the 3rd segment from a to b is lost once and sent again 200 ms later"],
    ["loss a>b", 0, 2, "the 1st segment from a to b is lost twice and sent again 600 ms later"],
    ["loss n-1>n-2", 10, 3, "the 11th segment from n-1 to n-2 is lost 3 times and sent again 1.400 s later"],
    ["delay a>b", 1, 35_249, "the 2nd segment from a to b is delayed by 35.2 ms"],
    ["split a>b", 11, 1, "the 12th write from a to b is cut after 1 byte"],
    ["split a>b", 12, 17, "the 13th write from a to b is cut after 17 bytes"],
    ["lossRate a>b", 0, 123_456, "12.3 % of the segments from a to b are lost, on average"],
    ["splitRate a>b", 0, 1_000_000, "100 % of the writes from a to b are cut, on average"],
    ["bandwidth a>b", 0, 10_240, "10.2 KB a second pass from a to b"],
    ["bandwidth a>b", 0, 2_500_000_000, "2.5 GB a second pass from a to b"],
    ["queue a>b", 0, 1_234_567, "1.23 MB from a to b may wait for bandwidth"],
    ["sendBuffer a>b", 20, 999, "the 21st connection between a and b holds 999 bytes from a to b"],
    ["distance a-b", 0, 12_000, "a and b are 12 ms apart, one way"],
    ["distance n-1-n-2", 0, 12_000, "the hosts n-1-n-2 are 12 ms apart, one way"],
    ["startDelay a", 1, 700_000, "a is slow at its 2nd start: the application starts 700 ms after its layer"],
    ["pick", 110, 2, "the 3rd of the ready tasks runs out of turn, at the 111th choice"],
    ["preempt a", 21, 5, "a is interrupted between two operations, in its 22nd block of operations"],
    ["weather a>b", 3, 7, 'the 4th decision of "weather a>b" is 7 and not 0'],
    ["loss", 3, 7, 'the 4th decision of "loss" is 7 and not 0'],
    ["loss a>b>c", 3, 7, 'the 4th decision of "loss a>b>c" is 7 and not 0'],
    ["delay >b", 3, 7, 'the 4th decision of "delay >b" is 7 and not 0'],
    ["constructor a>b", 3, 7, 'the 4th decision of "constructor a>b" is 7 and not 0'],
  ])("%s #%i is %i", (stream, index, value, text) => {
    assert.strictEqual(drawSentence(stream, index, value), text)
  })

  it.prop(
    "exists for any draw",
    [Schema.String, Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)), Schema.Int],
    ([stream, index, value]) => assert.match(drawSentence(stream, index, value), / (is|are|may|pass|holds) /),
  )
})
