import { assert, describe, it } from "@effect/vitest"
import { Life, type Task } from "../../src/kernel/Life.ts"
import { Machine } from "../../src/kernel/Machine.ts"
import { WaitingTasks } from "../../src/kernel/WaitingTasks.ts"

const machines = { a: new Machine("a", 0), b: new Machine("b", 1) }
const lives = { a: new Life(machines.a, 1), later: new Life(machines.a, 2), b: new Life(machines.b, 1) }

const taskOf = (life: Life): Task => ({ run: () => undefined, life, priority: 0 })

describe("WaitingTasks", () => {
  it("keeps the tasks of each machine in their order", () => {
    const waiting = new WaitingTasks()
    const [first, second, other] = [taskOf(lives.a), taskOf(lives.a), taskOf(lives.b)]
    for (const task of [first, other, second]) waiting.push(task)
    assert.strictEqual(waiting.shift(machines.a), first)
    assert.strictEqual(waiting.shift(machines.a), second)
    assert.isUndefined(waiting.shift(machines.a))
    assert.strictEqual(waiting.shift(machines.b), other)
  })

  it("contains a machine while a task of the machine waits", () => {
    const waiting = new WaitingTasks()
    assert.isFalse(waiting.has(machines.a))
    waiting.push(taskOf(lives.a))
    assert.deepStrictEqual([waiting.has(machines.a), waiting.has(machines.b)], [true, false])
    waiting.shift(machines.a)
    assert.isFalse(waiting.has(machines.a))
  })

  it("inserts tasks that were ready before the waiting tasks", () => {
    const waiting = new WaitingTasks()
    const [ready, next, last] = [taskOf(lives.a), taskOf(lives.a), taskOf(lives.a)]
    waiting.push(last)
    waiting.unshift(machines.a, [ready, next])
    assert.deepStrictEqual([waiting.shift(machines.a), waiting.shift(machines.a)], [ready, next])
    assert.strictEqual(waiting.shift(machines.a), last)
    waiting.unshift(machines.a, [])
    assert.isFalse(waiting.has(machines.a))
  })

  it("drops the tasks of one life, and keeps those of a later life of the machine", () => {
    const waiting = new WaitingTasks()
    const kept = taskOf(lives.later)
    for (const task of [taskOf(lives.a), kept, taskOf(lives.a)]) waiting.push(task)
    waiting.dropOf(lives.a)
    assert.strictEqual(waiting.shift(machines.a), kept)
    waiting.push(taskOf(lives.a))
    waiting.dropOf(lives.a)
    assert.isFalse(waiting.has(machines.a))
  })
})
