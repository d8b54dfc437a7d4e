/**
 * Invariants and goals of a scenario, evaluated after the steps of the nodes. All are plain functions, which read the
 * state of the nodes and change nothing.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Microseconds from "../internal/Microseconds.ts"
import * as SimulationError from "../SimulationError.ts"

/**
 * Function that returns `true` if the condition holds, and otherwise `false` or a text that describes the violation. A
 * text is truthy, so a function that is passed to `every` or `some` must not return one.
 *
 * @category models
 * @since 0.1.0
 */
export type Predicate = () => boolean | string

interface Always {
  readonly name: string
  readonly predicate: Predicate
  readonly nodes: ReadonlySet<string> | undefined
}

/** Predicate that must hold once. */
export interface Goal {
  readonly predicate: Predicate
  readonly held: () => void
  readonly threw: (cause: unknown) => void
}

/** Returns the reason why a predicate does not hold, or `undefined` if it holds. */
export const violation = (predicate: Predicate): string | undefined => {
  const answer = predicate()
  return answer === true ? undefined : answer === false ? "it does not hold" : answer
}

/** Makes the failure of an invariant that threw. */
export const invariantThrew = (invariant: string, at: number, cause: unknown): SimulationError.InvariantThrew =>
  new SimulationError.InvariantThrew({
    at,
    invariant,
    cause,
    message:
      `the invariant "${invariant}" threw at ${Microseconds.show(at)}: ${cause instanceof Error ? cause.message : String(cause)}. ` +
      "An invariant must return true, false, or a text that describes the violation, also while nodes are not running (their service is undefined).",
  })

interface Options {
  readonly now: () => number
  readonly fail: (failure: SimulationError.Failure) => void
  /** Calls the function after a number of microseconds. Returns a function that cancels the call. */
  readonly after: (micros: number, run: () => void) => () => void
}

export class Checks {
  private readonly options: Options
  private readonly invariants: Array<Always> = []
  private readonly goals = new Set<Goal>()
  private readonly marked = new Map<string, boolean>()
  /** Number of goals that must hold `eventually` and have not held yet. */
  private pending = 0

  constructor(options: Options) {
    this.options = options
  }

  /** Adds an invariant that must hold after every step. */
  always(invariant: Always): void {
    this.invariants.push(invariant)
  }

  /** Adds a goal, which may hold already. Returns a function that removes the goal. */
  goal(goal: Goal): () => void {
    if (!this.attempt(goal)) this.goals.add(goal)
    return () => this.goals.delete(goal)
  }

  /** Requires the predicate to hold once within the time. */
  eventually(name: string, predicate: Predicate, within: Duration.Duration): Effect.Effect<void> {
    return Effect.sync(() => {
      const { after, fail, now } = this.options
      const from = now()
      const over = (): void => {
        this.pending--
        cancel()
      }
      const goal: Goal = {
        predicate,
        held: over,
        threw: (cause) => {
          over()
          fail(invariantThrew(name, now(), cause))
        },
      }
      this.pending++
      const cancel = after(Microseconds.fromDuration(within), () => {
        if (this.attempt(goal)) return
        this.pending--
        this.goals.delete(goal)
        const at = now()
        fail(
          new SimulationError.InvariantViolated({
            at,
            invariant: name,
            message: `"${name}" did not hold within ${Duration.format(within)} from ${Microseconds.show(from)}: ${String(violation(predicate))}`,
          }),
        )
      })
      this.goal(goal)
    })
  }

  /** Returns `true` if every goal that must hold `eventually` has held. */
  isSettled(): boolean {
    return this.pending === 0
  }

  /** Adds a mark that some run must reach. A predicate reaches the mark when it holds. */
  sometimes(name: string, predicate: Predicate | undefined): void {
    if (!this.marked.has(name)) this.marked.set(name, false)
    if (predicate === undefined) return
    this.goal({
      predicate,
      held: () => this.marked.set(name, true),
      threw: (cause) => this.options.fail(invariantThrew(name, this.options.now(), cause)),
    })
  }

  /** Reaches a mark. */
  reached(name: string): void {
    this.marked.set(name, true)
  }

  /** Returns the marks, with `true` for those that were reached. */
  marks(): Readonly<Record<string, boolean>> {
    return Object.fromEntries(this.marked)
  }

  /** Drops the invariants. Called when the scenario has ended and its nodes are about to be stopped. */
  end(): void {
    this.invariants.length = 0
  }

  /** Evaluates the invariants and goals after a step of the node, or of the scenario without a node. */
  step(node: string | undefined): void {
    for (const invariant of this.invariants) this.check(invariant, node)
    this.evaluateGoals()
  }

  /** Evaluates the goals after an event that is not a step. */
  evaluateGoals(): void {
    if (this.goals.size > 0) for (const goal of this.goals) this.attempt(goal)
  }

  private check({ name, nodes, predicate }: Always, node: string | undefined): void {
    if (nodes !== undefined && (node === undefined || !nodes.has(node))) return
    const { fail, now } = this.options
    try {
      const reason = violation(predicate)
      if (reason === undefined) return
      const at = now()
      fail(
        new SimulationError.InvariantViolated({
          at,
          invariant: name,
          ...(node === undefined ? {} : { node }),
          message: `"${name}" was violated at ${Microseconds.show(at)} by a step of ${node ?? "the scenario"}: ${reason}`,
        }),
      )
    } catch (cause) {
      fail(invariantThrew(name, now(), cause))
    }
  }

  private attempt(goal: Goal): boolean {
    try {
      if (violation(goal.predicate) !== undefined) return false
      this.goals.delete(goal)
      goal.held()
    } catch (cause) {
      this.goals.delete(goal)
      goal.threw(cause)
    }
    return true
  }
}
