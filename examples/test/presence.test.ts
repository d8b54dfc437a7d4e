import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NodePath from "node:path"
import * as Child from "../support/Child.ts"

const start = (name: string, ...addresses: ReadonlyArray<string>) =>
  Child.spawn(name, NodePath.join(import.meta.dirname, "../presence/presence.ts"), [name, "0", ...addresses])

const address = (child: Child.Child) =>
  child.expect("where it is", (line) => / is at (\S+)$/.exec(line)?.[1], { within: "20 seconds" })

const prints = (child: Child.Child, what: string, from?: number) =>
  child.expect(what, (line) => line === what || undefined, { from, within: "20 seconds" })

describe("presence", () => {
  it.live(
    "shows who is here and what they do, and tells who left from who crashed",
    () =>
      Effect.gen(function* () {
        const ann = yield* start("ann")
        const seed = yield* address(ann)
        yield* prints(ann, "here: ann (just came)")
        const bob = yield* start("bob", seed)
        yield* prints(ann, "here: ann (just came), bob (just came)")
        yield* prints(bob, "here: ann (just came), bob (just came)")

        yield* bob.say("writes the guide")
        yield* prints(ann, "here: ann (just came), bob (writes the guide)")
        yield* ann.say("reads it")
        yield* prints(bob, "here: ann (reads it), bob (writes the guide)")

        // Who comes later sees the same.
        const cat = yield* start("cat", seed)
        yield* prints(cat, "here: ann (reads it), bob (writes the guide), cat (just came)")
        yield* prints(ann, "here: ann (reads it), bob (writes the guide), cat (just came)")

        const mark = ann.mark()
        yield* bob.hangUp
        assert.strictEqual(yield* bob.ended, 0)
        yield* prints(ann, "* bob left", mark)
        yield* prints(ann, "here: ann (reads it), cat (just came)", mark)

        yield* cat.signal("SIGKILL")
        yield* prints(ann, "* cat is gone without a word", mark)
        yield* prints(ann, "here: ann (reads it)", mark)
      }).pipe(Effect.scoped, Effect.provide(Child.layer)),
    60_000,
  )
})
