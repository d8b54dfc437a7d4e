import { assert, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { DiagnosticLimiter } from "../../src/cluster/DiagnosticLimiter.ts"

const diagnostic = { _tag: "Diagnostic", message: "" } as const

it.effect("allows twenty diagnostics at once, then one a second", () =>
  Effect.gen(function* () {
    const limiter = new DiagnosticLimiter(yield* Clock.Clock)
    const allowed = () => Array.from({ length: 30 }, () => limiter.allows(diagnostic)).filter(Boolean).length
    assert.strictEqual(allowed(), 20)
    yield* TestClock.adjust("2 seconds")
    assert.strictEqual(allowed(), 2)
  }),
)

it.effect("allows every other event, regardless of the number of diagnostics", () =>
  Effect.gen(function* () {
    const limiter = new DiagnosticLimiter(yield* Clock.Clock)
    for (let i = 0; i < 30; i++) limiter.allows(diagnostic)
    assert.isFalse(limiter.allows(diagnostic))
    assert.isTrue(limiter.allows({ _tag: "Isolated" }))
  }),
)
