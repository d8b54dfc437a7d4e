/** Node of a simulation. It starts, kills and stops the processes in which the layer of the application runs. */
import type * as Transport from "@coterie/core/Transport"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Microseconds from "../internal/Microseconds.ts"
import type { Kernel } from "../kernel/Kernel.ts"
import { Life } from "../kernel/Life.ts"
import { CurrentLife } from "../kernel/LifeContext.ts"
import type { Machine } from "../kernel/Machine.ts"
import type { SimHost } from "../SimHost.ts"
import * as SimulationError from "../SimulationError.ts"
import type * as Trace from "../Trace.ts"
import { type Guest, NodeCall, nodeDown } from "./NodeCall.ts"

/**
 * State of a node.
 *
 * @category models
 * @since 0.1.0
 */
export type State = "starting" | "running" | "crashed" | "stopping" | "stopped" | "died"

/** States as text, for messages about a process that the scenario cannot use. */
export const stateText: Readonly<Record<State, string>> = {
  starting: "is still starting",
  running: "is running",
  crashed: "has crashed",
  stopping: "is being stopped",
  stopped: "is stopped",
  died: "died",
}

/** Delay of the start of an application. */
export interface SlowStart {
  /** Time between the layer and the start of the application, in microseconds. */
  readonly micros: number
  /** Called when the time has passed. */
  readonly over: () => void
}

/** Program of a node that runs after its layer is built, at each start. */
export type StartEffect<A> = Effect.Effect<unknown, unknown, A | Scope.Scope>

/** Services that the nodes need from their run. */
export interface Runtime {
  /** Draws the delay of this start of the node's application. */
  readonly slowStart: (name: string) => SlowStart
  readonly kernel: Kernel
  /** Returns the context of all fibers of a life. */
  readonly context: (life: Life) => Context.Context<never>
  /** Makes the transport of the node for its present life. */
  readonly transport: (name: string, identity: () => Transport.Identity | undefined) => Layer.Layer<Transport.Transport>
  /** Makes the name of a node known to the resolver of host names. */
  readonly addHost: (name: string) => void
  /** Makes the host of the node for its present life. */
  readonly host: (name: string) => Layer.Layer<SimHost>
  /** Ends the connections of the host, as its operating system does when the process dies. */
  readonly loseConnections: (name: string, silent: boolean) => void
  /** Loses what is not durable on the disk of the node. */
  readonly losePower: (name: string) => void
  readonly fail: (failure: SimulationError.Failure) => void
  readonly record: (event: Trace.Event) => void
  /** Called when a life has run its finalizers. It must free everything that it holds soon. */
  readonly stopped: (node: SimNode<never>, life: Life) => void
}

/**
 * Makes a function that runs tasks in a turn of the caller's own life, so that no life runs inside a turn of another.
 */
const inTurnOfCaller = (kernel: Kernel): ((task: () => void) => void) => {
  const caller = Fiber.getCurrent()?.getRef(CurrentLife)
  return (task) => (caller === undefined ? task() : kernel.enqueue(caller, task))
}

export class SimNode<A> {
  readonly name: string
  readonly machine: Machine
  private readonly runtime: Runtime
  /** Builds the layer in a scope, and starts the application. */
  private readonly build: (scope: Scope.Scope) => Effect.Effect<Context.Context<A>, unknown>
  private currentState: State = "stopped"
  private currentLife: Life | undefined
  private startCount = 0
  /** `true` once the layer of the present life is built. Its application is starting then. */
  private isLayerBuilt = false
  private scope: Scope.Closeable | undefined
  private built: Context.Context<A> | undefined
  /** Fiber that builds the layer. */
  private building: Fiber.Fiber<unknown, unknown> | undefined
  private readonly guests = new Set<Guest>()
  /** Called at each change of state. */
  private readonly watchers = new Set<(state: State) => void>()

  constructor(
    runtime: Runtime,
    name: string,
    layer: () => Layer.Layer<A, unknown, Transport.Transport | SimHost>,
    application?: (() => StartEffect<A>) | undefined,
    identity: () => Transport.Identity | undefined = () => undefined,
  ) {
    this.name = name
    this.machine = runtime.kernel.machine(name)
    this.runtime = runtime
    this.build = (scope) => {
      const built = Layer.buildWithScope(
        Layer.provide(layer(), [runtime.transport(name, identity), runtime.host(name)]),
        scope,
      )
      if (application === undefined) return built
      return Effect.tap(built, (services) =>
        Effect.provideContext(this.startApplication(application), Context.add(services, Scope.Scope, scope)),
      )
    }
  }

  get state(): State {
    return this.currentState
  }

  /** Present life, or the last one. */
  get life(): Life | undefined {
    return this.currentLife
  }

