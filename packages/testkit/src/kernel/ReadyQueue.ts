/**
 * Ready tasks, in rounds: tasks that become ready during a round belong to the next round. Tasks with a priority other
 * than 0 wait for the next round, which runs smaller priorities first.
 */
import type { Stream } from "./Draws.ts"
import type { Task } from "./Life.ts"
import type { Machine } from "./Machine.ts"

/** Number of ready tasks from which one pick chooses: enough to reverse any two tasks, few enough to be cheap. */
const pickWindow = 16

/** Number of tasks that have run before the array drops them. */
const compactAfter = 1024

export class ReadyQueue {
  /** Stream that draws the next task of a round. With `undefined`, tasks run in turn. */
  private readonly picks: Stream | undefined
  /** Tasks, of which those from `head` on are ready. The present round ends before `roundEnd`. */
  private tasks: Array<Task> = []
  private head = 0
  private roundEnd = 0
  /** Tasks with a priority other than 0, for the next round. */
  private others: Array<Task> = []

  constructor(picks: Stream | undefined) {
    this.picks = picks
  }

  get isEmpty(): boolean {
    return this.head >= this.tasks.length && this.others.length === 0
  }

  push(task: Task): void {
    if (task.priority === 0) this.tasks.push(task)
    else this.others.push(task)
  }

  /** Removes and returns the next task. Begins a new round when the present round is over. */
  next(): Task | undefined {
    if (this.head >= this.roundEnd) this.beginRound()
    const { head, picks, tasks } = this
    const first = tasks[head]
    if (first === undefined) return undefined
    if (picks !== undefined) {
      let count = 1
      // No task runs before a task with a smaller priority.
      while (count < pickWindow && tasks[head + count]?.priority === first.priority) count++
      if (count > 1) {
        const drawn = picks.draw((random) => Math.floor(random.next() * count))
        const pick = Math.min(Math.max(0, drawn), count - 1)
        const task = tasks[head + pick] ?? first
        tasks.copyWithin(head + 1, head, head + pick)
        this.head++
        return task
      }
    }
    this.head++
    return first
  }

  private beginRound(): void {
    if (this.others.length > 0) {
      this.tasks = [...this.tasks.slice(this.head), ...this.others].sort((a, b) => a.priority - b.priority)
      this.others = []
      this.head = 0
    } else if (this.head === this.tasks.length) {
      this.tasks = []
      this.head = 0
    } else if (this.head > compactAfter) {
      this.tasks = this.tasks.slice(this.head)
      this.head = 0
    }
    this.roundEnd = this.tasks.length
  }

  /** Removes and returns the ready tasks of a machine. */
  removeOf(machine: Machine): ReadonlyArray<Task> {
    const removed: Array<Task> = []
    const stays = (task: Task): boolean => task.life.machine !== machine || removed.push(task) === 0
    const round = this.tasks.slice(this.head, this.roundEnd).filter(stays)
    this.tasks = [...round, ...this.tasks.slice(Math.max(this.head, this.roundEnd)).filter(stays)]
    this.others = this.others.filter(stays)
    this.head = 0
    this.roundEnd = round.length
    return removed
  }
}
