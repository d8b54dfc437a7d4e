/** Tests for `vitest.test.ts`, which runs them in a separate process. Some of them fail. */
import * as Effect from "effect/Effect"
import * as Context from "effect/Context"
import * as Layer from "effect/Layer"
import { assert } from "vitest"
import * as Invariant from "../../src/Invariant.ts"
import * as Simulation from "../../src/Simulation.ts"
import { it } from "../../src/vitest.ts"

class Ticks extends Context.Service<Ticks, { count: number }>()("fixture/Ticks") {}

const ticking = Layer.effect(Ticks)(
  Effect.gen(function* () {
    const self = { count: 0 }
    const tick = Effect.andThen(
      Effect.sleep("1 second"),
      Effect.sync(() => self.count++),
    )
    yield* Effect.forkScoped(Effect.forever(tick))
    return self
  }),
)

/** Seeds of the test that runs with several seeds. */
const ran: Array<number> = []

it.sim("passes once", (sim) => Effect.sync(() => assert.strictEqual(sim.seed, 1)))

it.sim("passes with seeds from a base", { seeds: 3, base: 10 }, (sim) => Effect.sync(() => ran.push(sim.seed)))

it("was run with these seeds", () => assert.deepStrictEqual(ran, [10, 11, 12]))

it.sim(
  "breaks (in a crash) of what's running",
  { seeds: 5, faults: { swarm: { off: 0, faults: { crash: { perMinute: 30 }, clock: { perMinute: 30 } } } } },
  (sim) =>
    Effect.gen(function* () {
      const { a } = yield* sim.nodes(["a", "b"], () => ticking)
      yield* Invariant.always("a lives once", () => a.lives < 2 || "a was started again")
      yield* Effect.sleep("1 minute")
    }),
)

it.sim("never gets there", { seeds: 3 }, () => Invariant.sometimes("a takeover"))

it.sim("one seed need not get there", () => Invariant.sometimes("a takeover"))

it.sim("uses a plan that cannot be", { faults: { network: { loss: 2 } } }, () => Effect.void)

const one = Simulation.scenario("is a scenario of its own", () => Effect.fail(new Error("and fails")))

it.sim(one)

it.sim.skip("is skipped", () => Effect.die("it was not"))

for (const letter of ["x", "y"]) {
  it.describe.concurrent(`at the same time as others ${letter}`, () => {
    it.sim(`sleeps ${letter}`, { seeds: 20 }, (sim) =>
      Effect.gen(function* () {
        const { a } = yield* sim.nodes(["a"], () => ticking)
        yield* Effect.sleep("10500 millis")
        assert.strictEqual(a.service(Ticks)?.count, 10)
      }),
    )
  })
}

it.sim("is over by its time", { seeds: 1_000_000, timeout: 50 }, () => Effect.void)
