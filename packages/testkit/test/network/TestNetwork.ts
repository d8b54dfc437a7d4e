/**
 * Network that a test drives by hand. Ready tasks run and time passes only when the test calls a method.
 */
import type * as Address from "@coterie/core/Address"
import * as Transport from "@coterie/core/Transport"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { EventQueue } from "../../src/kernel/EventQueue.ts"
import * as Draws from "../../src/kernel/Draws.ts"
import * as Engine from "../../src/network/Engine.ts"
import type { Observation, Process, Timeline } from "../../src/network/Environment.ts"
import { type Ready, TestProcess } from "./TestProcess.ts"

export const ms = 1_000
export const second = 1_000_000

/** Effect that runs or has run. */
export interface Running<A, E> {
  exit: Exit.Exit<A, E> | undefined
  /** Time of its end. */
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

/** Bytes that a node has pulled from a connection. */
export interface Heard {
  text: string
  size: number
  readonly batches: Array<{ readonly at: number; readonly text: string; readonly size: number }>
  /** End of the stream. */
  end: "done" | Transport.TransportError | undefined
  endedAt: number | undefined
}

/** Network of any number of nodes. Its methods are fields, so that a test can destructure them. */
export class TestNetwork {
  readonly engine: Engine.Engine
  readonly draws: Draws.Draws
  readonly observations: Array<Observation & { readonly at: number }> = []
  private readonly events = new EventQueue()
  private readonly ready: Ready = []
  private readonly processes = new Map<string, TestProcess>()
  private time = 0
  private fired = 0

  constructor({ draws, seed = 1, ...options }: Options = {}) {
    this.draws = draws ?? Draws.seeded(seed)
    this.engine = new Engine.Engine(
      {
        timeline: this.timeline,
        draws: this.draws,
        process: (host) => this.processAt(host),
        observe: (observation) => this.observations.push({ ...observation, at: this.time }),
      },
      options,
    )
  }

  private get timeline(): Timeline {
    return {
      now: this.now,
      schedule: (at, run) => {
        if (!Number.isInteger(at)) throw new Error(`${at} is not a whole number of microseconds`)
        if (at < this.time) throw new Error(`${at} is in the past: the time is ${this.time}`)
        return this.events.schedule(at, run)
      },
    }
  }

  private processAt(host: string): Process {
    const process = this.processes.get(host)
    if (process === undefined) throw new Error(`no process is running at ${host}`)
    return process
  }

  readonly now = (): number => this.time

  /** Runs all ready tasks without advancing time. */
  readonly settle = (): void => {
    for (let task = this.ready.shift(); task !== undefined; task = this.ready.shift()) task()
  }

  /** Advances time and runs everything that is due by then. */
  readonly advance = (micros: number): void => {
    const until = this.time + micros
    this.settle()
    for (let next = this.events.peek(); next !== undefined && next.at <= until; next = this.events.peek()) {
      this.events.pop()
      this.time = Math.max(this.time, next.at)
      next.run?.()
      this.settle()
      if (++this.fired > 5_000_000) throw new Error("the events never end")
    }
    this.time = until
  }

  private readonly fork = <A, E>(process: TestProcess, effect: Effect.Effect<A, E>): Running<A, E> => {
    let interrupt = (): void => undefined
    const running: Running<A, E> = { exit: undefined, at: undefined, interrupt: () => interrupt() }
    process.enqueue(() => {
      const fiber = Effect.runForkWith(process.context)(effect)
      interrupt = () => fiber.interruptUnsafe()
      fiber.addObserver((exit) => {
        running.exit = exit
        running.at = this.time
      })
    })
    return running
  }

  /** Returns the value of an effect. Throws if the effect has not ended. */
  readonly result = <A, E>(running: Running<A, E>): A => {
    this.settle()
    if (running.exit === undefined) throw new Error("the effect has not ended")
    if (Exit.isSuccess(running.exit)) return running.exit.value
    throw new Error(Cause.pretty(running.exit.cause))
  }

  /** Starts a new process at the host, with a transport. */
  readonly boot = (host: string, port?: number): TestNode => {
    const process = new TestProcess(this.ready)
    this.processes.set(host, process)
    const built = this.fork(process, Layer.buildWithScope(this.engine.transport(host, port), Scope.makeUnsafe()))
    return {
      host,
      process,
      transport: Context.get(this.result(built), Transport.Transport),
      fork: (effect) => this.fork(process, effect),
    }
  }

