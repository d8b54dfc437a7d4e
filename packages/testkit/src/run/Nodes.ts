/**
 * The nodes of a simulation: starting, killing and stopping the processes that the application's layer runs in.
 */
import type * as Transport from "@coterie/core/Transport"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Micros from "../internal/Micros.ts"
import { CurrentLife } from "../kernel/context.ts"
import type { Kernel, Life, Machine } from "../kernel/Kernel.ts"
import * as SimulationError from "../SimulationError.ts"
import type * as Trace from "../Trace.ts"

/** What a node is doing. */
export type State = "starting" | "running" | "crashed" | "stopping" | "stopped" | "died"

/** The state of a process that a scenario cannot use. */
const downText: Record<State, string> = {
  starting: "is still starting",
  running: "is running",
  crashed: "has crashed",
  stopping: "is being stopped",
  stopped: "is stopped",
  died: "died",
}

/** Everything about one node. */
export class NodeState<A> {
  readonly name: string
  readonly machine: Machine
  readonly layer: () => Layer.Layer<A, unknown, Transport.Transport>
  state: State = "stopped"
  /** The present life, or the last. */
  life: Life | undefined
  lives = 0
  scope: Scope.Closeable | undefined
  context: Context.Context<A> | undefined
  /** Builds the layer. */
  building: Fiber.Fiber<unknown, unknown> | undefined
  /** What a scenario runs as part of this life: interrupted by a stop, told by a crash. */
  readonly guests = new Set<Guest>()
  /** Called at the next change of state. */
  readonly watchers = new Set<(state: State) => void>()

  constructor(name: string, machine: Machine, layer: () => Layer.Layer<A, unknown, Transport.Transport>) {
    this.name = name
    this.machine = machine
    this.layer = layer
  }
}

interface Guest {
  readonly interrupt: () => void
  readonly lost: (why: string) => void
}

/** What the nodes need of the run that they are in. */
export interface Host {
  readonly kernel: Kernel
  /** The context of everything that runs in a life. */
  readonly context: (life: Life) => Context.Context<never>
  /** Makes the transport of the node for its present life. */
  readonly transport: (name: string) => Layer.Layer<Transport.Transport>
  /** Loses what the host has open, as its operating system does when the process dies. */
  readonly loseConnections: (name: string, silent: boolean) => void
  readonly fail: (failure: SimulationError.Failure) => void
  readonly record: (event: Trace.Event) => void
  /** Told when a life was stopped in good order: whatever it held must be free soon. */
  readonly stopped: (node: NodeState<never>, life: Life) => void
}

const wrongState = (message: string) => new SimulationError.SimulationError({ reason: "nodeState", message })

const record = <A>(host: Host, node: NodeState<A>, state: Trace.NodeState, text?: string): void =>
  host.record({
    _tag: "Node",
    at: host.kernel.now,
    node: node.name,
    state,
    life: node.lives,
    ...(text === undefined ? {} : { text }),
  })

const enter = <A>(host: Host, node: NodeState<A>, state: State): void => {
  node.state = state
  record(host, node, state)
  // A watcher may change the state again, and the others hear of both.
  for (const watcher of [...node.watchers]) watcher(state)
}

/** Starts the process. It is `starting` until its layer is built. */
export const start = <A>(host: Host, node: NodeState<A>): void => {
  const { kernel } = host
  const life = kernel.life(node.machine, ++node.lives)
  const scope = Scope.makeUnsafe()
  node.life = life
  node.scope = scope
  node.context = undefined
  enter(host, node, "starting")
  node.building = undefined
  kernel.begin(life, () => {
    // It may have been stopped before it came to run.
    if (node.life !== life || node.state !== "starting") return
    const build = Effect.suspend(() =>
      Layer.buildWithScope(Layer.provide(node.layer(), host.transport(node.name)), scope),
    )
    const fiber = Effect.runForkWith(host.context(life))(build)
    node.building = fiber
    fiber.addObserver((exit) => {
      if (node.life !== life || !life.alive || node.state !== "starting") return
      if (Exit.isSuccess(exit)) {
        node.context = exit.value
        return enter(host, node, "running")
      }
      enter(host, node, "died")
      host.fail(
        new SimulationError.NodeDied({
          at: kernel.now,
          node: node.name,
          cause: Cause.squash(exit.cause),
          message:
            `the layer of ${node.name} failed to build at ${Micros.show(kernel.now)}: ${Cause.pretty(exit.cause)}\n` +
            "Mend the layer, or retry inside of it what may fail while the network is faulty.",
        }),
      )
    })
  })
}

