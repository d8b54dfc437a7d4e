/**
 * The rule by which a node may mark runners as unhealthy. The locks in the storage keep two runners from owning a
 * shard. This rule keeps a node from taking shards away from living runners, and the two sides of a partition from
 * doing so to each other.
 */
import type { Verdict } from "./Verdict.ts"

/** A registered runner, and what this node knows of it. */
export interface JudgedRunner {
  /** Address as a text. */
  readonly address: string
  /** Flag in the storage. */
  readonly healthy: boolean
  readonly verdict: Verdict
  /** `true` for the runner of this node. */
  readonly isSelf: boolean
}

/**
 * - `now`: this node reaches more registered runners than it has lost.
 * - `later`: it has lost as many as it reaches, and the other side has the first address.
 * - `never`: it has lost more than it reaches, or it is not registered, or its own runner is marked as unhealthy.
 */
export type Judgement = "now" | "later" | "never"

const addressesOf = (runners: ReadonlyArray<JudgedRunner>, verdict: Verdict): ReadonlyArray<string> =>
  runners.filter((runner) => runner.verdict === verdict).map(({ address }) => address)

/** Returns `true` if this node is registered and healthy. */
const isInService = (runners: ReadonlyArray<JudgedRunner>): boolean =>
  runners.some(({ healthy, isSelf }) => isSelf && healthy)

/**
 * Decides whether this node may mark dead runners. Unknown runners do not count. Of the two sides of a partition, at
 * most one gets `now`.
 */
export const judge = (runners: ReadonlyArray<JudgedRunner>): Judgement => {
  if (!isInService(runners)) return "never"
  const reached = addressesOf(runners, "alive")
  const lost = addressesOf(runners, "dead")
  if (reached.length !== lost.length) return reached.length > lost.length ? "now" : "never"
  const [first = ""] = [...reached, ...lost].sort()
  return reached.includes(first) ? "now" : "later"
}

/** Returns the place of this node among the healthy runners that it reaches, so that they act one after the other. */
export const rankOf = (runners: ReadonlyArray<JudgedRunner>): number => {
  const self = runners.find(({ isSelf }) => isSelf)
  if (self === undefined) return 0
  return runners.filter(({ address, healthy, verdict }) => healthy && verdict === "alive" && address < self.address)
    .length
}
