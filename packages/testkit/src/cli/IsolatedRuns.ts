/** Runs of seeds, one after the other. Each runs in a thread of its own that ends with it, so no state outlives a run. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type { SimulationError } from "../SimulationError.ts"
import type { ScenarioRun } from "./protocol.ts"
import type { SimulationThread, ThreadDied } from "./SimulationThread.ts"

type Thread = Pick<SimulationThread, "seed">

export interface Options {
  /** Starts a thread, and waits until it has loaded one scenario. */
  readonly open: (scenario: string) => Effect.Effect<Thread, SimulationError | ThreadDied, Scope.Scope>
}

export class IsolatedRuns {
  private readonly options: Options
  private readonly turn = Semaphore.makeUnsafe(1)
  private current: number | undefined

  constructor(options: Options) {
    this.options = options
  }

  /** Runs a scenario with a seed, after the earlier runs have ended. */
  seed(seed: number, scenario: string): Effect.Effect<ReadonlyArray<ScenarioRun>, SimulationError | ThreadDied> {
    const run = Effect.scoped(Effect.flatMap(this.options.open(scenario), (thread) => thread.seed(seed, scenario)))
    const begin = Effect.sync(() => void (this.current = seed))
    const end = Effect.sync(() => void (this.current = undefined))
    return this.turn.withPermits(1)(begin.pipe(Effect.andThen(run), Effect.ensuring(end)))
  }

  /** Empty list of runs: an isolated thread has no state that could change a second run. */
  readonly repeat: Effect.Effect<ReadonlyArray<ScenarioRun>> = Effect.succeed([])

  /** Returns the seed that is running now. */
  running(): number | undefined {
    return this.current
  }
}
