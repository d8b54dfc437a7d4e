import { assert, describe, it } from "@effect/vitest"
import type { Stream } from "../../src/kernel/Draws.ts"
import { Life, type Task } from "../../src/kernel/Life.ts"
import { Machine } from "../../src/kernel/Machine.ts"
import { ReadyQueue } from "../../src/kernel/ReadyQueue.ts"

const lives = { a: new Life(new Machine("a", 0), 1), b: new Life(new Machine("b", 1), 1) }

/** Makes a queue of tasks with names. */
const make = (picks?: Stream) => {
  const queue = new ReadyQueue(picks)
  const names = new Map<Task, string>()
  const push = (name: string, priority = 0, life = lives.a): void => {
    const task: Task = { run: () => undefined, life, priority }
    names.set(task, name)
    queue.push(task)
  }
  const next = (): string | undefined => {
    const task = queue.next()
    return task === undefined ? undefined : names.get(task)
  }
  const rest = (): string => {
    let text = ""
    for (let name = next(); name !== undefined; name = next()) text += name
    return text
  }
  return { queue, push, next, rest, nameOf: (task: Task) => names.get(task) }
}

/** Returns a stream that always draws the place. */
const always = (place: number): Stream => ({ draw: () => place })

describe("ReadyQueue", () => {
  it("runs tasks in turn", () => {
    const { push, queue, rest } = make()
    for (const name of "abc") push(name)
    assert.isFalse(queue.isEmpty)
    assert.strictEqual(rest(), "abc")
    assert.isTrue(queue.isEmpty)
  })

  it("runs another priority in the next round, the smaller one first", () => {
    const { next, push, rest } = make()
    for (const name of "ab") push(name)
    assert.strictEqual(next(), "a")
    push("x", 10)
    push("u", -1)
    push("c")
    assert.strictEqual(rest(), "bucx")
  })

  it("is not empty while a task of another priority waits", () => {
    const { push, queue } = make()
    push("x", 1)
    assert.isFalse(queue.isEmpty)
  })

  it("runs the drawn task out of turn, and keeps the order of the others", () => {
    const { next, push } = make(always(2))
    for (const name of "abcd") push(name)
    assert.deepStrictEqual([next(), next(), next(), next()], ["c", "d", "b", "a"])
  })

  it("limits a recorded draw to valid places", () => {
    for (const [place, first] of [
      [99, "b"],
      [-5, "a"],
    ] as const) {
      const { next, push } = make(always(place))
      for (const name of "ab") push(name)
      assert.strictEqual(next(), first)
    }
  })

  it("draws only if there is a choice, and never across priorities", () => {
    let draws = 0
    const { next, push, rest } = make({
      draw: () => {
        draws++
        return 1
      },
    })
    push("a")
    assert.strictEqual(next(), "a")
    assert.strictEqual(draws, 0)
    push("b")
    push("x", 10)
    assert.strictEqual(rest(), "bx")
    assert.strictEqual(draws, 0)
  })

  it("removes the tasks of one machine, in their order, and keeps the round", () => {
    const { nameOf, next, push, queue, rest } = make()
    for (const name of "abcd") push(name, 0, name === "b" || name === "d" ? lives.b : lives.a)
    assert.strictEqual(next(), "a")
    push("e", 0, lives.b)
    push("y", 5, lives.b)
    push("x", 5)
    assert.deepStrictEqual(queue.removeOf(lives.b.machine).map(nameOf), ["b", "d", "e", "y"])
    assert.strictEqual(rest(), "cx")
  })

  it("keeps the order over many tasks", () => {
    const { next, push } = make()
    let pushed = 0
    for (let taken = 0; taken < 5_000; taken++) {
      while (pushed < taken + 3) push(String(pushed++))
      assert.strictEqual(next(), String(taken))
    }
  })
})