  /** Number of starts. */
  get lives(): number {
    return this.startCount
  }

  /** Services of the layer while the node is running. */
  get context(): Context.Context<A> | undefined {
    return this.built
  }

  /** `true` if there is a process that is not being stopped. */
  get isUp(): boolean {
    return this.currentState === "running" || this.currentState === "starting"
  }

  /** `true` if there is a process that can be killed. */
  get isAlive(): boolean {
    return this.isUp || this.currentState === "stopping"
  }

  private record(state: Trace.NodeState, text?: string): void {
    this.runtime.record({
      _tag: "Node",
      at: this.runtime.kernel.now,
      node: this.name,
      state,
      life: this.startCount,
      ...(text === undefined ? {} : { text }),
    })
  }

  private enter(state: State): void {
    this.currentState = state
    this.record(state)
    // A watcher may change the state again, and the other watchers see both changes.
    for (const watcher of [...this.watchers]) watcher(state)
  }

  private die(cause: Cause.Cause<unknown>, message: string): void {
    const { fail, kernel } = this.runtime
    fail(new SimulationError.NodeDied({ at: kernel.now, node: this.name, cause: Cause.squash(cause), message }))
  }

  // Starting and ending.

  /** Starts the process. The node is `starting` until its layer is built and its application has started. */
  start(): void {
    const { context, kernel } = this.runtime
    const life = new Life(this.machine, ++this.startCount)
    const scope = Scope.makeUnsafe()
    this.currentLife = life
    this.scope = scope
    this.built = undefined
    this.isLayerBuilt = false
    this.enter("starting")
    this.building = undefined
    kernel.begin(life, () => {
      // The process may have been stopped before its first turn.
      if (this.currentLife !== life || this.currentState !== "starting") return
      const fiber = Effect.runForkWith(context(life))(Effect.suspend(() => this.build(scope)))
      this.building = fiber
      fiber.addObserver((exit) => this.onBuilt(life, exit))
    })
  }

  /** Runs the start of the application, after the delay of the fault plan. */
  private startApplication<R>(
    application: () => Effect.Effect<unknown, unknown, R>,
  ): Effect.Effect<unknown, unknown, R> {
    return Effect.suspend(() => {
      this.isLayerBuilt = true
      const { micros, over } = this.runtime.slowStart(this.name)
      const wait = micros === 0 ? Effect.void : Effect.andThen(Effect.sleep(micros / 1_000), Effect.sync(over))
      return Effect.andThen(wait, Effect.suspend(application))
    })
  }

  private onBuilt(life: Life, exit: Exit.Exit<Context.Context<A>, unknown>): void {
    if (this.currentLife !== life || !life.alive || this.currentState !== "starting") return
    if (Exit.isSuccess(exit)) {
      this.built = exit.value
      return this.enter("running")
    }
    this.enter("died")
    const { isLayerBuilt, name } = this
    const what = isLayerBuilt ? `the application of ${name} failed to start` : `the layer of ${name} failed to build`
    this.die(
      exit.cause,
      `${what} at ${Microseconds.show(this.runtime.kernel.now)}: ${Cause.pretty(exit.cause)}\n` +
        `Correct the ${isLayerBuilt ? "application" : "layer"}. If a faulty network makes it fail, retry inside it.`,
    )
  }

  /** Kills the process: no finalizer runs. */
  crash(silent: boolean): void {
    const { kernel, loseConnections, losePower } = this.runtime
    const life = this.currentLife
    if (life === undefined || !this.isAlive) return
    life.lostPower = silent
    kernel.kill(life)
    // A paused process can be killed, and the next process is not paused.
    this.resume()
    this.built = undefined
    loseConnections(this.name, silent)
    if (silent) losePower(this.name)
    this.loseGuests(`${this.name} has crashed`)
    this.enter("crashed")
  }

  /** Stops the process: interrupts the build of the layer, and runs the finalizers. */
  stop(): void {
    const { context, kernel } = this.runtime
    const { scope } = this
    const life = this.currentLife
    if (life === undefined || scope === undefined || !this.isUp) return
    this.enter("stopping")
    this.built = undefined
    kernel.begin(life, () => {
      // `lost` comes before `interrupt`, so that the callers of the guests see the stop instead of the interruption.
      for (const guest of this.loseGuests(`${this.name} was stopped`)) guest.interrupt()
      const { building } = this
      const built = building === undefined ? Effect.void : Fiber.interrupt(building)
      const fiber = Effect.runForkWith(context(life))(Effect.andThen(built, Scope.close(scope, Exit.void)))
      fiber.addObserver((exit) => this.onStopped(life, exit))
    })
  }

