/**
 * Loop of a simulation. It runs all ready tasks, then the earliest scheduled event, whose time becomes the present
 * time. The loop is synchronous, so no real event comes between two steps.
 *
 * A {@link Machine} is the machine of a node, with its clock and its speed. A {@link Life} is one start of its process.
 * When a life has ended, its tasks and timers are dropped, as in a crash.
 */
import { asyncContext } from "./asyncContext.ts"
import type { Draws, Stream } from "./Draws.ts"
import { EventQueue, type ScheduledEvent } from "./EventQueue.ts"
import { Hash } from "./Hash.ts"
import type { Life, Task } from "./Life.ts"
import { Machine } from "./Machine.ts"
import { ReadyQueue } from "./ReadyQueue.ts"
import { WaitingTasks } from "./WaitingTasks.ts"

/**
 * Order of ready tasks: in turn, at random, or at random and preempted between any two operations.
 *
 * @category models
 * @since 0.1.0
 */
export type Explore = "fifo" | "random" | "preempt"

/** Reason for which a run ends early. */
export type Stop =
  | { readonly _tag: "stalled" }
  | { readonly _tag: "livelock"; readonly machine: Machine | undefined }
  | { readonly _tag: "timeLimit" }

export interface Options {
  readonly draws: Draws
  readonly explore: Explore
  /** Time, in microseconds, at which the run stops with `timeLimit`. */
  readonly timeLimit: number
  /** Number of steps in one instant after which the run stops with `livelock`. */
  readonly stepsPerInstant: number
  /** Called after every step with the life of the step, and with `undefined` after an event without a life. */
  readonly afterStep: (life: Life | undefined) => void
  /** Called when a task or a timer of the life threw. In a real process, the exception would be uncaught. */
  readonly threw: (life: Life, cause: unknown) => void
  /** Runs the promise callbacks that are due. */
  readonly runMicrotasks: () => void
}

/** Number of operations in a block. One draw of `preempt` decides about each block. */
const preemptBlock = 64

/** Number of operations after which a fiber yields, as in Effect's own scheduler. */
export const maxOps = 2048

/** Life whose task or promise callback is running. */
export const lives = asyncContext<Life>()

export class Kernel {
  now = 0
  steps = 0
  readonly hash = new Hash()
  readonly events = new EventQueue()
  /** Life whose task is running. */
  current: Life | undefined
  private readonly options: Options
  private readonly ready: ReadyQueue
  private readonly waiting = new WaitingTasks()
  /** `true` if ready tasks and simultaneous events run in random order. */
  private readonly shuffles: boolean
  private readonly preempts: boolean
  private readonly preemptStreams = new Map<Machine, Stream>()
  private halted: Stop | "done" | undefined
  private stepsNow = 0
  private machines = 0
  private lifeSteps = 0
  /** `true` once the run has ended. No task runs afterwards. */
  private over = false

  constructor(options: Options) {
    this.options = options
    this.shuffles = options.explore !== "fifo"
    this.preempts = options.explore === "preempt"
    this.ready = new ReadyQueue(this.shuffles ? options.draws.stream("pick") : undefined)
  }

  /** Makes a machine. */
  machine(name: string): Machine {
    return new Machine(name, this.machines++)
  }

  /** Makes a task of a life ready, unless the life has ended. */
  enqueue(life: Life, run: () => void, priority = 0): void {
    if (!life.alive || this.over) return
    const task: Task = { run, life, priority }
    const { machine } = life
    if (machine.paused || machine.taskMicros > 0 || this.waiting.has(machine)) this.delay(machine, task)
    else this.ready.push(task)
  }

  /**
   * Makes a task ready in which a program of the life begins. Its fibers and promise callbacks inherit the life, so
   * that only the beginning has to name it.
   */
  begin(life: Life, run: () => void): void {
    this.enqueue(life, () => lives.run(life, run))
  }

  /** Keeps a task waiting. A slow machine runs one task after the other; a paused machine runs none. */
  private delay(machine: Machine, task: Task): void {
    this.waiting.push(task)
    this.scheduleTask(machine)
  }

  private scheduleTask(machine: Machine): void {
    if (machine.paused || machine.nextTask !== undefined || !this.waiting.has(machine)) return
    machine.nextTask = this.events.schedule(Math.max(this.now, machine.busyUntil), () => {
      machine.nextTask = undefined
      const task = this.waiting.shift(machine)
      if (task === undefined) return
      machine.busyUntil = this.now + machine.taskMicros
      this.ready.push(task)
      this.scheduleTask(machine)
    })
  }

  private unscheduleTask(machine: Machine): void {
    machine.nextTask?.cancel()
    machine.nextTask = undefined
  }

