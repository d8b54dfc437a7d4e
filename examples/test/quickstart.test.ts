import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NodePath from "node:path"
import * as Child from "../support/Child.ts"

const startOf =
  (program: string) =>
  (name: string, ...addresses: ReadonlyArray<string>) =>
    Child.spawn(name, NodePath.join(import.meta.dirname, "..", program), [name, "0", ...addresses])

const start = startOf("quickstart.ts")
const startSales = startOf("salesMain.ts")

const says = (what: string) => (line: string) => (line.includes(what) ? line : undefined)

const sentTo = (name: string) => (line: string) =>
  /an order went to (.*);/
    .exec(line)?.[1]
    ?.split(", ")
    .find((each) => each === name)

const address = (child: Child.Child) =>
  child.expect("where it listens", (line) => / listens on (\S+)/.exec(line)?.[1], { within: "40 seconds" })

/** Processes start slowly on a busy machine. Each wait has a shorter timeout, whose error names the expectation. */
const testTimeout = 120_000

describe.concurrent("the quick start", () => {
  it.live(
    "exchanges messages between two terminals, reports a member that leaves, and ends with the reason if its name is taken",
    () =>
      Effect.gen(function* () {
        const ann = yield* start("ann")
        const seed = yield* address(ann)
        const bob = yield* start("bob", seed)
        yield* ann.expect("what bob says", says("bob says: Hello, world!"))
        yield* bob.expect("what ann says", says("ann says: Hello, world!"))
        const namesake = yield* start("ann", seed)
        yield* namesake.expect("why it ends", says("give every process a name of its own"), { within: "40 seconds" })
        assert.strictEqual(yield* namesake.ended, 1)
        yield* bob.signal("SIGINT")
        yield* ann.expect("that bob left", says("bob left"))
      }).pipe(Effect.scoped, Effect.provide(Child.layer)),
    testTimeout,
  )
})

describe.concurrent("the service of the guide", () => {
  it.live(
    "sends its orders to the other process, and ends if its name is taken",
    () =>
      Effect.gen(function* () {
        const ann = yield* startSales("ann")
        const seed = yield* ann.expect("where it listens", (line) => / at (\S+); policies/.exec(line)?.[1], {
          within: "40 seconds",
        })
        const bob = yield* startSales("bob", seed)
        yield* ann.expect("an order that reaches bob", sentTo("bob"), { within: "40 seconds" })
        yield* bob.expect("an order that reaches ann", sentTo("ann"), { within: "40 seconds" })
        const namesake = yield* startSales("ann", seed)
        yield* namesake.expect("why it ends", says("give every process a name of its own"), { within: "40 seconds" })
        assert.strictEqual(yield* namesake.ended, 1)
      }).pipe(Effect.scoped, Effect.provide(Child.layer)),
    testTimeout,
  )
})
