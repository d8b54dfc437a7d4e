import { assert, describe, it } from "@effect/vitest"
import * as Entropy from "@coterie/core/Entropy"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Draws from "../../src/kernel/Draws.ts"
import { Kernel } from "../../src/kernel/Kernel.ts"
import { Life } from "../../src/kernel/Life.ts"
import * as LifeContext from "../../src/kernel/LifeContext.ts"

const makeKernel = () =>
  new Kernel({
    draws: Draws.seeded(1),
    explore: "fifo",
    timeLimit: 60_000_000,
    stepsPerInstant: 1_000,
    afterStep: () => undefined,
    threw: () => undefined,
    runMicrotasks: () => undefined,
  })

type Options = Partial<Parameters<typeof LifeContext.make>[2]>

/** Runs an effect in the context of a life until its end or until the time limit. */
const runIn = <A>(effect: Effect.Effect<A, unknown>, options: Options = {}, number = 1) => {
  const kernel = makeKernel()
  const life = new Life(kernel.machine("a"), number)
  const context = LifeContext.make(kernel, life, { seed: 1, log: undefined, ...options })
  kernel.begin(life, () => void Effect.runForkWith(context)(effect))
  return { kernel, life, context, run: () => kernel.run() }
}

describe("LifeContext", () => {
  it("counts the fibers and sleeps of the life until they end", () => {
    const { kernel, life, run } = runIn(
      Effect.all([Effect.sleep("1 second"), Effect.sleep("3 seconds")], { concurrency: "unbounded" }),
    )
    const seen: Array<readonly [number, number]> = []
    for (const at of [0, 2_000_000, 4_000_000]) {
      kernel.events.schedule(at + 1, () => seen.push([life.fibers, life.timers]))
    }
    run()
    assert.deepStrictEqual(seen, [
      [3, 2],
      [2, 1],
      [0, 0],
    ])
  })

  it("does not count an interrupted sleep", () => {
    const { life, run } = runIn(Effect.timeoutOption(Effect.sleep("1 hour"), "1 second"))
    run()
    assert.deepStrictEqual([life.fibers, life.timers], [0, 0])
  })

  it("passes log lines to the run, with the life and the complete message", () => {
    const lines: Array<string> = []
    const log = (life: Life, text: string): void => void lines.push(`${life.machine.name} ${life.number}: ${text}`)
    runIn(Effect.logWarning("slow", { millis: 5 }), { log }, 2).run()
    assert.strictEqual(lines.length, 1)
    assert.match(lines[0] ?? "", /^a 2: Warn: slow .*millis.*5/)
  })

  it("reports a fiber that died, and not a fiber that failed", () => {
    let deaths = 0
    const died = (): void => void deaths++
    runIn(Effect.fail("expected"), { died }).run()
    assert.strictEqual(deaths, 0)
    runIn(Effect.die("a bug"), { died }).run()
    assert.strictEqual(deaths, 1)
  })

  it("draws ids from a separate generator, and other ids in each life", () => {
    const ids = (number: number) => Context.get(runIn(Effect.void, {}, number).context, Entropy.Entropy).u32()
    assert.strictEqual(ids(1), ids(1))
    assert.notStrictEqual(ids(1), ids(2))
  })

  it("returns the life of the running fiber", () => {
    const kernel = makeKernel()
    const life = new Life(kernel.machine("a"), 1)
    const seen: Array<Life | undefined> = [LifeContext.currentLife(kernel)]
    kernel.begin(
      life,
      () =>
        void Effect.runForkWith(LifeContext.make(kernel, life, { seed: 1, log: undefined }))(
          Effect.sync(() => seen.push(LifeContext.currentLife(kernel))),
        ),
    )
    kernel.run()
    assert.strictEqual(seen[0], undefined)
    assert.strictEqual(seen[1], life)
  })
})
