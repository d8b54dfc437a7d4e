import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NodePath from "node:path"
import * as Child from "../support/Child.ts"

const start = (name: string, ...addresses: ReadonlyArray<string>) =>
  Child.spawn(name, NodePath.join(import.meta.dirname, "../quickstart.ts"), [name, "0", ...addresses])

const says = (what: string) => (line: string) => (line.includes(what) ? line : undefined)

const address = (child: Child.Child) =>
  child.expect("where it listens", (line) => / listens on (\S+)/.exec(line)?.[1], { within: "20 seconds" })

/** Starting processes takes long where much else runs. What does not come fails earlier, and says what it was. */
const testTimeout = 60_000

describe("the quick start", () => {
  it.live(
    "run in two terminals, has each hear the other, and tells who leaves",
    () =>
      Effect.gen(function* () {
        const ann = yield* start("ann")
        const bob = yield* start("bob", yield* address(ann))
        yield* ann.expect("what bob says", says("bob says: Hello, world!"))
        yield* bob.expect("what ann says", says("ann says: Hello, world!"))
        yield* bob.signal("SIGINT")
        yield* ann.expect("that bob left", says("bob left"))
      }).pipe(Effect.scoped, Effect.provide(Child.layer)),
    testTimeout,
  )

  it.live(
    "ends with the reason when a living peer has its name",
    () =>
      Effect.gen(function* () {
        const ann = yield* start("ann")
        const namesake = yield* start("ann", yield* address(ann))
        yield* namesake.expect("why it ends", says("give every peer a name of its own"), { within: "20 seconds" })
        assert.strictEqual(yield* namesake.ended, 1)
      }).pipe(Effect.scoped, Effect.provide(Child.layer)),
    testTimeout,
  )
})
