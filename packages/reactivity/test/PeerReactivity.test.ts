import type * as Cluster from "@coterie/core/Cluster"
import * as PeerReactivity from "@coterie/reactivity/PeerReactivity"
import type * as SimNetwork from "@coterie/testkit/SimNetwork"
import { assert, describe } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as Stream from "effect/Stream"
import * as Support from "./support.ts"

const { settle, test } = Support

type Keys = Parameters<Reactivity.Reactivity["invalidate"]>[0]

/** Starts a node, and counts the runs of its queries. */
const start = Effect.fnUntraced(function* (
  network: SimNetwork.Shape,
  name: string,
  options: PeerReactivity.Options = {},
  clusterOptions: Partial<Cluster.Options> & { readonly lines?: Array<string> } = {},
) {
  const layer = Object.keys(options).length === 0 ? PeerReactivity.layer : PeerReactivity.layerWith(options)
  const node = yield* Support.start(network, name, layer, clusterOptions)
  const reactivity = yield* node.run(Reactivity.Reactivity)
  const counts = new Map<string, number>()
  const query = (label: string, keys: Keys) =>
    reactivity
      .stream(
        keys,
        Effect.sync(() => void counts.set(label, (counts.get(label) ?? 0) + 1)),
      )
      .pipe(Stream.runDrain, Effect.forkScoped)
  /** Returns the runs of a query since the last call. */
  const runs = (label: string): number => {
    const count = counts.get(label) ?? 0
    counts.delete(label)
    return count
  }
  return { ...node, reactivity, query, runs }
})

/** Starts nodes that have met, each with the queries `x` and `y`. */
const meet = Effect.fnUntraced(function* (network: SimNetwork.Shape, names: ReadonlyArray<string>) {
  const nodes = yield* Effect.forEach(names, (name) => start(network, name), { concurrency: "unbounded" })
  for (const node of nodes) yield* node.linked(names.length - 1)
  for (const node of nodes) {
    yield* node.query("x", ["x"])
    yield* node.query("y", { y: [1] })
  }
  yield* settle
  for (const { runs } of nodes) void [runs("x"), runs("y")]
  return nodes
})

