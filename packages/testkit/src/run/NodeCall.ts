/** Effect that a scenario runs as part of a node's process. It is lost with the process. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type { Life } from "../kernel/Life.ts"
import * as SimulationError from "../SimulationError.ts"

/** Call of the scenario that depends on a life. */
export interface Guest {
  /** Interrupts the guest, because the process is being stopped. */
  readonly interrupt: () => void
  /** Ends the guest, because the life has ended. */
  readonly lost: (why: string) => void
}

/** Makes the failure of an effect whose process is not running. */
export const nodeDown = (node: string, why: string): SimulationError.NodeDown =>
  new SimulationError.NodeDown({
    node,
    message: `${why}: effects that ran on the node are lost. Handle NodeDown, or wait until the node is running.`,
  })

interface Options<B, E> {
  readonly node: string
  readonly life: Life
  /** Guests of the life. */
  readonly guests: Set<Guest>
  /** Runs a task in a turn of the caller's own life. */
  readonly inTurnOfCaller: (task: () => void) => void
  readonly done: (exit: Exit.Exit<B, E | SimulationError.NodeDown>) => void
}

export class NodeCall<B, E> implements Guest {
  private readonly options: Options<B, E>
  private fiber: Fiber.Fiber<B, E> | undefined
  private finished = false

  constructor(options: Options<B, E>) {
    this.options = options
    options.guests.add(this)
  }

  /** Starts the effect. Must be called inside the life. */
  start(fork: () => Fiber.Fiber<B, E>): void {
    if (this.finished) return
    this.fiber = fork()
    this.fiber.addObserver((exit) => this.finish(exit))
  }

  interrupt(): void {
    this.fiber?.interruptUnsafe()
  }

  lost(why: string): void {
    this.finish(Exit.fail(nodeDown(this.options.node, why)))
  }

  private finish(exit: Exit.Exit<B, E | SimulationError.NodeDown>): void {
    if (this.finished) return
    const { done, guests, inTurnOfCaller } = this.options
    this.finished = true
    guests.delete(this)
    inTurnOfCaller(() => done(exit))
  }

  /** Interrupts the effect when its caller is interrupted, and waits for its finalizers. */
  readonly abandon: Effect.Effect<void> = Effect.callback<void>((resume) => {
    const { guests, inTurnOfCaller, life } = this.options
    const { fiber } = this
    this.finished = true
    guests.delete(this)
    // The finalizers of a paused process wait until it is resumed; the caller does not wait for them.
    if (fiber === undefined || !life.alive || life.machine.paused) {
      fiber?.interruptUnsafe()
      return resume(Effect.void)
    }
    const release = (): void => {
      guests.delete(waiting)
      inTurnOfCaller(() => resume(Effect.void))
    }
    // A crash ends the wait, too.
    const waiting: Guest = { interrupt: () => undefined, lost: release }
    guests.add(waiting)
    fiber.addObserver(release)
    fiber.interruptUnsafe()
  })
}