/** Kills the process: no finalizer runs. */
export const crash = <A>(host: Host, node: NodeState<A>, silent: boolean): void => {
  const { life } = node
  if (life === undefined || !isAlive(node)) return
  host.kernel.kill(life)
  // A process that stands still can be killed, and the next one does not stand still.
  resume(host, node)
  node.context = undefined
  host.loseConnections(node.name, silent)
  lose(node, `${node.name} has crashed`)
  enter(host, node, "crashed")
}

/** Stops the process in good order: what it is building is interrupted, and its finalizers run. */
export const stop = <A>(host: Host, node: NodeState<A>): void => {
  const { life, scope } = node
  if (life === undefined || scope === undefined || !isUp(node)) return
  const { kernel } = host
  enter(host, node, "stopping")
  node.context = undefined
  kernel.begin(life, () => {
    // Who waits for them hears of the stop, and not of the interruption that comes with it.
    for (const guest of lose(node, `${node.name} was stopped`)) guest.interrupt()
    const { building } = node
    const built = building === undefined ? Effect.void : Fiber.interrupt(building)
    const fiber = Effect.runForkWith(host.context(life))(Effect.andThen(built, Scope.close(scope, Exit.void)))
    fiber.addObserver((exit) => {
      if (node.life !== life || node.state !== "stopping") return
      enter(host, node, "stopped")
      if (Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause)) {
        host.fail(
          new SimulationError.NodeDied({
            at: kernel.now,
            node: node.name,
            cause: Cause.squash(exit.cause),
            message: `a finalizer of ${node.name} failed when it was stopped: ${Cause.pretty(exit.cause)}`,
          }),
        )
      }
      host.stopped(node, life)
    })
  })
}

const lose = <A>(node: NodeState<A>, why: string): ReadonlyArray<Guest> => {
  const guests = [...node.guests]
  node.guests.clear()
  for (const guest of guests) guest.lost(why)
  return guests
}

/** Whether there is a process. */
export const isUp = <A>(node: NodeState<A>): boolean => node.state === "running" || node.state === "starting"

/** Whether there is one that can be killed. */
export const isAlive = <A>(node: NodeState<A>): boolean => isUp(node) || node.state === "stopping"

/** Lets who calls now go on later in a turn of its own life, so that neither runs inside of the other. */
const turnOfCaller = (kernel: Kernel): ((task: () => void) => void) => {
  const caller = Fiber.getCurrent()?.getRef(CurrentLife)
  return (task) => (caller === undefined ? task() : kernel.enqueue(caller, task))
}

/** Waits until the node is in one of the states. */
export const until = <A>(host: Host, node: NodeState<A>, states: ReadonlyArray<State>): Effect.Effect<void> =>
  Effect.callback((resume) => {
    const goOn = turnOfCaller(host.kernel)
    if (states.includes(node.state)) return resume(Effect.void)
    const watcher = (state: State): void => {
      if (!states.includes(state)) return
      node.watchers.delete(watcher)
      goOn(() => resume(Effect.void))
    }
    node.watchers.add(watcher)
    return Effect.sync(() => node.watchers.delete(watcher))
  })

