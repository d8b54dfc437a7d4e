/**
 * The loop that runs a simulated world: everything that is ready, then the earliest of what is to happen, whose time
 * becomes the present. It is synchronous, so nothing of the real world comes between two steps.
 *
 * A {@link Machine} is where a node lives, with its clock and its speed; a {@link Life} is one start of its
 * process. What belongs to a life that has ended is dropped, whatever it was: that is a crash.
 */
import { Agenda, type Entry } from "./Agenda.ts"
import type { Draws, Stream } from "./Draws.ts"
import * as Globals from "./Globals.ts"
import * as Hash from "./Hash.ts"

/** In which order what is ready runs: in turn, at random, or at random and interrupted between any two operations. */
export type Explore = "fifo" | "random" | "preempt"

/** Where a node lives. */
export interface Machine {
  readonly name: string
  readonly ordinal: number
  /** Tasks and timers wait while it stands still. */
  paused: boolean
  /** How long each task takes; 0 is no time at all. */
  taskMicros: number
  /** When the task that is under way will be over. */
  busyUntil: number
  /** What waits because the machine is paused or busy, and when the first of it goes on. */
  waiting: Array<Task>
  working: Entry | undefined
  /** The wall clock is so far ahead of true time. */
  offset: number
  /** How fast the clock runs since `rateSince`, when it showed `rateBase`. */
  rate: number
  rateSince: number
  rateBase: number
}

/** One start of a process. */
export interface Life {
  readonly machine: Machine
  /** Counted from 1. */
  readonly number: number
  alive: boolean
  /** Fibers that have started and not ended. */
  fibers: number
  /** Sleeps that are under way. */
  timers: number
  /** Operations until the next pre-emption, and the block of operations that one draw decides. */
  opsLeft: number
  preemptAt: number
}

/** Something that is ready to run as part of a life. */
export interface Task {
  readonly run: () => void
  readonly life: Life
  readonly priority: number
}

/** What ends a run early. */
export type Stop =
  | { readonly _tag: "stalled" }
  | { readonly _tag: "livelock"; readonly machine: Machine | undefined }
  | { readonly _tag: "timeLimit" }

export interface Options {
  readonly draws: Draws
  readonly explore: Explore
  /** Microseconds; when the time comes, the run stops with `timeLimit`. */
  readonly timeLimit: number
  /** Steps in one instant before the run stops with `livelock`. */
  readonly stepsPerInstant: number
  /** After every step: of which life it was, if it was not the world's own. */
  readonly afterStep: (life: Life | undefined) => void
  /** A task or a timer of the life threw: in a process of its own, nobody would have caught it. */
  readonly threw: (life: Life, cause: unknown) => void
  /** Runs promise callbacks that are due, and says nothing of whether there were any. */
  readonly pump: () => void
}

/** How many of the ready tasks one pick chooses from: enough to turn any two around, few enough to be cheap. */
const pickWindow = 16

/** Operations that one draw of `preempt` decides about. */
const preemptBlock = 64

/** The operations that a fiber may do before it lets others go on, as Effect's own scheduler has it. */
export const maxOps = 2048

/** The life whose task is running, or whose promise callback. */
export const lives = Globals.carrier<Life>()

export class Kernel {
  now = 0
  steps = 0
  readonly hash: Hash.Hash = Hash.make()
  readonly agenda = new Agenda()
  /** The life whose task is running. */
  current: Life | undefined
  private readonly options: Options
  private readonly picks: Stream | undefined
  private readonly preempts: ReadonlyArray<Stream> | undefined
  private readonly preemptOf = new Map<Machine, Stream>()
  /** What is ready with the usual priority, from `head` on. */
  private ready: Array<Task> = []
  private head = 0
  /** Where the present round ends. What has another priority waits for that. */
  private roundEnd = 0
  private others: Array<Task> = []
  private halted: Stop | "done" | undefined
  private stepsNow = 0
  private machines = 0
  /** Steps of lives. */
  private lived = 0
  private over = false

  constructor(options: Options) {
    this.options = options
    this.picks = options.explore === "fifo" ? undefined : options.draws.stream("pick")
    this.preempts = options.explore === "preempt" ? [] : undefined
  }

