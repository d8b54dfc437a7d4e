/** Life of a node in a {@link TestNetwork}. Its tasks run when the test runs them. */
import * as Context from "effect/Context"
import * as Scheduler from "effect/Scheduler"
import type { Process } from "../../src/network/Environment.ts"

export type Ready = Array<() => void>

export class TestProcess implements Process {
  private readonly ready: Ready
  private kept: Ready = []
  private alive = true
  private paused = false
  readonly context: Context.Context<never>

  constructor(ready: Ready) {
    this.ready = ready
    const dispatcher: Scheduler.SchedulerDispatcher = {
      scheduleTask: (task) => this.enqueue(task),
      flush: () => undefined,
    }
    this.context = Context.make(Scheduler.Scheduler, {
      executionMode: "async",
      shouldYield: (fiber) => fiber.currentOpCount >= 2048,
      makeDispatcher: () => dispatcher,
    })
  }

  readonly enqueue = (task: () => void): void => {
    this.ready.push(() => {
      if (!this.alive) return
      if (this.paused) this.kept.push(task)
      else task()
    })
  }

  kill(): void {
    this.alive = false
  }

  pause(): void {
    this.paused = true
  }

  resume(): void {
    this.paused = false
    for (const task of this.kept.splice(0)) this.enqueue(task)
  }
}
