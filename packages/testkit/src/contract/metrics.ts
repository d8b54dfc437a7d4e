/** Tests of the metrics that a transport adds. A transport without metrics passes. */
import type { NodeMetrics } from "@coterie/core/NodeMetrics"
import type * as Transport from "@coterie/core/Transport"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { nodeOf, untilEnd } from "./connections.ts"
import type { Suite } from "./Harness.ts"

/** Metrics of no node, which count the calls. */
class CountedMetrics implements NodeMetrics {
  calls = 0

  private readonly call = (): void => void this.calls++

  readonly counter = () => {
    this.call()
    return { increment: this.call }
  }

  readonly gauge = () => {
    this.call()
    return { add: this.call }
  }

  readonly histogram = () => {
    this.call()
    return { record: this.call }
  }

  readonly observe = () => {
    this.call()
    return this.call
  }

  readonly laneLabel = (lane: string): string => lane
}

const addTo = (transport: Transport.Transport["Service"], metrics: NodeMetrics) =>
  transport.addMetrics?.(metrics) ?? Effect.void

/** Registers the tests. */
export const checkMetrics = ({ check }: Suite): void => {
  check("a transport does not use the metrics of a node after their scope is closed", (harness) =>
    Effect.gen(function* () {
      const server = yield* nodeOf(harness)
      const client = yield* nodeOf(harness)
      const metrics = [new CountedMetrics(), new CountedMetrics()] as const
      const scope = yield* Scope.make()
      yield* Scope.provide(addTo(server, metrics[0]), scope)
      yield* Scope.provide(addTo(client, metrics[1]), scope)
      const listener = yield* server.listen
      yield* Effect.forkScoped(listener.run(untilEnd))
      yield* Effect.scoped(client.connect(listener.addresses[0]))
      yield* Scope.close(scope, Exit.void)
      const before = metrics.map(({ calls }) => calls)
      yield* Effect.scoped(client.connect(listener.addresses[0]))
      assert.deepStrictEqual(
        metrics.map(({ calls }) => calls),
        before,
      )
    }),
  )
}