describe("PeerReactivity", () => {
  test("a mutation runs the queries of its keys again at all nodes, once, and no other query", (network) =>
    Effect.gen(function* () {
      const [a, b, c] = yield* meet(network, ["a", "b", "c"])
      if (a === undefined || b === undefined || c === undefined) return
      yield* a.run(Reactivity.mutation(Effect.void, ["x"]))
      yield* settle
      for (const { runs } of [a, b, c]) assert.deepStrictEqual([runs("x"), runs("y")], [1, 0])
      yield* b.run(Reactivity.invalidate({ y: [1, 2], z: [] }))
      yield* settle
      for (const { runs } of [a, b, c]) assert.deepStrictEqual([runs("x"), runs("y")], [0, 1])
      yield* b.run(Reactivity.invalidate({ y: [2] }))
      yield* settle
      // A record with ids invalidates the queries of the name, as in Effect.
      for (const { runs } of [a, b, c]) assert.deepStrictEqual([runs("x"), runs("y")], [0, 1])
    }))

  test("a mutation that fails runs no query", (network) =>
    Effect.gen(function* () {
      const [a, b] = yield* meet(network, ["a", "b"])
      yield* Effect.ignore(a?.reactivity.mutation(["x"], Effect.fail("no")) ?? Effect.void)
      yield* settle
      assert.deepStrictEqual([a?.runs("x"), b?.runs("x")], [0, 0])
    }))

  test("a mutation that is interrupted invalidates its keys, because it may have written", (network) =>
    Effect.gen(function* () {
      const [a, b] = yield* meet(network, ["a", "b"])
      if (a === undefined || b === undefined) return
      const written = yield* Deferred.make<void>()
      const write = Effect.uninterruptible(Effect.andThen(Deferred.await(written), Effect.void))
      const fiber = yield* Effect.forkScoped(a.reactivity.mutation(["x"], write), { startImmediately: true })
      const interrupting = yield* Effect.forkScoped(Fiber.interrupt(fiber), { startImmediately: true })
      yield* Deferred.succeed(written, undefined)
      yield* Fiber.join(interrupting)
      yield* settle
      assert.deepStrictEqual([a.runs("x"), b.runs("x")], [1, 1])
    }))

  test("peers hear of the keys of a batch at its end", (network) =>
    Effect.gen(function* () {
      const [a, b] = yield* meet(network, ["a", "b"])
      if (a === undefined || b === undefined) return
      const batch = Effect.gen(function* () {
        yield* a.reactivity.invalidate(["x"])
        yield* settle
        assert.deepStrictEqual([a.runs("x"), b.runs("x")], [0, 0])
        yield* a.reactivity.invalidate(["x"])
      })
      yield* a.reactivity.withBatch(batch)
      yield* settle
      assert.deepStrictEqual([a.runs("x"), b.runs("x")], [1, 1])
    }))

  test("a lost link and its return run every query again once, which has then seen what was written meanwhile", (network) =>
    Effect.gen(function* () {
      const [a, b, c] = yield* meet(network, ["a", "b", "c"])
      if (a === undefined || b === undefined || c === undefined) return
      yield* network.partition(["a"], ["b"])
      yield* a.linked(1)
      yield* b.linked(1)
      yield* a.run(Reactivity.mutation(Effect.void, ["x"]))
      yield* settle
      assert.deepStrictEqual([a.runs("x"), b.runs("x"), c.runs("x")], [1, 0, 1])
      yield* network.heal
      yield* a.linked(2)
      yield* b.linked(2)
      yield* settle
      assert.deepStrictEqual([a.runs("x"), b.runs("x"), c.runs("x")], [1, 1, 0])
      assert.deepStrictEqual([a.runs("y"), b.runs("y"), c.runs("y")], [1, 1, 0])
    }))

  test("a peer that fails runs every query again once, because its last invalidations may be lost", (network) =>
    Effect.gen(function* () {
      const [, b, c] = yield* meet(network, ["a", "b", "c"])
      if (b === undefined || c === undefined) return
      yield* network.crash("a", { silent: true })
      yield* b.linked(1)
      yield* Effect.sleep("1 minute")
      assert.strictEqual((yield* b.cluster.view).peers.size, 1)
      assert.deepStrictEqual([b.runs("x"), c.runs("x")], [1, 1])
    }))

  test("a peer that leaves runs no query, and its last invalidations arrive", (network) =>
    Effect.gen(function* () {
      const [a, b] = yield* meet(network, ["a", "b"])
      if (a === undefined || b === undefined) return
      a.reactivity.invalidateUnsafe(["x"])
      yield* a.stop
      yield* settle
      assert.strictEqual((yield* b.cluster.view).peers.size, 0)
      assert.deepStrictEqual([b.runs("x"), b.runs("y")], [1, 0])
    }))

  test("a node that joins runs every query of the others once", (network) =>
    Effect.gen(function* () {
      const [a, b] = yield* meet(network, ["a", "b"])
      if (a === undefined || b === undefined) return
      const c = yield* start(network, "c")
      yield* c.linked(2)
      yield* settle
      assert.deepStrictEqual([a.runs("x"), b.runs("x")], [1, 1])
    }))

  test("a key that peers cannot compare is a defect that says what to do, and no query misses the change", (network) =>
    Effect.gen(function* () {
      const [a, b] = yield* meet(network, ["a", "b"])
      if (a === undefined || b === undefined) return
      const key = { id: 1 }
      const message = /a key of Reactivity of type object cannot be sent to peers; use a string or a number/
      const dies = (effect: Effect.Effect<unknown, unknown>) =>
        Effect.map(Effect.exit(effect), (exit) =>
          assert.match(Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "success", message),
        )
      let isWritten = false
      yield* dies(
        a.reactivity.mutation(
          [key],
          Effect.sync(() => void (isWritten = true)),
        ),
      )
      assert.isFalse(isWritten)
      yield* dies(Effect.scoped(a.reactivity.query([key], Effect.void)))
      yield* dies(Stream.runDrain(a.reactivity.stream({ x: [key] }, Effect.void)))
      assert.throws(() => a.reactivity.registerUnsafe([key], () => undefined), message)
      yield* settle
      assert.deepStrictEqual([a.runs("x"), b.runs("x")], [0, 0])

      yield* dies(a.reactivity.invalidate(["x", key]))
      yield* settle
      assert.deepStrictEqual([a.runs("x"), b.runs("x")], [1, 1])
      assert.throws(() => a.reactivity.invalidateUnsafe(["x", key]), message)
      yield* settle
      assert.deepStrictEqual([a.runs("x"), b.runs("x")], [1, 1])
    }))

  test("nodes with different channels do not hear each other", (network) =>
    Effect.gen(function* () {
      const a = yield* start(network, "a", { channel: "one" })
      const b = yield* start(network, "b", { channel: "two" })
      yield* b.linked(1)
      yield* b.query("x", ["x"])
      yield* settle
      b.runs("x")
      a.reactivity.invalidateUnsafe(["x"])
      yield* settle
      assert.strictEqual(b.runs("x"), 0)
    }))

  test("a handler that is registered runs for its keys, and after a gap, until it is removed", (network) =>
    Effect.gen(function* () {
      const [a, b] = yield* meet(network, ["a", "b"])
      if (a === undefined || b === undefined) return
      let count = 0
      const remove = b.reactivity.registerUnsafe(["z"], () => void count++)
      a.reactivity.invalidateUnsafe(["z"])
      yield* settle
      assert.strictEqual(count, 1)
      yield* network.cut("a", "b")
      yield* settle
      assert.strictEqual(count, 2)
      remove()
      a.reactivity.invalidateUnsafe(["z"])
      yield* settle
      assert.strictEqual(count, 2)
    }))
})
