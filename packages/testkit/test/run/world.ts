/** Small programs, and functions that run them, for the tests of runs. */
import * as Address from "@coterie/core/Address"
import * as Transport from "@coterie/core/Transport"
import { assert } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as FaultPlan from "../../src/FaultPlan.ts"
import * as Simulation from "../../src/Simulation.ts"
import type * as SimulationError from "../../src/SimulationError.ts"

/** Counter that increments once per second. */
export class Counter extends Context.Service<Counter, { count: number }>()("test/Counter") {}

export const counter = Layer.effect(Counter)(
  Effect.gen(function* () {
    const self = { count: 0 }
    yield* Effect.forkScoped(
      Effect.forever(
        Effect.andThen(
          Effect.sleep("1 second"),
          Effect.sync(() => self.count++),
        ),
      ),
    )
    return self
  }),
)

/** Times of the last received byte and of the lost connections, by peer. */
export class Links extends Context.Service<
  Links,
  { readonly heard: Map<string, number>; readonly lost: Map<string, number> }
>()("test/Links") {}

/**
 * Keeps a connection to each other node, sends a byte on it ten times per second, and receives the bytes of the others.
 */
export const chatty = (
  sim: Simulation.Sim,
  name: string,
  names: ReadonlyArray<string>,
): Layer.Layer<Links, Transport.TransportError, Transport.Transport> =>
  Layer.effect(Links)(
    Effect.gen(function* () {
      const self = { heard: new Map<string, number>(), lost: new Map<string, number>() }
      const transport = yield* Transport.Transport
      const listener = yield* transport.listen
      yield* Effect.forkScoped(
        listener.run((connection) =>
          connection.pull.pipe(
            Effect.tap(() => Effect.sync(() => self.heard.set(connection.remoteHost, sim.now()))),
            Effect.forever,
            Effect.ignore,
          ),
        ),
      )
      const talk = (address: Address.Address) =>
        Effect.gen(function* () {
          const connection = yield* transport.connect(address)
          const write = connection.write([new TextEncoder().encode(name)])
          yield* Effect.forever(Effect.andThen(write, Effect.sleep("100 millis")))
        }).pipe(Effect.scoped)
      for (const other of names) {
        if (other === name) continue
        const address = yield* Effect.orDie(Effect.fromResult(Address.parse(`${other}:24868`)))
        const again = Effect.ignore(talk(address)).pipe(
          Effect.andThen(Effect.sync(() => self.lost.set(other, sim.now()))),
          Effect.andThen(Effect.sleep("100 millis")),
        )
        yield* Effect.forkScoped(Effect.forever(again))
      }
      return self
    }),
  )

export const names = ["a", "b", "c"] as const

/** Starts three nodes that send bytes to each other. */
export const talkers = (sim: Simulation.Sim) => sim.nodes(names, (name) => chatty(sim, name, names))

export const run = (
  body: Simulation.Scenario["body"],
  options: Simulation.Options = {},
  how: Partial<Simulation.RunOptions> = {},
) => Simulation.run(Simulation.scenario("a test", options, body), { seed: 1, ...how })

/** Runs a scenario under a plan, with the minimum delay only. */
export const under = (
  timeline: ReadonlyArray<(typeof FaultPlan.Fault)["Encoded"]>,
  body: Simulation.Scenario["body"],
  how: Partial<Simulation.RunOptions> = {},
) => run(body, { faults: { timeline } }, how)

/** Returns the failure with which a scenario ends. */
export const failure = <T extends (SimulationError.Failure | SimulationError.SimulationError)["_tag"]>(
  tag: T,
  body: Simulation.Scenario["body"],
  options: Simulation.Options = {},
) =>
  Effect.map(Effect.flip(run(body, options)), (error) => {
    assert.strictEqual(error._tag, tag, error.message)
    return error as Extract<typeof error, { readonly _tag: T }>
  })

/** Sleeps until a virtual second of the run. */
export const at = (sim: Simulation.Sim, seconds: number) =>
  Effect.suspend(() => Effect.sleep(seconds * 1000 - sim.now() / 1000))
