/** Tasks that wait because their machine is paused or busy, in a queue for each machine. */
import type { Life, Task } from "./Life.ts"
import type { Machine } from "./Machine.ts"

export class WaitingTasks {
  /** Queues that are not empty. */
  private readonly queues = new Map<Machine, Array<Task>>()

  /** Returns `true` if a task of the machine waits. */
  has(machine: Machine): boolean {
    return this.queues.has(machine)
  }

  /** Adds a task behind the other tasks of its machine. */
  push(task: Task): void {
    const { machine } = task.life
    const queue = this.queues.get(machine)
    if (queue === undefined) this.queues.set(machine, [task])
    else queue.push(task)
  }

  /** Removes and returns the first task of the machine. */
  shift(machine: Machine): Task | undefined {
    const queue = this.queues.get(machine)
    const task = queue?.shift()
    if (queue?.length === 0) this.queues.delete(machine)
    return task
  }

  /** Adds tasks of the machine before those that are waiting already. */
  unshift(machine: Machine, tasks: ReadonlyArray<Task>): void {
    this.set(machine, [...tasks, ...(this.queues.get(machine) ?? [])])
  }

  /** Drops the tasks of a life. */
  dropOf(life: Life): void {
    const { machine } = life
    this.set(
      machine,
      (this.queues.get(machine) ?? []).filter((task) => task.life !== life),
    )
  }

  private set(machine: Machine, queue: Array<Task>): void {
    if (queue.length > 0) this.queues.set(machine, queue)
    else this.queues.delete(machine)
  }
}
