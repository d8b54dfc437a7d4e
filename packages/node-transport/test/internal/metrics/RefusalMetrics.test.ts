import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { RefusalMetrics } from "../../../src/internal/metrics/RefusalMetrics.ts"
import { ShownMetrics } from "./ShownMetrics.ts"

const address = "203.0.113.9"

describe("the metrics of refusals", () => {
  it.effect("count refusals by their reason, from the first one on", () =>
    Effect.gen(function* () {
      const refusals = new RefusalMetrics()
      const shown = new ShownMetrics()
      refusals.refused({ address, reason: "slow" })
      yield* refusals.addMetrics(shown.metrics)
      assert.deepStrictEqual(shown.values, {})
      for (const reason of ["secret", "rate", "secret"] as const) refusals.refused({ address, reason })
      assert.deepStrictEqual(shown.values, {
        "coterie_connections_total in secret": 2,
        "coterie_connections_total in rate": 1,
      })
    }),
  )

  it.effect("count for each node until its scope closes", () =>
    Effect.gen(function* () {
      const refusals = new RefusalMetrics()
      const [a, b] = [new ShownMetrics(), new ShownMetrics()]
      const scope = yield* Scope.make()
      yield* Scope.provide(refusals.addMetrics(a.metrics), scope)
      yield* refusals.addMetrics(b.metrics)
      refusals.refused({ address, reason: "slow" })
      yield* Scope.close(scope, Exit.void)
      refusals.refused({ address, reason: "slow" })
      assert.deepStrictEqual(
        [a, b].map(({ values }) => values["coterie_connections_total in slow"]),
        [1, 2],
      )
    }),
  )
})
