import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Random from "effect/Random"
import * as LifeContext from "../../src/kernel/LifeContext.ts"
import * as Draws from "../../src/kernel/Draws.ts"
import { type Explore, Kernel } from "../../src/kernel/Kernel.ts"
import { Life } from "../../src/kernel/Life.ts"

const make = (options: { seed?: number; explore?: Explore; draws?: Draws.Draws; stepsPerInstant?: number } = {}) => {
  const draws = options.draws ?? Draws.seeded(options.seed ?? 1)
  const kernel = new Kernel({
    draws,
    explore: options.explore ?? "fifo",
    timeLimit: 60_000_000,
    stepsPerInstant: options.stepsPerInstant ?? 10_000,
    afterStep: () => undefined,
    threw: (_, cause) => {
      throw cause
    },
    runMicrotasks: () => undefined,
  })
  const life = (name: string): Life => new Life(kernel.machine(name), 1)
  /** Runs an effect as part of a life. */
  const fork = <A, E>(life: Life, effect: Effect.Effect<A, E>): void =>
    kernel.enqueue(life, () => {
      Effect.runForkWith(LifeContext.make(kernel, life, { seed: 1, log: () => undefined }))(effect)
    })
  return { kernel, life, fork, draws }
}

const letters = [..."abcdefgh"]

