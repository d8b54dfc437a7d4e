/** Checks of the cluster as every member sees it: the verdict, answers, links and names. */
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { listNames, printable } from "../text.ts"
import { pairText, unlinkedPairs } from "../reachability.ts"
import type { Facts } from "./facts.ts"
import { check, fail, type Finding, ok, warn } from "./finding.ts"

const parts =
  'Look for a fault of the network between the parts: "coterie reachability" with the --url of a node on each side.'

/** Checks the verdict. */
export const cluster = ({ cluster: { rows, verdict } }: Facts): ReadonlyArray<Finding> => {
  const sentence = printable(verdict.sentence)
  if (rows.length === 0) return []
  switch (verdict.level) {
    case "ok":
      return check("cluster", "", [ok(sentence)])
    case "critical":
      return check("cluster", "", [fail(sentence, parts)])
    case "warning":
      return check("cluster", "", [
        warn(
          sentence,
          verdict.settling
            ? "A member has changed just now: ask again."
            : 'See the other findings, or "coterie cluster".',
        ),
      ])
  }
}

const answerAdvice: Readonly<Record<string, string>> = {
  timeout: "Its process is very busy or stopped, or its network is slow: look at its log.",
  notServing: 'Add "Admin.layer" to its program, or upgrade it.',
  noLink: 'The check "links" has the reasons of the dials.',
  lost: "Its link has just ended: ask again.",
  unreadable: "Its version does not fit, or it does not speak the protocol: compare the versions.",
}

/** Checks that all members answered. */
export const answers = ({ cluster: { unanswered }, rows }: Facts): ReadonlyArray<Finding> =>
  rows.length === 0
    ? []
    : check(
        "answers",
        "all members answered",
        unanswered.map(({ message, name, reason }) =>
          warn(
            `${printable(name)} did not answer (${printable(reason)}): ${printable(message)}`,
            answerAdvice[reason] ?? "Look at its log.",
          ),
        ),
      )

/** Checks that every pair of members has a link. A pair that has just changed is a warning. */
export const links = ({ cluster: { verdict }, rows }: Facts): ReadonlyArray<Finding> =>
  rows.length === 0
    ? []
    : check(
        "links",
        "every pair of members that was asked has a link",
        unlinkedPairs(rows).map((pair) => (verdict.settling ? warn : fail)(pairText(pair), pair.advice.join(" "))),
      )

/** Number of new lives of a name within the period from which two processes are the likely cause. */
const manyLives = 3
const lifePeriod = 10 * 60_000

const decodeReplaced = Schema.decodeUnknownOption(Schema.Struct({ peer: Schema.Struct({ name: Schema.String }) }))

/** Returns the names that a node saw replaced again and again within its last minutes. */
const restless = ({ services }: Facts): ReadonlySet<string> => {
  const names = new Set<string>()
  for (const { events, self } of services) {
    if (Result.isFailure(self)) continue
    const counts = new Map<string, number>()
    for (const { data, event } of events) {
      if (event !== "Replaced" || data.at < self.success.wallTime - lifePeriod) continue
      const decoded = decodeReplaced(data.event)
      if (Option.isNone(decoded)) continue
      const { name } = decoded.value.peer
      counts.set(name, (counts.get(name) ?? 0) + 1)
    }
    for (const [name, count] of counts) if (count >= manyLives) names.add(name)
  }
  return names
}

/** Returns the names of which members list different lives. */
const disputed = ({ rows }: Facts): ReadonlyArray<string> => {
  const lives = new Map<string, Set<number>>()
  const add = (name: string, generation: number) => lives.set(name, (lives.get(name) ?? new Set()).add(generation))
  for (const row of rows) {
    if (row.phase === "stopped") continue
    add(row.name, row.generation)
    for (const [i, name] of row.names.entries()) {
      if (row.status[i] === "a" || row.status[i] === "s") add(name, row.generations[i] ?? 0)
    }
  }
  return [...lives].flatMap(([name, generations]) => (generations.size > 1 ? [name] : []))
}

const twoProcesses = "Two processes use one name: give each process a name of its own."

/** Checks that no two processes use one name. */
export const names = (facts: Facts): ReadonlyArray<Finding> => {
  const often = restless(facts)
  const two = disputed(facts).filter((name) => !often.has(name))
  return check("names", "no name has two processes", [
    ...[...often].map((name) =>
      fail(`${printable(name)} was replaced ${manyLives} times or more within 10 minutes`, twoProcesses),
    ),
    ...(two.length === 0
      ? []
      : [
          warn(
            `members list different lives of ${listNames(two)}`,
            `This is normal for some seconds after a restart. If it lasts: ${twoProcesses}`,
          ),
        ]),
  ])
}
