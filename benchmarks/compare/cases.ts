/** Cases of the comparison: each measures one revision in one window after the other. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Cores } from "../harness/cores.ts"
import * as Process from "../harness/Process.ts"
import type { Calls, Setup } from "./Calls.ts"
import type { Window } from "./statistics.ts"
import * as Usage from "./usage.ts"

export interface Options {
  /** Module of the child processes, in the working tree of the revision. */
  readonly module: URL
  readonly cores: Cores | undefined
}

/** Processes of one revision. Measures a window of this many milliseconds. */
export type Measure = (millis: number) => Effect.Effect<Window, Process.Failed>

/** Starts the processes of one revision, with a link between them. */
export type Case = (options: Options) => Effect.Effect<Measure, Process.Failed, Scope.Scope>

type End = Process.Process<Calls>

/** Runs an effect, and returns its result with the usage of a process meanwhile. */
const used = <A>(end: End, effect: Effect.Effect<A, Process.Failed>) =>
  Effect.gen(function* () {
    const before = yield* end.call("usage")
    const result = yield* effect
    const usage = Usage.between(before, yield* end.call("usage"))
    return { result, usage }
  })

const oneWay =
  (setup: Setup): Case =>
  ({ cores, module }) =>
    Effect.gen(function* () {
      const receiver: End = yield* Process.start<Calls>({ module, core: cores?.receiver })
      const address = yield* receiver.call("receive", setup)
      const sender: End = yield* Process.start<Calls>({ module, core: cores?.sender })
      yield* sender.call("connect", setup, address)
      let messages = 0
      return Effect.fnUntraced(function* (millis) {
        const start = performance.now()
        const sending = used(sender, sender.call("pump", millis))
        const { result: sent, usage: received } = yield* used(
          receiver,
          Effect.tap(sending, ({ result }) => {
            messages += result
            return receiver.call("arrived", { messages })
          }),
        )
        const seconds = (performance.now() - start) / 1_000
        const per = (nanos: number) => nanos / sent.result
        return {
          figures: new Map([
            ["sender: CPU, ns a message", per(Usage.total(sent.usage).ran)],
            ["sender: helper threads, ns a message", per(sent.usage.helpers.ran)],
            ["receiver: CPU, ns a message", per(Usage.total(received).ran)],
            ["receiver: helper threads, ns a message", per(received.helpers.ran)],
            ["messages/s", sent.result / seconds],
          ]),
          time: Usage.add(Usage.total(sent.usage), Usage.total(received)),
        }
      })
    })

const roundTrip =
  (setup: Setup): Case =>
  ({ cores, module }) =>
    Effect.gen(function* () {
      // Both ends share a core, so that no core has to wake up.
      const core = cores?.sender
      const echo: End = yield* Process.start<Calls>({ module, core })
      const address = yield* echo.call("echo", setup)
      const sender: End = yield* Process.start<Calls>({ module, core })
      yield* sender.call("connect", setup, address)
      return Effect.fnUntraced(function* (millis) {
        const both = yield* used(echo, used(sender, sender.call("ping", millis)))
        const { p10, p50, trips } = both.result.result
        const time = Usage.add(Usage.total(both.result.usage), Usage.total(both.usage))
        return {
          figures: new Map([
            ["both: CPU, ns a round trip", time.ran / trips],
            ["p10, us", p10],
            ["p50, us", p50],
          ]),
          time,
        }
      })
    })

/** Cases by name. */
export const cases: Readonly<Record<string, Case>> = {
  "batch-100": oneWay({ mode: "batch", size: 100 }),
  "batch-1k": oneWay({ mode: "batch", size: 1024 }),
  "batch-64k": oneWay({ mode: "batch", size: 64 * 1024 }),
  "batch-1m": oneWay({ mode: "batch", size: 1024 * 1024 }),
  "release-64k": oneWay({ mode: "batch", size: 64 * 1024, releases: true }),
  "release-1m": oneWay({ mode: "batch", size: 1024 * 1024, releases: true }),
  "message-100": oneWay({ mode: "message", size: 100 }),
  roundtrip: roundTrip({ mode: "message", size: 100 }),
}
