/** Harness that runs the contract of a transport on a simulated network. */
import * as Transport from "@coterie/core/Transport"
import type * as TransportContract from "@coterie/testkit/TransportContract"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type * as FaultPlan from "../../src/FaultPlan.ts"
import * as Engine from "../../src/network/Engine.ts"
import type { Environment } from "../../src/network/Environment.ts"
import { ms } from "./TestNetwork.ts"

export const contractHarness = (
  environment: Environment,
  conditions: FaultPlan.Network,
): Effect.Effect<TransportContract.Harness, never, Scope.Scope> =>
  Effect.gen(function* () {
    // A slow network needs longer for the last bytes.
    const engine = new Engine.Engine(environment, {
      conditions,
      sendBuffer: 4 * 1024 * 1024,
      linger: "10 minutes",
      userTimeout: "10 minutes",
    })
    yield* Effect.addFinalizer(() => Effect.sync(() => engine.close()))
    return {
      transport: (port) => engine.transport("a", port),
      silentPeer: Effect.gen(function* () {
        const node = Context.get(yield* Layer.build(engine.transport("silent")), Transport.Transport)
        const {
          addresses: [address],
        } = yield* Effect.orDie(node.listen)
        return { address, reset: Effect.sync(() => engine.crash("silent")) }
      }),
      open: Effect.sync(() => {
        const { connections, listeners } = engine.inspect()
        return connections.length + listeners.length
      }),
    }
  })

/** All conditions of a network at once. */
export const allConditions: FaultPlan.Network = {
  delay: { tail: { chance: 0.05, is: 500 * ms, otherwise: { exponential: { min: ms, mean: 5 * ms } } } },
  distance: { uniform: [0, 20 * ms] },
  loss: { uniform: [0.01, 0.1] },
  bandwidth: { logUniform: [2_000_000, 100_000_000] },
  queue: { uniform: [500_000, 2_000_000] },
  split: 0.3,
  sendBuffer: { logUniform: [1_000_000, 4_000_000] },
}