  machine(name: string): Machine {
    return {
      name,
      ordinal: this.machines++,
      paused: false,
      taskMicros: 0,
      busyUntil: 0,
      waiting: [],
      working: undefined,
      offset: 0,
      rate: 1,
      rateSince: 0,
      rateBase: 0,
    }
  }

  life(machine: Machine, number: number): Life {
    return { machine, number, alive: true, fibers: 0, timers: 0, opsLeft: 0, preemptAt: 0 }
  }

  /** Makes a task ready, unless its life is over. */
  enqueue(life: Life, run: () => void, priority = 0): void {
    if (!life.alive || this.over) return
    const task: Task = { run, life, priority }
    const { machine } = life
    if (machine.paused || machine.taskMicros > 0 || machine.waiting.length > 0) this.delay(machine, task)
    else this.push(task)
  }

  /**
   * Makes ready what a program of the life begins with. What comes of it carries the life along, fibers and promise callbacks
   * alike, so that only the beginnings have to say whose they are.
   */
  begin(life: Life, run: () => void): void {
    this.enqueue(life, () => lives.during(life, run))
  }

  private push(task: Task): void {
    if (task.priority === 0) this.ready.push(task)
    else this.others.push(task)
  }

  /** A slow machine does one task after the other, a paused one none. */
  private delay(machine: Machine, task: Task): void {
    machine.waiting.push(task)
    this.work(machine)
  }

  private work(machine: Machine): void {
    if (machine.paused || machine.working !== undefined || machine.waiting.length === 0) return
    machine.working = this.agenda.add(Math.max(this.now, machine.busyUntil), () => {
      machine.working = undefined
      const task = machine.waiting.shift()
      if (task === undefined) return
      machine.busyUntil = this.now + machine.taskMicros
      this.push(task)
      this.work(machine)
    })
  }

  pause(machine: Machine): void {
    machine.paused = true
    machine.working?.cancel()
    machine.working = undefined
    // What was ready is not any more; it was before whatever waits.
    const waits: Array<Task> = []
    const stay = (task: Task): boolean => task.life.machine !== machine || waits.push(task) === 0
    const round = this.ready.slice(this.head, this.roundEnd).filter(stay)
    this.ready = [...round, ...this.ready.slice(Math.max(this.head, this.roundEnd)).filter(stay)]
    this.others = this.others.filter(stay)
    this.head = 0
    this.roundEnd = round.length
    machine.waiting = [...waits, ...machine.waiting]
  }

  resume(machine: Machine): void {
    machine.paused = false
    this.work(machine)
  }

  /** Every task takes so long from now on. At full speed again, what waited goes on at once. */
  slow(machine: Machine, taskMicros: number): void {
    machine.taskMicros = taskMicros
    if (taskMicros > 0) return
    machine.busyUntil = this.now
    machine.working?.cancel()
    machine.working = undefined
    this.work(machine)
  }

  /** Ends a life at once: nothing of it runs any more, and no finalizer either. */
  kill(life: Life): void {
    life.alive = false
    const { machine } = life
    machine.waiting = machine.waiting.filter((task) => task.life !== life)
  }

  /** What happens to a life at a time; nothing if it is over by then, and later if it is paused. */
  timer(life: Life, at: number, run: () => void): Entry {
    return this.agenda.add(at, () => {
      if (!life.alive) return
      const { machine } = life
      if (machine.paused || machine.taskMicros > 0 || this.picks !== undefined) this.enqueue(life, run)
      else this.as(life, run)
    })
  }

  /** Runs something as a step of a life. */
  private as(life: Life, run: () => void): void {
    const before = this.current
    this.current = life
    try {
      run()
    } catch (cause) {
      this.options.threw(life, cause)
    } finally {
      this.current = before
    }
    this.lived++
    this.hash.add(this.now)
    this.hash.add(life.machine.ordinal)
    this.options.afterStep(life)
  }

  /** Whether a fiber of the life has to let others go on before its next operation. */
  shouldYield(life: Life, ops: number): boolean {
    // A fiber may be resumed by another life inside of its own step: it goes on when its own process does.
    if (!life.alive || life.machine.paused || this.over) return true
    if (ops >= maxOps) return true
    if (this.preempts === undefined) return false
    if (life.opsLeft === 0) {
      life.opsLeft = preemptBlock
      // 0: no pre-emption in this block.
      life.preemptAt = this.preemptStream(life.machine).draw((random) =>
        random.next() < 0.5 ? 0 : 1 + Math.floor(random.next() * preemptBlock),
      )
    }
    return life.opsLeft-- === life.preemptAt
  }

