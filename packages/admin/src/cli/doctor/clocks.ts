/** Check of the clocks of all nodes and of this machine. */
import * as Result from "effect/Result"
import { maxDifference } from "../../internal/verdict/clocks.ts"
import { ago, printable } from "../text.ts"
import type { Facts } from "./facts.ts"
import { check, fail, type Finding, warn } from "./finding.ts"

const minute = 60_000
const hour = 60 * minute

/** Difference from which a clock is a warning, and a failure. Logs and events are hard to compare from then on. */
const warnFrom = maxDifference
const failFrom = 10 * minute

/** Difference from which a further drift can break generations, which may be a day ahead of the clock of a peer at most. */
const dayFrom = 23 * hour

/** A clock: its distance from the clock of this machine, and the largest error of that, in milliseconds. */
interface Measured {
  readonly who: string
  readonly isHere: boolean
  readonly offset: number
  readonly error: number
}

const here: Measured = { who: "this machine", isHere: true, offset: 0, error: 0 }

/** Returns the clocks of all nodes, of each the most exact measurement. The time of a report is taken for its middle. */
const measuredOf = ({ services }: Facts): ReadonlyArray<Measured> => {
  const clocks = new Map<string, Measured>()
  const add = (name: string, offset: number, error: number): void => {
    const known = clocks.get(name)
    if (known !== undefined && known.error <= error) return
    clocks.set(name, { who: printable(name), isHere: false, offset, error })
  }
  for (const { at, cluster, self, tookMillis } of services) {
    if (Result.isFailure(self)) continue
    const asker = { offset: self.success.wallTime - at, error: tookMillis / 2 }
    add(self.success.name, asker.offset, asker.error)
    if (cluster?.askedBy !== self.success.name) continue
    const middle = cluster.at - cluster.tookMillis / 2
    for (const row of cluster.rows) {
      if (row.name !== self.success.name) {
        add(row.name, asker.offset + row.at - middle, asker.error + cluster.tookMillis / 2)
      }
    }
  }
  return [...clocks.values()]
}

const advice = "Let NTP set the clock, for example with chrony or systemd-timesyncd."

const dayAdvice =
  "A clock that is wrong by a day breaks generations: other nodes then refuse the node. Let NTP set the clock, and " +
  "restart the process after that."

/** Checks that the clocks agree. */
export const clocks = (facts: Facts): ReadonlyArray<Finding> => {
  const nodes = measuredOf(facts)
  const all = [here, ...nodes].sort((a, b) => a.offset - b.offset)
  const median = all[Math.floor(all.length / 2)]?.offset ?? 0
  const [only] = nodes
  const isPair = nodes.length === 1 && only !== undefined
  const deviations = (isPair ? [only] : all).flatMap((clock) => {
    const offset = clock.offset - (isPair ? 0 : median)
    const distance = Math.abs(offset) - clock.error
    if (distance < warnFrom) return []
    const length = ago(Math.round(Math.abs(offset) / minute) * minute)
    const message = isPair
      ? `the clocks of ${clock.who} and of this machine differ by ${length}`
      : `the clock of ${clock.who} is ${length} ${offset > 0 ? "ahead of" : "behind"} the others`
    const isFailure = distance >= failFrom && !clock.isHere
    return [(isFailure ? fail : warn)(message, distance >= dayFrom ? dayAdvice : advice)]
  })
  return check("clocks", "the clocks of the nodes and of this machine agree within a minute", deviations)
}