  /** Kills the process as the kernel does. */
  readonly kill = (node: TestNode, silent = false): void => {
    node.process.kill()
    this.engine.crash(node.host, { silent })
  }

  /** Listens and keeps the accepted connections. */
  readonly serve = (node: TestNode) => {
    const accepted: Array<Transport.Connection> = []
    const closings: Array<() => void> = []
    const scope = Scope.makeUnsafe()
    const listener = this.result(node.fork(Scope.provide(node.transport.listen, scope)))
    const running = node.fork(
      listener.run((connection) =>
        Effect.callback((resume) => {
          accepted.push(connection)
          closings.push(() => resume(Effect.void))
        }),
      ),
    )
    return {
      address: listener.addresses[0],
      accepted,
      running,
      /** Ends the handler of a connection. */
      release: (index: number) => node.process.enqueue(() => closings[index]?.()),
      close: () => node.fork(Scope.close(scope, Exit.void)),
    }
  }

  readonly connect = (node: TestNode, address: Address.Address) => {
    const scope = Scope.makeUnsafe()
    return {
      dialing: node.fork(Scope.provide(node.transport.connect(address), scope)),
      close: () => node.fork(Scope.close(scope, Exit.void)),
    }
  }

  /** Starts two nodes and makes the first dial the second. */
  readonly linked = (names: readonly [string, string] = ["a", "b"]) => {
    const a = this.boot(names[0])
    const b = this.boot(names[1])
    const server = this.serve(b)
    const { close, dialing } = this.connect(a, server.address)
    this.advance(29 * second)
    const dialer = this.result(dialing)
    const [acceptor] = server.accepted
    if (acceptor === undefined) throw new Error("nothing was accepted")
    return { a, b, server, dialer, acceptor, close }
  }

  /** Pulls all bytes and keeps them with the times of their arrival. */
  readonly hear = (node: TestNode, connection: Transport.Connection): Heard => {
    const heard: Heard = { text: "", size: 0, batches: [], end: undefined, endedAt: undefined }
    const pulling = Effect.forever(
      Effect.map(connection.pull, (batch) => {
        const text = batch.map((chunk) => decoder.decode(chunk)).join("")
        const size = batch.reduce((sum, chunk) => sum + chunk.length, 0)
        heard.text += text
        heard.size += size
        heard.batches.push({ at: this.time, text, size })
      }),
    )
    node.fork(
      Effect.matchEffect(pulling, {
        onSuccess: Effect.succeed,
        onFailure: (error) =>
          Effect.sync(() => {
            heard.end = Cause.isDone(error) ? "done" : error
            heard.endedAt = this.time
          }),
      }),
    )
    this.settle()
    return heard
  }

  readonly say = (node: TestNode, connection: Transport.Connection, words: string) => {
    const writing = node.fork(connection.write([encoder.encode(words)]))
    this.settle()
    return writing
  }
}

export const make = (options?: Options): TestNetwork => new TestNetwork(options)

const encoder = new TextEncoder()
const decoder = new TextDecoder("latin1")

/** Returns the reason of the transport error with which an effect failed, or its state. */
export const reasonOf = <A>(running: Running<A, Transport.TransportError>): string => {
  if (running.exit === undefined) return "still running"
  if (Exit.isSuccess(running.exit)) return "succeeded"
  const [reason] = running.exit.cause.reasons
  return reason !== undefined && Cause.isFailReason(reason) ? reason.error.reason : Cause.pretty(running.exit.cause)
}

/** Returns the end of the stream as one word. */
export const endOf = ({ end }: { readonly end: "done" | Transport.TransportError | undefined }): string => {
  if (end === undefined) return "open"
  return end === "done" ? end : end.reason
}

/** Returns a deterministic text whose parts show their position. */
export const pattern = (size: number, offset = 0): string => {
  let text = ""
  for (let i = 0; i < size; i++) text += String.fromCharCode(33 + (((offset + i) * 7 + ((offset + i) >> 6)) % 90))
  return text
}