  /** Pauses the machine: its tasks and timers wait. */
  pause(machine: Machine): void {
    machine.paused = true
    this.unscheduleTask(machine)
    // Ready tasks come before the tasks that were waiting already.
    this.waiting.unshift(machine, this.ready.removeOf(machine))
  }

  resume(machine: Machine): void {
    machine.paused = false
    this.scheduleTask(machine)
  }

  /** Sets the time that every task takes from now on. At full speed (0), waiting tasks run at once. */
  slow(machine: Machine, taskMicros: number): void {
    machine.taskMicros = taskMicros
    if (taskMicros > 0) return
    machine.busyUntil = this.now
    this.unscheduleTask(machine)
    this.scheduleTask(machine)
  }

  /** Ends a life at once: none of its tasks, timers and finalizers run any more. */
  kill(life: Life): void {
    life.alive = false
    this.waiting.dropOf(life)
  }

  /** Schedules a timer of a life. A life that has ended by then drops the timer. A paused machine delays it. */
  timer(life: Life, at: number, run: () => void): ScheduledEvent {
    return this.events.schedule(at, () => {
      if (!life.alive) return
      const { machine } = life
      if (machine.paused || machine.taskMicros > 0 || this.shuffles) this.enqueue(life, run)
      else this.runStep(life, run)
    })
  }

  /** Runs a step of a life. */
  private runStep(life: Life, run: () => void): void {
    const before = this.current
    this.current = life
    try {
      run()
    } catch (cause) {
      this.options.threw(life, cause)
    } finally {
      this.current = before
    }
    this.lifeSteps++
    this.hash.add(this.now)
    this.hash.add(life.machine.ordinal)
    this.options.afterStep(life)
  }

  /** Returns `true` if a fiber of the life must yield before its next operation. */
  shouldYield(life: Life, ops: number): boolean {
    // Another life may resume a fiber inside its own step. The fiber continues when its own process runs.
    if (!life.alive || life.machine.paused || this.over) return true
    if (ops >= maxOps) return true
    if (!this.preempts) return false
    if (life.opsLeft === 0) {
      life.opsLeft = preemptBlock
      // 0: no preemption in this block.
      life.preemptAt = this.preemptStream(life.machine).draw((random) =>
        random.next() < 0.5 ? 0 : 1 + Math.floor(random.next() * preemptBlock),
      )
    }
    return life.opsLeft-- === life.preemptAt
  }

  private preemptStream(machine: Machine): Stream {
    const known = this.preemptStreams.get(machine)
    if (known !== undefined) return known
    const stream = this.options.draws.stream(`preempt ${machine.name}`)
    this.preemptStreams.set(machine, stream)
    return stream
  }

  /** Ends the run after the current step. */
  halt(): void {
    this.halted ??= "done"
  }

  /** Runs ready tasks until there are none. */
  private runReady(): void {
    for (;;) {
      for (let task = this.ready.next(); task !== undefined; task = this.ready.next()) {
        if (!task.life.alive) continue
        this.runStep(task.life, task.run)
        if (this.countStep(task.life.machine)) return
      }
      this.options.runMicrotasks()
      if (this.halted !== undefined || this.ready.isEmpty) return
    }
  }

  /** Counts a step. Returns `true` if the run has ended. */
  private countStep(machine: Machine | undefined): boolean {
    this.steps++
    if (++this.stepsNow > this.options.stepsPerInstant) this.halted ??= { _tag: "livelock", machine }
    return this.halted !== undefined
  }

  /**
   * Runs until a caller halts the run, or until the run cannot continue. No task runs afterwards. Returns the reason if
   * the run could not continue.
   */
  run(): Stop | undefined {
    const stop = this.loop()
    this.over = true
    // The remaining promise callbacks belong to this run.
    this.options.runMicrotasks()
    return stop
  }

  private loop(): Stop | undefined {
    while (this.halted === undefined) {
      this.runReady()
      if (this.halted !== undefined) break
      const event = this.events.pop()
      if (event === undefined) return { _tag: "stalled" }
      if (event.at > this.now) {
        if (event.at > this.options.timeLimit) {
          this.now = this.options.timeLimit
          return { _tag: "timeLimit" }
        }
        this.now = event.at
        this.stepsNow = 0
      }
      this.fire(event)
      if (this.shuffles) {
        // Events of one instant have no order of their own.
        for (let also = this.events.peek(); also !== undefined && also.at === this.now; also = this.events.peek()) {
          this.events.pop()
          this.fire(also)
          if (this.halted !== undefined) break
        }
      }
    }
    return this.halted === "done" ? undefined : this.halted
  }

  private fire(event: ScheduledEvent): void {
    const { lifeSteps } = this
    const { run } = event
    event.run = undefined
    run?.()
    if (this.lifeSteps === lifeSteps) this.options.afterStep(undefined)
    this.countStep(undefined)
  }
}