  private onStopped(life: Life, exit: Exit.Exit<void>): void {
    if (this.currentLife !== life || this.currentState !== "stopping") return
    this.enter("stopped")
    if (Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause)) {
      this.die(exit.cause, `a finalizer of ${this.name} failed when it was stopped: ${Cause.pretty(exit.cause)}`)
    }
    this.runtime.stopped(this, life)
  }

  private loseGuests(why: string): ReadonlyArray<Guest> {
    const guests = [...this.guests]
    this.guests.clear()
    for (const guest of guests) guest.lost(why)
    return guests
  }

  /** Starts the node if it is down, or as soon as its stop has ended. */
  startWhenDown(unless: () => boolean = () => false): void {
    const lives = this.startCount
    if (this.currentState === "crashed" || this.currentState === "stopped") return this.start()
    if (this.currentState !== "stopping") return
    const watcher = (state: State): void => {
      if (state !== "stopped" && state !== "crashed") return
      this.watchers.delete(watcher)
      if (this.startCount === lives && this.currentState === state && !unless()) this.start()
    }
    this.watchers.add(watcher)
  }

  // Calls of the scenario.

  /** Waits until the node is in one of the states. */
  until(states: ReadonlyArray<State>): Effect.Effect<void> {
    return Effect.callback((resume) => {
      const goOn = inTurnOfCaller(this.runtime.kernel)
      if (states.includes(this.currentState)) return resume(Effect.void)
      const watcher = (state: State): void => {
        if (!states.includes(state)) return
        this.watchers.delete(watcher)
        goOn(() => resume(Effect.void))
      }
      this.watchers.add(watcher)
      return Effect.sync(() => this.watchers.delete(watcher))
    })
  }

  /**
   * Runs an effect as part of the process. Fails with `NodeDown` if there is no running process or the process ends.
   */
  run<B, E>(effect: Effect.Effect<B, E, A | Scope.Scope>): Effect.Effect<B, E | SimulationError.NodeDown> {
    return Effect.callback<B, E | SimulationError.NodeDown>((resume) => {
      const { context, kernel } = this.runtime
      const { built } = this
      const life = this.currentLife
      if (built === undefined || life === undefined || this.currentState !== "running") {
        return resume(Exit.fail(nodeDown(this.name, `${this.name} ${stateText[this.currentState]}`)))
      }
      const call = new NodeCall<B, E>({
        node: this.name,
        life,
        guests: this.guests,
        inTurnOfCaller: inTurnOfCaller(kernel),
        done: resume,
      })
      kernel.begin(life, () =>
        call.start(() => Effect.runForkWith(Context.merge(context(life), built))(Effect.scoped(effect))),
      )
      return call.abandon
    })
  }

  /** Fails with `nodeState` unless the node is in one of the states. */
  require(states: ReadonlyArray<State>, what: string): Effect.Effect<void, SimulationError.SimulationError> {
    return Effect.suspend(() =>
      states.includes(this.currentState)
        ? Effect.void
        : Effect.fail(
            new SimulationError.SimulationError({
              reason: "nodeState",
              message:
                `${this.name} cannot ${what}: it ${stateText[this.currentState]}. ` +
                `Check its \`state\` first, which must be ${states.join(" or ")}. Under a fault plan the state may change at any time.`,
            }),
          ),
    )
  }

  // The machine.

  pause(): void {
    if (this.machine.paused) return
    this.runtime.kernel.pause(this.machine)
    this.record("paused")
  }

  resume(): void {
    if (!this.machine.paused) return
    this.runtime.kernel.resume(this.machine)
    this.record("resumed")
  }

  /** Sets the time that every task takes from now on. */
  slow(taskMicros: number): void {
    this.runtime.kernel.slow(this.machine, taskMicros)
    this.record("slow", taskMicros === 0 ? "at full speed" : `${Microseconds.show(taskMicros)} for each task`)
  }

  /** Sets the wall clock forward, or back if negative. */
  setClock(byMicros: number): void {
    this.machine.offset += byMicros
    this.record("clock", `set ${byMicros < 0 ? "back" : "forward"} by ${Microseconds.show(Math.abs(byMicros))}`)
  }

  /** Makes the clock run fast by parts per million, or slow if negative. */
  drift(ppm: number): void {
    this.machine.setRate(this.runtime.kernel.now, 1 + ppm / 1_000_000)
    this.record("clock", `${ppm >= 0 ? "fast" : "slow"} by ${Math.abs(ppm)} ppm`)
  }

  /** Ends a pause and a slow-down. */
  resumeAtFullSpeed(): void {
    this.resume()
    if (this.machine.taskMicros > 0) this.slow(0)
  }

  /** Ends every fault of the node. A wall clock that was set keeps its offset. */
  heal(): void {
    this.resumeAtFullSpeed()
    if (this.machine.rate !== 1) this.drift(0)
    this.startWhenDown()
  }
}