describe("Kernel", () => {
  it("runs ready tasks in turn, then advances time to the next event", () => {
    const { fork, kernel, life } = make()
    const node = life("a")
    const seen: Array<string> = []
    const say = (text: string, sleep: number) =>
      Effect.andThen(
        Effect.sleep(sleep),
        Effect.sync(() => seen.push(`${text} ${kernel.now}`)),
      )
    fork(node, say("late", 20))
    fork(node, say("now", 0))
    fork(node, say("early", 10))
    assert.deepStrictEqual(kernel.run(), { _tag: "stalled" })
    assert.deepStrictEqual(seen, ["now 0", "early 10000", "late 20000"])
  })

  it("runs a lower priority after all tasks that were ready", () => {
    const { kernel, life } = make()
    const node = life("a")
    const seen: Array<string> = []
    kernel.enqueue(node, () => seen.push("low"), 10)
    kernel.enqueue(node, () => {
      seen.push("first")
      kernel.enqueue(node, () => seen.push("later"))
    })
    kernel.enqueue(node, () => seen.push("second"))
    kernel.run()
    assert.deepStrictEqual(seen, ["first", "second", "low", "later"])
  })

  it("explores any order, the same for the same seed, and turn order without draws", () => {
    const order = (draws: Draws.Draws): string => {
      const { kernel, life } = make({ explore: "random", draws })
      const node = life("a")
      let seen = ""
      for (const letter of letters) kernel.enqueue(node, () => (seen += letter))
      kernel.run()
      return seen
    }
    const orders = Array.from({ length: 50 }, (_, seed) => order(Draws.seeded(seed)))
    assert.deepStrictEqual(
      orders,
      Array.from({ length: 50 }, (_, seed) => order(Draws.seeded(seed))),
    )
    assert.isAbove(new Set(orders).size, 45)
    for (const seen of orders) assert.strictEqual([...seen].sort().join(""), letters.join(""))
    assert.strictEqual(order(Draws.replaying({})), letters.join(""))
    assert.strictEqual(order(Draws.replaying({ pick: { "0": 2, "1": 99 } })), "chabdefg")
  })

  it("interrupts a fiber between two operations only when it preempts", () => {
    const interleaved = (explore: Explore, seed: number): boolean => {
      const { fork, kernel, life } = make({ explore, seed })
      const node = life("a")
      let seen = ""
      const count = (letter: string) =>
        Effect.forEach(
          letters,
          () =>
            Effect.sync(() => {
              seen += letter
            }),
          { discard: true },
        )
      fork(node, count("x"))
      fork(node, count("y"))
      kernel.run()
      return seen.includes("xy") && seen.includes("yx")
    }
    const seeds = Array.from({ length: 100 }, (_, seed) => seed)
    assert.isTrue(seeds.some((seed) => interleaved("preempt", seed)))
    assert.isFalse(seeds.some((seed) => interleaved("random", seed)))
    assert.isFalse(interleaved("fifo", 1))
  })

  it("drops all tasks of an ended life, and runs none of its finalizers", () => {
    const { fork, kernel, life } = make()
    const dead = life("a")
    const seen: Array<string> = []
    const say = (text: string) => Effect.sync(() => seen.push(text))
    fork(
      dead,
      Effect.onExit(Effect.andThen(Effect.sleep(5), say("slept")), () => say("finalizer")),
    )
    fork(
      dead,
      Effect.onExit(Effect.never, () => say("finalizer")),
    )
    kernel.events.schedule(1_000, () => {
      kernel.enqueue(dead, () => seen.push("was ready"))
      kernel.kill(dead)
      kernel.enqueue(dead, () => seen.push("too late"))
    })
    kernel.run()
    assert.deepStrictEqual(seen, [])
  })

  it("does not continue a fiber of an ended life when another life resumes it", () => {
    const { fork, kernel, life } = make()
    const dead = life("a")
    const seen: Array<string> = []
    let resume = (): void => assert.fail("it never waited")
    fork(
      dead,
      Effect.andThen(
        Effect.callback<void>((done) => {
          resume = () => done(Effect.void)
        }),
        Effect.sync(() => seen.push("went on")),
      ),
    )
    kernel.events.schedule(1_000, () => {
      kernel.kill(dead)
      resume()
    })
    kernel.run()
    assert.deepStrictEqual(seen, [])
  })

  it("keeps the tasks of a paused machine, and runs them in order when it continues", () => {
    const { fork, kernel, life } = make()
    const node = life("a")
    const seen: Array<string> = []
    const say = (text: string) => Effect.sync(() => seen.push(`${text} ${kernel.now}`))
    fork(node, Effect.andThen(Effect.sleep(2), say("slept 2")))
    fork(node, Effect.andThen(Effect.sleep(3), say("slept 3")))
    kernel.events.schedule(1_000, () => {
      kernel.enqueue(node, () => seen.push("never before 9000"))
      kernel.pause(node.machine)
    })
    kernel.events.schedule(9_000, () => {
      assert.deepStrictEqual(seen, [])
      kernel.resume(node.machine)
    })
    kernel.run()
    assert.deepStrictEqual(seen, ["never before 9000", "slept 2 9000", "slept 3 9000"])
  })

  it("keeps the order of ready and waiting tasks when a slow machine is paused", () => {
    // Turn order, in which all tasks of one instant are ready before any of them runs.
    const { kernel, life } = make({ explore: "random", draws: Draws.replaying({}) })
    const node = life("a")
    const other = life("b")
    const seen: Array<string> = []
    kernel.timer(other, 1_000, () => kernel.pause(node.machine))
    kernel.slow(node.machine, 1_000)
    for (const name of ["1", "2", "3"]) kernel.enqueue(node, () => seen.push(name))
    kernel.events.schedule(5_000, () => {
      assert.deepStrictEqual(seen, ["1"])
      kernel.resume(node.machine)
    })
    kernel.run()
    assert.deepStrictEqual(seen, ["1", "2", "3"])
  })

  it("counts the callback of a timer as a task of a slow machine", () => {
    const { kernel, life } = make()
    const node = life("a")
    kernel.slow(node.machine, 1_000)
    const seen: Array<number> = []
    for (let i = 0; i < 3; i++) kernel.timer(node, 5_000, () => seen.push(kernel.now))
    kernel.run()
    assert.deepStrictEqual(seen, [5_000, 6_000, 7_000])
  })

  it("counts steps as a livelock only within one instant", () => {
    const { fork, kernel, life } = make({ stepsPerInstant: 10 })
    fork(life("a"), Effect.forever(Effect.sleep("100 millis")))
    assert.deepStrictEqual(kernel.run(), { _tag: "timeLimit" })
  })

  it("spends no time on the tasks of an ended life", () => {
    const { kernel, life } = make()
    const dead = life("a")
    const next = new Life(dead.machine, 2)
    kernel.slow(dead.machine, 1_000)
    const seen: Array<number> = []
    for (let i = 0; i < 20; i++) kernel.enqueue(dead, () => undefined)
    kernel.events.schedule(5_500, () => {
      kernel.kill(dead)
      for (let i = 0; i < 20; i++) kernel.enqueue(dead, () => undefined)
      kernel.enqueue(next, () => seen.push(kernel.now))
    })
    kernel.run()
    assert.deepStrictEqual(seen, [6_000])
  })

  it("completes the round in which a machine is paused, and only that round", () => {
    const { kernel, life } = make()
    const node = life("a")
    const other = life("b")
    const seen: Array<string> = []
    kernel.enqueue(other, () => {
      kernel.enqueue(other, () => seen.push("next round"))
      kernel.enqueue(other, () => seen.push("first of the next round"), -1)
      kernel.pause(node.machine)
    })
    kernel.enqueue(node, () => seen.push("paused"))
    kernel.enqueue(other, () => seen.push("this round"))
    kernel.run()
    assert.deepStrictEqual(seen, ["this round", "first of the next round", "next round"])
  })

  it("keeps the order of waiting tasks when a slow machine is at full speed again", () => {
    const { kernel, life } = make()
    const node = life("a")
    kernel.slow(node.machine, 1_000)
    const seen: Array<string> = []
    for (const name of ["1", "2", "3"]) kernel.enqueue(node, () => seen.push(`${name} at ${kernel.now}`))
    kernel.events.schedule(500, () => {
      kernel.slow(node.machine, 0)
      kernel.enqueue(node, () => seen.push(`4 at ${kernel.now}`))
    })
    kernel.run()
    assert.deepStrictEqual(seen, ["1 at 0", "2 at 500", "3 at 500", "4 at 500"])
  })

  it("never picks a lower priority before a higher one", () => {
    for (let seed = 0; seed < 50; seed++) {
      const { kernel, life } = make({ explore: "random", seed })
      const node = life("a")
      const seen: Array<string> = []
      kernel.enqueue(node, () => {
        // They run in the round after the next, behind the tasks that are ready then.
        kernel.enqueue(node, () => {
          seen.push("a")
          kernel.enqueue(node, () => seen.push("c"))
        })
        kernel.enqueue(node, () => seen.push("b"))
        kernel.enqueue(node, () => seen.push("low"), 10)
      })
      kernel.run()
      assert.strictEqual(
        seen.indexOf("low") > seen.indexOf("a") && seen.indexOf("low") > seen.indexOf("b"),
        true,
        seen.join(),
      )
    }
  })

  it("reports a task that throws, and continues", () => {
    const told: Array<unknown> = []
    const kernel = new Kernel({
      draws: Draws.seeded(1),
      explore: "fifo",
      timeLimit: 60_000_000,
      stepsPerInstant: 100,
      afterStep: () => undefined,
      threw: (life, cause) => told.push(life.machine.name, cause),
      runMicrotasks: () => undefined,
    })
    const node = new Life(kernel.machine("a"), 1)
    kernel.enqueue(node, () => {
      throw "a mistake"
    })
    kernel.timer(node, 5, () => {
      throw "another"
    })
    assert.deepStrictEqual(kernel.run(), { _tag: "stalled" })
    assert.deepStrictEqual(told, ["a", "a mistake", "a", "another"])
    assert.isUndefined(kernel.current)
  })

  it("runs nothing after its end", () => {
    const { fork, kernel, life } = make()
    const node = life("a")
    const seen: Array<string> = []
    let resume = (): void => assert.fail("it never waited")
    fork(
      node,
      Effect.andThen(
        Effect.callback<void>((done) => {
          resume = () => done(Effect.void)
        }),
        Effect.sync(() => seen.push("went on")),
      ),
    )
    kernel.run()
    resume()
    kernel.enqueue(node, () => seen.push("later"))
    kernel.run()
    assert.deepStrictEqual(seen, [])
  })

  it("calls the observer after every event that is not a step of a life, and once after each step", () => {
    const looked: Array<string> = []
    const kernel = new Kernel({
      draws: Draws.seeded(1),
      explore: "fifo",
      timeLimit: 60_000_000,
      stepsPerInstant: 100,
      afterStep: (life) => looked.push(life?.machine.name ?? "world"),
      threw: () => undefined,
      runMicrotasks: () => undefined,
    })
    const node = new Life(kernel.machine("a"), 1)
    kernel.events.schedule(1, () => undefined)
    kernel.timer(node, 2, () => undefined)
    kernel.events.schedule(3, () => kernel.enqueue(node, () => undefined))
    kernel.run()
    assert.deepStrictEqual(looked, ["world", "a", "world", "a"])
  })

  it("runs one task after the other on a slow machine", () => {
    const { kernel, life } = make()
    const node = life("a")
    const other = life("b")
    node.machine.taskMicros = 1_000
    const seen: Array<string> = []
    for (const name of ["1", "2", "3"]) kernel.enqueue(node, () => seen.push(`${name} at ${kernel.now}`))
    kernel.enqueue(other, () => seen.push(`other at ${kernel.now}`))
    kernel.run()
    assert.deepStrictEqual(seen, ["other at 0", "1 at 0", "2 at 1000", "3 at 2000"])
  })

  it("gives each node a clock that can be set and can run fast, and sleeps by that clock", () => {
    const { fork, kernel, life } = make()
    const node = life("a")
    node.machine.offset = 3_000_000
    node.machine.setRate(kernel.now, 2)
    const seen: Array<number> = []
    fork(
      node,
      Effect.gen(function* () {
        const before = yield* Clock.monotonicTimeNanos
        yield* Effect.sleep(100)
        seen.push(kernel.now, Number((yield* Clock.monotonicTimeNanos) - before) / 1e6)
        seen.push((yield* Clock.currentTimeMillis) - LifeContext.epochMillis)
        seen.push(Number((yield* Clock.currentTimeNanos) / 1_000_000n) - LifeContext.epochMillis)
      }),
    )
    kernel.run()
    assert.deepStrictEqual(seen, [50_000, 100, 3_100, 3_100])
  })

  it("seeds chance by node and life", () => {
    const numbers = (name: string, number: number): number => {
      const { kernel } = make()
      const node = new Life(kernel.machine(name), number)
      const context = LifeContext.make(kernel, node, { seed: 1, log: () => undefined })
      return Effect.runSyncWith(context)(Random.next)
    }
    assert.strictEqual(numbers("a", 1), numbers("a", 1))
    assert.strictEqual(new Set([numbers("a", 1), numbers("a", 2), numbers("b", 1)]).size, 3)
  })

  it("keeps the metrics of each life separate", () => {
    const { kernel } = make()
    const counter = Metric.counter("Kernel.test")
    const count = (number: number): number => {
      const life = new Life(kernel.machine("a"), number)
      const context = LifeContext.make(kernel, life, { seed: 1, log: () => undefined })
      counter.updateUnsafe(1, context)
      return counter.valueUnsafe(context).count
    }
    assert.deepStrictEqual([count(1), count(2)], [1, 1])
    assert.strictEqual(counter.valueUnsafe(Context.empty()).count, 0)
  })

  it("stops at a livelock, and reports its node", () => {
    const { fork, kernel, life } = make()
    const node = life("a")
    fork(node, Effect.forever(Effect.yieldNow))
    assert.deepStrictEqual(kernel.run(), { _tag: "livelock", machine: node.machine })
  })

  it("stops at the time limit", () => {
    const { fork, kernel, life } = make()
    fork(life("a"), Effect.forever(Effect.sleep("1 seconds")))
    assert.deepStrictEqual(kernel.run(), { _tag: "timeLimit" })
    assert.strictEqual(kernel.now, 60_000_000)
  })

  it("stops after the halting step", () => {
    const { kernel, life } = make()
    const node = life("a")
    const seen: Array<string> = []
    kernel.enqueue(node, () => {
      seen.push("first")
      kernel.halt()
    })
    kernel.enqueue(node, () => seen.push("second"))
    assert.isUndefined(kernel.run())
    assert.deepStrictEqual(seen, ["first"])
  })

  it("has the same hash for the same steps, and another hash for another time or another node", () => {
    const hash = (name: string, sleep: number): string => {
      const { fork, kernel, life } = make()
      const lives = [life("a"), life("b")]
      fork(lives.find(({ machine }) => machine.name === name) ?? life("none"), Effect.sleep(sleep))
      kernel.run()
      return kernel.hash.digest()
    }
    assert.strictEqual(hash("a", 5), hash("a", 5))
    assert.strictEqual(new Set([hash("a", 5), hash("a", 6), hash("b", 5)]).size, 3)
  })
})