/** Runs an effect as part of the node's process. */
export const run = <A, B, E>(
  host: Host,
  node: NodeState<A>,
  effect: Effect.Effect<B, E, A | Scope.Scope>,
): Effect.Effect<B, E | SimulationError.NodeDown> =>
  Effect.callback<B, E | SimulationError.NodeDown>((resume) => {
    const { kernel } = host
    const { context, life } = node
    const goOn = turnOfCaller(host.kernel)
    const down = (why: string) =>
      Exit.fail(
        new SimulationError.NodeDown({
          node: node.name,
          message: `${why}: what was running there is lost. Handle NodeDown, or wait until the node is running.`,
        }),
      )
    if (context === undefined || life === undefined || node.state !== "running") {
      return resume(down(`${node.name} ${downText[node.state]}`))
    }
    let finished = false
    let fiber: Fiber.Fiber<B, E> | undefined
    const finish = (exit: Exit.Exit<B, E | SimulationError.NodeDown>): void => {
      if (finished) return
      finished = true
      node.guests.delete(guest)
      goOn(() => resume(exit))
    }
    const guest: Guest = {
      interrupt: () => fiber?.interruptUnsafe(),
      lost: (why) => finish(down(why)),
    }
    node.guests.add(guest)
    kernel.begin(life, () => {
      if (finished) return
      fiber = Effect.runForkWith(Context.merge(host.context(life), context))(Effect.scoped(effect))
      fiber.addObserver(finish)
    })
    return Effect.callback<void>((released) => {
      finished = true
      node.guests.delete(guest)
      // The finalizers of a process that stands still wait until it goes on; who interrupts does not.
      if (fiber === undefined || !life.alive || life.machine.paused) {
        fiber?.interruptUnsafe()
        return released(Effect.void)
      }
      const release = (): void => {
        node.guests.delete(leaving)
        goOn(() => released(Effect.void))
      }
      // A crash ends the wait, too.
      const leaving: Guest = { interrupt: () => undefined, lost: release }
      node.guests.add(leaving)
      fiber.addObserver(release)
      fiber.interruptUnsafe()
    })
  })

/** Checks that the node can do what is asked of it. */
export const require = <A>(
  node: NodeState<A>,
  states: ReadonlyArray<State>,
  what: string,
): Effect.Effect<void, SimulationError.SimulationError> =>
  Effect.suspend(() =>
    states.includes(node.state)
      ? Effect.void
      : Effect.fail(
          wrongState(
            `${node.name} cannot ${what}: it ${downText[node.state]}. ` +
              `Look at its \`state\` first (${states.join(" or ")} is needed); under a fault plan it may change at any time.`,
          ),
        ),
  )

/** The node stands still. */
export const pause = <A>(host: Host, node: NodeState<A>): void => {
  if (node.machine.paused) return
  host.kernel.pause(node.machine)
  record(host, node, "paused")
}

export const resume = <A>(host: Host, node: NodeState<A>): void => {
  if (!node.machine.paused) return
  host.kernel.resume(node.machine)
  record(host, node, "resumed")
}

/** Every task of the node takes so long from now on. */
export const slow = <A>(host: Host, node: NodeState<A>, taskMicros: number): void => {
  host.kernel.slow(node.machine, taskMicros)
  record(host, node, "slow", taskMicros === 0 ? "at full speed" : `${Micros.show(taskMicros)} for each task`)
}

/** Sets the wall clock of the node forth, or back. */
export const setClock = <A>(host: Host, node: NodeState<A>, byMicros: number): void => {
  node.machine.offset += byMicros
  record(host, node, "clock", `set ${byMicros < 0 ? "back" : "forth"} by ${Micros.show(Math.abs(byMicros))}`)
}

/** Makes the clock of the node run fast, or slow. */
export const drift = <A>(host: Host, node: NodeState<A>, ppm: number): void => {
  host.kernel.setRate(node.machine, 1 + ppm / 1_000_000)
  record(host, node, "clock", `${ppm >= 0 ? "fast" : "slow"} by ${Math.abs(ppm)} ppm`)
}

/** Ends whatever is wrong with the node. */
export const heal = <A>(host: Host, node: NodeState<A>): void => {
  hasten(host, node)
  if (node.machine.rate !== 1) drift(host, node, 0)
  startAgain(host, node)
}

/** Ends what keeps the node from going on. */
export const hasten = <A>(host: Host, node: NodeState<A>): void => {
  resume(host, node)
  if (node.machine.taskMicros > 0) slow(host, node, 0)
}

/** Starts the node if it is down, or when it will be. */
export const startAgain = <A>(host: Host, node: NodeState<A>, unless: () => boolean = () => false): void => {
  const { lives } = node
  if (node.state === "crashed" || node.state === "stopped") return start(host, node)
  if (node.state !== "stopping") return
  const watcher = (state: State): void => {
    if (state !== "stopped" && state !== "crashed") return
    node.watchers.delete(watcher)
    if (node.lives === lives && node.state === state && !unless()) start(host, node)
  }
  node.watchers.add(watcher)
}
