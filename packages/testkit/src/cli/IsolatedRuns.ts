/**
 * Runs of seeds, one after the other. Each scenario runs in a thread of its own that ends with the run, so that no
 * state outlives a run.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type { SimulationError } from "../SimulationError.ts"
import type { ScenarioRun } from "./protocol.ts"
import type { SimulationThread, ThreadDied } from "./SimulationThread.ts"

type Thread = Pick<SimulationThread, "seed">

export interface Options {
  /** Names of the scenarios. */
  readonly scenarios: ReadonlyArray<string>
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

  /** Runs all scenarios with a seed, after the earlier seeds have ended. */
  seed(seed: number): Effect.Effect<ReadonlyArray<ScenarioRun>, SimulationError | ThreadDied> {
    const { open, scenarios } = this.options
    const runs = Effect.forEach(scenarios, (scenario) =>
      Effect.scoped(Effect.flatMap(open(scenario), (thread) => thread.seed(seed))),
    )
    const begin = Effect.sync(() => void (this.current = seed))
    const end = Effect.sync(() => void (this.current = undefined))
    return this.turn.withPermits(1)(
      begin.pipe(
        Effect.andThen(runs),
        Effect.map((runs) => runs.flat()),
        Effect.ensuring(end),
      ),
    )
  }

  /** Empty list of runs: an isolated thread has no state that could change a second run. */
  readonly repeat: Effect.Effect<ReadonlyArray<ScenarioRun>> = Effect.succeed([])

  /** Returns the seed that is running now. */
  running(): number | undefined {
    return this.current
  }
}
