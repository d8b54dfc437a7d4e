/** Measurement of one system: the time of single requests, and the rate and cost of many. */
import * as Effect from "effect/Effect"
import type { Cores } from "../harness/cores.ts"
import * as Process from "../harness/Process.ts"
import type { Calls } from "./Calls.ts"

export interface Figures {
  /** Requests per second, by the number of requests in flight. */
  readonly perSecond1: number | null
  readonly perSecond64: number | null
  readonly perSecond512: number | null
  /** Time of single requests in microseconds. */
  readonly p50us: number | null
  readonly p99us: number | null
  /** Time of the processor of both ends per request, with 64 requests in flight, in microseconds. */
  readonly cpuUs: number | null
}

export const nothing: Figures = {
  perSecond1: null,
  perSecond64: null,
  perSecond512: null,
  p50us: null,
  p99us: null,
  cpuUs: null,
}

/** Durations in milliseconds. */
export interface Timing {
  readonly warmUp: number
  readonly measured: number
}

export interface Setup {
  readonly system: string
  readonly cores: Cores | undefined
  readonly timing: Timing
}

/** Measures with new processes. */
const measureWith = ({ cores, system, timing }: Setup, atOnce: number) =>
  Effect.scoped(
    Effect.gen(function* () {
      const start = Effect.fnUntraced(function* (core: number | undefined) {
        const process = yield* Process.start<Calls>({ module: new URL("child.ts", import.meta.url), core })
        yield* process.call("setup", system)
        return process
      })
      // With one request at a time both ends share a core, so that no core has to wake up.
      const server = yield* start(atOnce === 1 ? cores?.sender : cores?.receiver)
      const address = yield* server.call("serve")
      const client = yield* start(cores?.sender)
      yield* client.call("connect", address)
      const cpu = Effect.zipWith(client.call("cpu"), server.call("cpu"), (a, b) => a + b)
      yield* client.call("request", { atOnce }, timing.warmUp)
      const before = yield* cpu
      const called = yield* client.call("request", { atOnce }, timing.measured)
      const after = yield* cpu
      return {
        ...called,
        perSecond: called.requests / called.seconds,
        cpuUs: (after - before) / called.requests,
      }
    }),
  )

export const measure = (setup: Setup): Effect.Effect<Figures, Process.Failed> =>
  Effect.gen(function* () {
    const single = yield* measureWith(setup, 1)
    const some = yield* measureWith(setup, 64)
    const many = yield* measureWith(setup, 512)
    return {
      perSecond1: single.perSecond,
      perSecond64: some.perSecond,
      perSecond512: many.perSecond,
      p50us: single.p50,
      p99us: single.p99,
      cpuUs: some.cpuUs,
    }
  })