  private preemptStream(machine: Machine): Stream {
    const known = this.preemptOf.get(machine)
    if (known !== undefined) return known
    const stream = this.options.draws.stream(`preempt ${machine.name}`)
    this.preemptOf.set(machine, stream)
    return stream
  }

  /** The run ends after the present step. */
  halt(): void {
    this.halted ??= "done"
  }

  private next(): Task | undefined {
    if (this.head >= this.roundEnd) this.beginRound()
    const { head, ready } = this
    const first = ready[head]
    if (first === undefined) return undefined
    if (this.picks !== undefined) {
      let count = 1
      // Nothing goes before what has a better priority.
      while (count < pickWindow && ready[head + count]?.priority === first.priority) count++
      if (count > 1) {
        const drawn = this.picks.draw((random) => Math.floor(random.next() * count))
        const pick = Math.min(Math.max(0, drawn), count - 1)
        const task = ready[head + pick] ?? first
        ready.copyWithin(head + 1, head, head + pick)
        this.head++
        return task
      }
    }
    this.head++
    return first
  }

  /** What is ready now, and other priorities in between; what becomes ready meanwhile belongs to the next round. */
  private beginRound(): void {
    if (this.others.length > 0) {
      this.ready = [...this.ready.slice(this.head), ...this.others].sort((a, b) => a.priority - b.priority)
      this.others = []
      this.head = 0
    } else if (this.head === this.ready.length) {
      this.ready = []
      this.head = 0
    } else if (this.head > 1024) {
      this.ready = this.ready.slice(this.head)
      this.head = 0
    }
    this.roundEnd = this.ready.length
  }

  /** Runs what is ready, until nothing is. */
  private drain(): void {
    for (;;) {
      for (let task = this.next(); task !== undefined; task = this.next()) {
        if (!task.life.alive) continue
        this.as(task.life, task.run)
        if (this.count(task.life.machine)) return
      }
      this.options.pump()
      if (this.halted !== undefined || (this.head >= this.ready.length && this.others.length === 0)) return
    }
  }

  /** Counts a step, and says whether the run is over. */
  private count(machine: Machine | undefined): boolean {
    this.steps++
    if (++this.stepsNow > this.options.stepsPerInstant) this.halted ??= { _tag: "livelock", machine }
    return this.halted !== undefined
  }

  /** Runs the world until somebody halts it, or it cannot go on. Nothing of it runs ever after. */
  run(): Stop | undefined {
    const stop = this.loop()
    this.over = true
    // Promise callbacks that are left belong to this world, and to no time after it.
    this.options.pump()
    return stop
  }

  private loop(): Stop | undefined {
    while (this.halted === undefined) {
      this.drain()
      if (this.halted !== undefined) break
      const entry = this.agenda.next()
      if (entry === undefined) return { _tag: "stalled" }
      if (entry.at > this.now) {
        if (entry.at > this.options.timeLimit) {
          this.now = this.options.timeLimit
          return { _tag: "timeLimit" }
        }
        this.now = entry.at
        this.stepsNow = 0
      }
      this.fire(entry)
      if (this.picks !== undefined) {
        // What comes at one instant has no order of its own.
        for (let also = this.agenda.peek(); also !== undefined && also.at === this.now; also = this.agenda.peek()) {
          this.agenda.next()
          this.fire(also)
          if (this.halted !== undefined) break
        }
      }
    }
    return this.halted === "done" ? undefined : this.halted
  }

  private fire(entry: Entry): void {
    const { lived } = this
    const { run } = entry
    entry.run = undefined
    run?.()
    if (this.lived === lived) this.options.afterStep(undefined)
    this.count(undefined)
  }

  /** What the clock of a machine shows beyond its offset, in microseconds. */
  elapsed(machine: Machine): number {
    return machine.rateBase + (this.now - machine.rateSince) * machine.rate
  }

  /** From now on the clock of the machine runs at another rate. */
  setRate(machine: Machine, rate: number): void {
    machine.rateBase = this.elapsed(machine)
    machine.rateSince = this.now
    machine.rate = rate
  }
}
