import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as LogBudget from "../../src/internal/LogBudget.ts"
import { DiscoveredAddresses } from "../../src/cluster/DiscoveredAddresses.ts"

/** Makes the processing of sets with at most three addresses, and collects the passed addresses and the log lines. */
const make = Effect.gen(function* () {
  const sets: Array<ReadonlyArray<string>> = []
  const lines: Array<string> = []
  const logger = Logger.make<unknown, void>(({ message }) => {
    lines.push(String(Array.isArray(message) ? message[0] : message))
  })
  const discovered = new DiscoveredAddresses(3, yield* LogBudget.make, (addresses) => sets.push(addresses))
  const accept = (...found: ReadonlyArray<string>) => Effect.provide(discovered.accept(found), Logger.layer([logger]))
  return { accept, lines, sets }
})

it.effect("passes on the addresses of a set, and omits invalid ones", () =>
  Effect.gen(function* () {
    const { accept, lines, sets } = yield* make
    yield* accept("a:1", "no where", "B:2")
    assert.deepStrictEqual(sets, [["a:1", "b:2"]])
    assert.strictEqual(lines.length, 1)
    assert.include(lines[0], '"no where"')
  }),
)

it.effect("logs a problem when it begins, and again only after a set without it", () =>
  Effect.gen(function* () {
    const { accept, lines } = yield* make
    yield* accept("no where")
    yield* accept("no where")
    assert.strictEqual(lines.length, 1)
    yield* accept("a:1")
    yield* accept("no where")
    assert.strictEqual(lines.length, 2)
  }),
)

it.effect("uses the first addresses of a set that is too long, and logs it", () =>
  Effect.gen(function* () {
    const { accept, lines, sets } = yield* make
    yield* accept("a:1", "b:1", "c:1", "d:1")
    assert.deepStrictEqual(sets, [["a:1", "b:1", "c:1"]])
    assert.deepStrictEqual(lines, ["discovery: found 4 addresses and uses only the first 3 (limits.discovered)"])
  }),
)

it.effect("passes on an empty set", () =>
  Effect.gen(function* () {
    const { accept, lines, sets } = yield* make
    yield* accept()
    assert.deepStrictEqual(sets, [[]])
    assert.deepStrictEqual(lines, [])
  }),
)
