/** Runs the code blocks of docs/state.md about groups and placement. */
import { SimNetwork, VirtualTime } from "@coterie/testkit"
import { assert, it } from "@effect/vitest"
import { Effect, Exit, Layer, Logger, Scope } from "effect"
import * as Example from "../placement.ts"

/** Starts nodes that record who sends a report. */
const start = Effect.fnUntraced(function* (names: ReadonlyArray<string>) {
  const network = yield* SimNetwork.make()
  const sent: Array<string> = []
  const nodes = yield* Effect.forEach(names, (name) =>
    Effect.gen(function* () {
      const scope = yield* Scope.fork(yield* Effect.scope)
      const sendReport = Effect.sync(() => void sent.push(name))
      const layer = Example.node(name, names, sendReport).pipe(
        Layer.provide(network.transport(name)),
        Layer.provide(Logger.layer([])),
      )
      const context = yield* Layer.buildWithScope(layer, scope)
      return { name, context, stop: Scope.close(scope, Exit.void) }
    }),
  )
  return { nodes, sent }
})

it.effect("the report of the guide is sent by one node, and by another one after that node has stopped", () =>
  Effect.gen(function* () {
    const { nodes, sent } = yield* start(["ann", "bob", "cid"])
    yield* Effect.sleep("10 seconds")
    assert.lengthOf(sent, 1)
    yield* Effect.sleep("2 minutes")
    assert.deepStrictEqual(sent, [sent[0], sent[0], sent[0]])
    yield* nodes.find(({ name }) => name === sent[0])?.stop ?? Effect.void
    yield* Effect.sleep("10 seconds")
    assert.lengthOf(sent, 4)
    assert.notStrictEqual(sent[3], sent[0])
    // One scheduler is left, and the placement requires two.
    yield* nodes.find(({ name }) => name === sent[3])?.stop ?? Effect.void
    yield* Effect.sleep("2 minutes")
    assert.lengthOf(sent, 4)
  }).pipe(Effect.scoped, VirtualTime.flow),
)

it.effect("the encoder of the guide is the same in the view of all nodes, and an encoder", () =>
  Effect.gen(function* () {
    const { nodes } = yield* start(["ann", "bob", "cid"])
    yield* Effect.sleep("5 seconds")
    const [ann, bob, cid] = nodes
    if (ann === undefined || bob === undefined || cid === undefined) return assert.fail("a node is missing")
    yield* Effect.provide(Example.becomeEncoder(4, ["av1"]), ann.context)
    yield* Effect.provide(Example.becomeEncoder(8, ["av1", "vp9"]), bob.context)
    yield* Effect.sleep("1 second")
    const found = new Set<string>()
    for (let i = 0; i < 30; i++) {
      const names = yield* Effect.forEach(nodes, ({ context }) => Effect.provide(Example.encoderOf(`v${i}`), context))
      assert.lengthOf([...new Set(names)], 1)
      for (const name of names) found.add(name)
    }
    assert.deepStrictEqual([...found].sort(), ["ann", "bob"])
  }).pipe(Effect.scoped, VirtualTime.flow),
)

it.effect("the queue of a customer of the guide is read by one node", () =>
  Effect.gen(function* () {
    const { nodes } = yield* start(["ann", "bob"])
    const readers: Array<string> = []
    const customers = Array.from({ length: 10 }, (_, i) => `customer ${i}`)
    for (const { context, name } of nodes) {
      const readQueue = (customer: string) => Effect.sync(() => void readers.push(`${name} ${customer}`))
      yield* Effect.forkScoped(Effect.provide(Example.readQueues(customers, readQueue), context))
      yield* Effect.forkScoped(Effect.provide(Effect.provide(Example.follow("customer 0"), Logger.layer([])), context))
    }
    yield* Effect.sleep("10 seconds")
    assert.deepStrictEqual(readers.map((reader) => reader.slice(4)).sort(), customers)
  }).pipe(Effect.scoped, VirtualTime.flow),
)
