/** Measurement of one system: the rate and the cost of handshakes, and the memory of idle connections. */
import * as Effect from "effect/Effect"
import type { Cores } from "../harness/cores.ts"
import * as Process from "../harness/Process.ts"
import type { Proofs } from "../harness/proofs.ts"
import type { Calls } from "./Calls.ts"

export interface Figures {
  readonly connectionsPerSecond: number | null
  /** Time of the processor per connection, in microseconds. */
  readonly dialerCpuUs: number | null
  readonly acceptorCpuUs: number | null
  /** Resident memory per idle connection, in KiB. */
  readonly dialerKib: number | null
  readonly acceptorKib: number | null
}

export const nothing: Figures = {
  connectionsPerSecond: null,
  dialerCpuUs: null,
  acceptorCpuUs: null,
  dialerKib: null,
  acceptorKib: null,
}

export interface Sizes {
  /** Milliseconds for which connections are opened and closed before the measurement, and during it. */
  readonly warmUp: number
  readonly measured: number
  /** Idle connections that are added before each reading of the memory, and the number of readings. */
  readonly added: number
  readonly readings: number
}

export interface Setup {
  readonly system: string
  readonly proofs: Proofs
  readonly cores: Cores | undefined
  readonly sizes: Sizes
}

/** Number of dials at a time. They keep both ends busy, and fit the bounds of a transport for one host. */
const atOnce = 4

/** Starts both ends in new processes. */
const start = ({ cores, proofs, system }: Setup) =>
  Effect.gen(function* () {
    const end = Effect.fnUntraced(function* (core: number | undefined) {
      const module = new URL("child.ts", import.meta.url)
      const process = yield* Process.start<Calls>({ module, core, flags: ["--expose-gc"] })
      yield* process.call("setup", system, proofs)
      return process
    })
    const acceptor = yield* end(cores?.receiver)
    const address = yield* acceptor.call("listen")
    return { acceptor, address, dialer: yield* end(cores?.sender) }
  })

const handshakes = (setup: Setup) =>
  Effect.scoped(
    Effect.gen(function* () {
      const { acceptor, address, dialer } = yield* start(setup)
      const { measured, warmUp } = setup.sizes
      yield* dialer.call("cycle", address, { atOnce }, warmUp)
      const cpu = Effect.all({ dialer: dialer.call("cpu"), acceptor: acceptor.call("cpu") })
      const before = yield* cpu
      const { connections, seconds } = yield* dialer.call("cycle", address, { atOnce }, measured)
      const after = yield* cpu
      return {
        connectionsPerSecond: connections / seconds,
        dialerCpuUs: (after.dialer - before.dialer) / connections,
        acceptorCpuUs: (after.acceptor - before.acceptor) / connections,
      }
    }),
  )

const memory = (setup: Setup) =>
  Effect.scoped(
    Effect.gen(function* () {
      const { acceptor, address, dialer } = yield* start(setup)
      const { added, readings } = setup.sizes
      const bytes: Record<"dialer" | "acceptor", Array<number>> = { dialer: [], acceptor: [] }
      for (let i = 0; i < readings; i++) {
        yield* dialer.call("hold", address, { count: added })
        bytes.dialer.push(yield* dialer.call("memory"))
        bytes.acceptor.push(yield* acceptor.call("memory"))
      }
      return {
        dialerKib: slope(bytes.dialer) / added / 1_024,
        acceptorKib: slope(bytes.acceptor) / added / 1_024,
      }
    }),
  )

/** Returns the slope of the line through equidistant values with the least squares. */
const slope = (values: ReadonlyArray<number>): number => {
  const middle = (values.length - 1) / 2
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const products = values.reduce((sum, value, i) => sum + (i - middle) * (value - mean), 0)
  return products / values.reduce((sum, _, i) => sum + (i - middle) ** 2, 0)
}

export const measure = (setup: Setup): Effect.Effect<Figures, Process.Failed> =>
  Effect.gen(function* () {
    return { ...(yield* handshakes(setup)), ...(yield* memory(setup)) }
  })
