/**
 * What a scenario wants to hold, evaluated after the steps of the nodes. All are plain functions: they look at the state
 * of the nodes and change nothing.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Micros from "../internal/Micros.ts"
import * as SimulationError from "../SimulationError.ts"

/**
 * `true` if it holds; `false`, or what is wrong, if it does not. A text is truthy: what is passed to `every` or `some` must not
 * answer one.
 */
export type Predicate = () => boolean | string

interface Always {
  readonly name: string
  readonly predicate: Predicate
  readonly nodes: ReadonlySet<string> | undefined
}

/** Something that is waited for. */
export interface Goal {
  readonly predicate: Predicate
  readonly held: () => void
  readonly threw: (cause: unknown) => void
}

export interface Checks {
  readonly always: (check: Always) => void
  /** Waits for the predicate, which may hold already. The answer stops waiting. */
  readonly goal: (goal: Goal) => () => void
  /** Must hold once within the time. */
  readonly eventually: (name: string, predicate: Predicate, within: Duration.Duration) => Effect.Effect<void>
  /** Whether nothing is waited for that must hold `eventually`. */
  readonly settled: () => boolean
  /** Something that is to happen in some run. */
  readonly sometimes: (name: string, predicate: Predicate | undefined) => void
  readonly reached: (name: string) => void
  readonly marks: () => Readonly<Record<string, boolean>>
  /** The scenario is done: what must hold always need not hold while its nodes are stopped. */
  readonly end: () => void
  /** Evaluates what concerns a step of the node, or of the scenario. */
  readonly step: (node: string | undefined) => void
  /** Something else happened: evaluates what is waited for. */
  readonly look: () => void
}

/** Why a predicate does not hold; `undefined` if it does. */
export const wrong = (predicate: Predicate): string | undefined => {
  const answer = predicate()
  return answer === true ? undefined : answer === false ? "it does not hold" : answer
}

/** What an invariant that threw is reported as. */
export const threw = (invariant: string, at: number, cause: unknown): SimulationError.InvariantThrew =>
  new SimulationError.InvariantThrew({
    at,
    invariant,
    cause,
    message:
      `the invariant "${invariant}" threw at ${Micros.show(at)}: ${cause instanceof Error ? cause.message : String(cause)}. ` +
      "An invariant answers true, false, or a text that says what is wrong; it must cope with nodes that are not running (their service is undefined).",
  })

export const make = (options: {
  readonly now: () => number
  readonly fail: (failure: SimulationError.Failure) => void
  /** Runs something in so many microseconds, unless it is cancelled. */
  readonly after: (micros: number, run: () => void) => () => void
}): Checks => {
  const always: Array<Always> = []
  const goals = new Set<Goal>()
  const marks = new Map<string, boolean>()
  let pending = 0

  const check = ({ name, nodes, predicate }: Always, node: string | undefined): void => {
    if (nodes !== undefined && (node === undefined || !nodes.has(node))) return
    try {
      const reason = wrong(predicate)
      if (reason === undefined) return
      const at = options.now()
      options.fail(
        new SimulationError.InvariantViolated({
          at,
          invariant: name,
          ...(node === undefined ? {} : { node }),
          message: `"${name}" was violated at ${Micros.show(at)} by a step of ${node ?? "the scenario"}: ${reason}`,
        }),
      )
    } catch (cause) {
      options.fail(threw(name, options.now(), cause))
    }
  }

  const attempt = (goal: Goal): boolean => {
    try {
      if (wrong(goal.predicate) !== undefined) return false
      goals.delete(goal)
      goal.held()
    } catch (cause) {
      goals.delete(goal)
      goal.threw(cause)
    }
    return true
  }

  const self: Checks = {
    end: () => {
      always.length = 0
    },
    always: (added) => {
      always.push(added)
    },
    goal: (goal) => {
      if (!attempt(goal)) goals.add(goal)
      return () => goals.delete(goal)
    },
    eventually: (name, predicate, within) =>
      Effect.sync(() => {
        const from = options.now()
        pending++
        let stop = (): unknown => undefined
        const cancel = options.after(Micros.fromDuration(within), () => {
          if (attempt(goal)) return
          pending--
          stop()
          const at = options.now()
          options.fail(
            new SimulationError.InvariantViolated({
              at,
              invariant: name,
              message: `"${name}" did not come to hold within ${Duration.format(within)} from ${Micros.show(from)}: ${String(wrong(predicate))}`,
            }),
          )
        })
        const over = (): void => {
          pending--
          cancel()
        }
        const goal: Goal = {
          predicate,
          held: over,
          threw: (cause) => {
            over()
            options.fail(threw(name, options.now(), cause))
          },
        }
        stop = self.goal(goal)
      }),
    settled: () => pending === 0,
    sometimes: (name, predicate) => {
      if (!marks.has(name)) marks.set(name, false)
      if (predicate === undefined) return
      self.goal({
        predicate,
        held: () => marks.set(name, true),
        threw: (cause) => options.fail(threw(name, options.now(), cause)),
      })
    },
    reached: (name) => {
      marks.set(name, true)
    },
    marks: () => Object.fromEntries(marks),
    step: (node) => {
      for (const each of always) check(each, node)
      self.look()
    },
    look: () => {
      if (goals.size > 0) for (const goal of goals) attempt(goal)
    },
  }
  return self
}
