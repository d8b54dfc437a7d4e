/** A world that is moved by hand: what is ready runs when the test says so, and time passes when the test says so. */
import type * as Address from "@coterie/core/Address"
import * as Transport from "@coterie/core/Transport"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scheduler from "effect/Scheduler"
import * as Scope from "effect/Scope"
import { Agenda } from "../../src/kernel/Agenda.ts"
import * as Draws from "../../src/kernel/Draws.ts"
import * as Engine from "../../src/network/Engine.ts"
import type { Observation, Process, World } from "../../src/network/World.ts"

export const ms = 1_000
export const second = 1_000_000

type Ready = Array<() => void>

/** One life of a node. */
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

/** An effect that runs, or has run. */
export interface Running<A, E> {
  exit: Exit.Exit<A, E> | undefined
  /** Where it ended. */
  at: number | undefined
  readonly interrupt: () => void
}

export interface TestNode {
  readonly host: string
  readonly process: TestProcess
  readonly transport: Transport.Transport["Service"]
  readonly fork: <A, E>(effect: Effect.Effect<A, E>) => Running<A, E>
}

export interface Options extends Engine.Options {
  readonly seed?: number | undefined
  readonly draws?: Draws.Draws | undefined
}

export const make = ({ draws: given, seed = 1, ...options }: Options = {}) => {
  const agenda = new Agenda()
  const ready: Ready = []
  const observations: Array<Observation & { readonly at: number }> = []
  const processes = new Map<string, TestProcess>()
  const draws = given ?? Draws.seeded(seed)
  let now = 0
  let waited = 0

  const world: World = {
    timeline: {
      now: () => now,
      schedule: (at, run) => {
        if (!Number.isInteger(at)) throw new Error(`${at} is no whole time`)
        if (at < now) throw new Error(`${at} is over: it is ${now}`)
        return agenda.add(at, run)
      },
    },
    draws,
    process: (host) => {
      const process = processes.get(host)
      if (process === undefined) throw new Error(`nobody builds a transport at ${host}`)
      return process
    },
    observe: (observation) => observations.push({ ...observation, at: now }),
  }
  const engine = Engine.make(world, options)

  /** Runs what is ready, and takes no time. */
  const settle = (): void => {
    for (let task = ready.shift(); task !== undefined; task = ready.shift()) task()
  }

  /** Lets time pass, and everything happen that is due by then. */
  const advance = (micros: number): void => {
    const until = now + micros
    settle()
    for (let next = agenda.peek(); next !== undefined && next.at <= until; next = agenda.peek()) {
      agenda.next()
      now = Math.max(now, next.at)
      next.run?.()
      settle()
      if (++waited > 5_000_000) throw new Error("it never ends")
    }
    now = until
  }

  const fork = <A, E>(process: TestProcess, effect: Effect.Effect<A, E>): Running<A, E> => {
    let interrupt = (): void => undefined
    const running: Running<A, E> = { exit: undefined, at: undefined, interrupt: () => interrupt() }
    process.enqueue(() => {
      const fiber = Effect.runForkWith(process.context)(effect)
      interrupt = () => fiber.interruptUnsafe()
      fiber.addObserver((exit) => {
        running.exit = exit
        running.at = now
      })
    })
    return running
  }

  /** What it gave; it must be done. */
  const result = <A, E>(running: Running<A, E>): A => {
    settle()
    if (running.exit === undefined) throw new Error("it is not done")
    if (Exit.isSuccess(running.exit)) return running.exit.value
    throw new Error(Cause.pretty(running.exit.cause))
  }

  /** A new process at the host, with a transport. */
  const boot = (host: string, port?: number): TestNode => {
    const process = new TestProcess(ready)
    processes.set(host, process)
    const built = fork(process, Layer.buildWithScope(engine.transport(host, port), Scope.makeUnsafe()))
    return {
      host,
      process,
      transport: Context.get(result(built), Transport.Transport),
      fork: (effect) => fork(process, effect),
    }
  }

  /** Kills the process as the kernel does. */
  const kill = (node: TestNode, silent = false): void => {
    node.process.kill()
    engine.crash(node.host, { silent })
  }

  /** Listens and keeps what arrives. */
  const serve = (node: TestNode) => {
    const accepted: Array<Transport.Connection> = []
    const closings: Array<() => void> = []
    const scope = Scope.makeUnsafe()
    const listener = result(node.fork(Scope.provide(node.transport.listen, scope)))
    const running = node.fork(
      listener.run((connection) =>
        Effect.callback((resume) => {
          accepted.push(connection)
          closings.push(() => resume(Effect.void))
        }),
      ),
    )
    return {
      address: listener.address,
      accepted,
      running,
      /** Lets the handler of a connection end. */
      release: (index: number) => node.process.enqueue(() => closings[index]?.()),
      close: () => node.fork(Scope.close(scope, Exit.void)),
    }
  }

  const connect = (node: TestNode, address: Address.Address) => {
    const scope = Scope.makeUnsafe()
    return {
      dialing: node.fork(Scope.provide(node.transport.connect(address), scope)),
      close: () => node.fork(Scope.close(scope, Exit.void)),
    }
  }

  /** Node `a` has dialed node `b`. */
  const linked = (names: readonly [string, string] = ["a", "b"]) => {
    const a = boot(names[0])
    const b = boot(names[1])
    const server = serve(b)
    const { close, dialing } = connect(a, server.address)
    advance(29 * second)
    const dialer = result(dialing)
    const [acceptor] = server.accepted
    if (acceptor === undefined) throw new Error("nothing was accepted")
    return { a, b, server, dialer, acceptor, close }
  }

  /** Pulls all there is, and remembers when it came. */
  const hear = (node: TestNode, connection: Transport.Connection) => {
    const heard = {
      text: "",
      size: 0,
      batches: [] as Array<{ readonly at: number; readonly text: string; readonly size: number }>,
      /** How it ended. */
      end: undefined as "done" | Transport.TransportError | undefined,
      endedAt: undefined as number | undefined,
    }
    const pulling = Effect.forever(
      Effect.map(connection.pull, (batch) => {
        const text = batch.map((chunk) => decoder.decode(chunk)).join("")
        const size = batch.reduce((sum, chunk) => sum + chunk.length, 0)
        heard.text += text
        heard.size += size
        heard.batches.push({ at: now, text, size })
      }),
    )
    node.fork(
      Effect.matchEffect(pulling, {
        onSuccess: Effect.succeed,
        onFailure: (error) =>
          Effect.sync(() => {
            heard.end = Cause.isDone(error) ? "done" : error
            heard.endedAt = now
          }),
      }),
    )
    settle()
    return heard
  }

  const say = (node: TestNode, connection: Transport.Connection, words: string) => {
    const writing = node.fork(connection.write([encoder.encode(words)]))
    settle()
    return writing
  }

  return {
    engine,
    draws,
    observations,
    now: () => now,
    settle,
    advance,
    boot,
    kill,
    serve,
    connect,
    linked,
    hear,
    say,
    result,
  }
}

const encoder = new TextEncoder()
const decoder = new TextDecoder("latin1")

/** Why it failed; it must have failed with an error of the transport. */
export const reasonOf = <A>(running: Running<A, Transport.TransportError>): string => {
  if (running.exit === undefined) return "still running"
  if (Exit.isSuccess(running.exit)) return "succeeded"
  const [reason] = running.exit.cause.reasons
  return reason !== undefined && Cause.isFailReason(reason) ? reason.error.reason : Cause.pretty(running.exit.cause)
}

/** How the stream ended, in a word. */
export const endOf = ({ end }: { readonly end: "done" | Transport.TransportError | undefined }): string => {
  if (end === undefined) return "open"
  return end === "done" ? end : end.reason
}

/** Deterministic text, of which every part shows where it belongs. */
export const pattern = (size: number, offset = 0): string => {
  let text = ""
  for (let i = 0; i < size; i++) text += String.fromCharCode(33 + (((offset + i) * 7 + ((offset + i) >> 6)) % 90))
  return text
}
